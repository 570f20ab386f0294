package archive

import (
	"context"
	"fmt"
)

// Archive is open on a bucket. Its methods may be called at the same time, and
// by several processes.
type Archive struct {
	config Config
	bucket *bucket
}

// Open checks the configuration and prepares access to the bucket; whether it is
// there is for [Archive.Check] to find out. Close it in the end.
func Open(ctx context.Context, c Config) (*Archive, error) {
	at, err := c.resolve()
	if err != nil {
		return nil, fmt.Errorf("archive: %w", err)
	}
	b, err := openBucket(ctx, at, c.Lock)
	if err != nil {
		return nil, fmt.Errorf("archive: url: %w", err)
	}
	return &Archive{c, b}, nil
}

// Close gives up what Open took.
func (a *Archive) Close() error { return a.bucket.blob.Close() }

// Check says in a sentence why the archive cannot be used, as far as can be told
// without writing to it: no such bucket, no right to list it, no object lock.
func (a *Archive) Check(ctx context.Context) error {
	_, err := a.bucket.directories(ctx, auditTable+"/")
	switch Class(err) {
	case "":
		return fail(a.bucket.check(ctx), "archive")
	case ClassNotFound:
		return fail(err, "archive: there is no such bucket")
	case ClassPermission:
		return fail(err, "archive: there is no right to list the bucket")
	case ClassConnection, ClassTimeout:
		return fail(err, "archive: the bucket is not reached")
	}
	return fail(err, "archive: the bucket cannot be listed")
}
