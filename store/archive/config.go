package archive

import (
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"time"
)

const (
	defaultSegmentRows  = 250_000
	defaultSegmentBytes = 128 << 20
	maxSegmentRows      = 10_000_000
	maxSegmentBytes     = 4 << 30 // raw; S3 takes 5 GiB in one request

	minLock = 24 * time.Hour
	maxLock = 100 * 365 * 24 * time.Hour
)

// Config says where the archive is and how it is written.
type Config struct {
	// URL is the bucket: file:///dir, s3://bucket, gs://bucket or
	// azblob://container, with the parameters of gocloud.dev/blob (for S3: region,
	// endpoint, use_path_style, profile, ssetype, kmskeyid, …; for a directory:
	// create_dir) and prefix=a/b for all keys. Credentials come from where the
	// provider's own tools find them, never from the URL. Required.
	URL string
	// SegmentRows is how many rows a segment has at most; 0 means 250,000.
	SegmentRows int64
	// SegmentBytes is how many raw bytes a segment has at most, give or take a
	// batch of 1 MiB; the file is about a fifth of it. 0 means 128 MiB.
	SegmentBytes int64
	// Lock is for how long from its writing nobody can delete an object, not even
	// the owner of the bucket (S3 object lock in mode COMPLIANCE); whole seconds,
	// a day at least, 0 for not at all. Only on S3, in a bucket that was made with
	// object lock.
	Lock time.Duration
	// Dir is where a segment lies while it is written, and a copy while it is
	// read: up to three times the size of a file (about 150 MiB by default). They
	// have no name and go with the process. Empty means the system's directory for
	// temporary files.
	Dir string
}

// Validate reports every fault at once, each with its field.
func (c Config) Validate() error {
	_, err := c.resolve()
	return err
}

// place is a URL taken apart.
type place struct {
	scheme string
	url    *url.URL // without prefix
	prefix string   // of all keys: empty, or with a slash at its end
}

func (c *Config) resolve() (place, error) {
	var faults []error
	fault := func(format string, args ...any) { faults = append(faults, fmt.Errorf(format, args...)) }
	at, err := parseURL(c.URL)
	if err != nil {
		fault("url: %w", err)
	}
	switch {
	case c.SegmentRows < 0 || c.SegmentRows > maxSegmentRows:
		fault("segment_rows: %d: want 1 to %d, or 0 for %d", c.SegmentRows, maxSegmentRows, defaultSegmentRows)
	case c.SegmentRows == 0:
		c.SegmentRows = defaultSegmentRows
	}
	switch {
	case c.SegmentBytes < 0 || c.SegmentBytes > maxSegmentBytes:
		fault("segment_bytes: %d: want 1 to %d, or 0 for %d", c.SegmentBytes, int64(maxSegmentBytes), defaultSegmentBytes)
	case c.SegmentBytes == 0:
		c.SegmentBytes = defaultSegmentBytes
	}
	if c.Lock != 0 {
		if c.Lock < minLock || c.Lock > maxLock || c.Lock%time.Second != 0 {
			fault("lock: %v: want whole seconds, %v to %v, or 0 for none", c.Lock, minLock, maxLock)
		}
		if err == nil && at.scheme != "s3" {
			fault("lock: only an S3 bucket can lock objects, not %s", at.scheme)
		}
	}
	return at, errors.Join(faults...)
}

func parseURL(s string) (place, error) {
	if s == "" {
		return place{}, errors.New("is required")
	}
	u, err := url.Parse(s)
	if err != nil {
		return place{}, errors.New("is no URL") // url.Error would show it
	}
	if u.User != nil {
		return place{}, errors.New("must not hold credentials")
	}
	query := u.Query()
	at := place{scheme: u.Scheme, url: u, prefix: strings.Trim(query.Get("prefix"), "/")}
	if at.prefix != "" {
		at.prefix += "/"
	}
	if slices.Contains(strings.Split(at.prefix, "/"), "..") {
		return place{}, errors.New("prefix: must not lead upwards with .. in it")
	}
	query.Del("prefix")
	if u.Scheme == "s3" && !query.Has("response_checksum_validation") {
		// The client would fail on bytes that were altered without saying so. We
		// compare SHA-256 ourselves, and say so.
		query.Set("response_checksum_validation", "when_required")
	}
	u.RawQuery = query.Encode()
	switch u.Scheme {
	case "file":
		if u.Path == "" || u.Host != "" && u.Host != "localhost" {
			return place{}, errors.New("want file:///dir, with the whole path")
		}
		for name := range query {
			if name != "create_dir" {
				return place{}, fmt.Errorf("%s: a directory has no such parameter", name)
			}
		}
	case "s3", "gs", "azblob":
		if u.Host == "" || u.Path != "" && u.Path != "/" {
			return place{}, fmt.Errorf("want %s://bucket, and what comes before the keys as ?prefix=", u.Scheme)
		}
	default:
		return place{}, fmt.Errorf("scheme %q: want file, s3, gs or azblob", u.Scheme)
	}
	return at, nil
}
