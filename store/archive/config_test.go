package archive_test

import (
	"os"
	"strings"
	"testing"
	"time"

	"github.com/auditflow/auditflow/store/archive"
)

func TestAConfigurationTellsAllItsFaults(t *testing.T) {
	t.Parallel()
	err := archive.Config{URL: "ftp://host", SegmentRows: -1, SegmentBytes: 1 << 40, Lock: time.Hour}.Validate()
	for _, field := range []string{"url: ", "segment_rows: ", "segment_bytes: ", "lock: "} {
		if err == nil || !strings.Contains(err.Error(), field) {
			t.Errorf("%s is not among the faults: %v", field, err)
		}
	}
	for url, want := range map[string]string{
		"":                             "is required",
		"file://relative/dir":          "whole path",
		"file:///dir?region=eu":        "no such parameter",
		"s3://":                        "s3://bucket",
		"s3://bucket/key":              "?prefix=",
		"s3://AKIA:s3cr3t@bucket":      "credentials",
		"s3://bucket?prefix=../b":      "upwards",
		"s3://buck et":                 "is no URL",
		"file:///dir?prefix=a/../../b": "upwards",
	} {
		err := archive.Config{URL: url}.Validate()
		if err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "s3cr3t") {
			t.Errorf("%q: got %v, want %q", url, err, want)
		}
	}
	for _, url := range []string{"file:///dir", "s3://bucket?region=eu-central-1&prefix=a/b", "gs://bucket", "azblob://container"} {
		if err := (archive.Config{URL: url}).Validate(); err != nil {
			t.Errorf("%q: %v", url, err)
		}
	}
	if err := (archive.Config{URL: "file:///dir", Lock: 24 * time.Hour}).Validate(); err == nil || !strings.Contains(err.Error(), "lock: ") {
		t.Errorf("a lock on a directory: %v", err)
	}
}

func TestCheckSaysWhatIsWrong(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	for name, tc := range map[string]struct {
		config archive.Config
		want   string // in the sentence; empty when nothing is wrong
		class  string
	}{
		"all is well on S3":          {archive.Config{URL: server.URL(server.Bucket)}, "", ""},
		"all is well with a lock":    {archive.Config{URL: server.URL(server.Locked), Lock: 24 * time.Hour}, "", ""},
		"all is well in a directory": {archive.Config{URL: "file://" + dir}, "", ""},
		"no such bucket":             {archive.Config{URL: server.URL("nobody")}, "there is no such bucket", archive.ClassNotFound},
		"no right":                   {archive.Config{URL: server.URL(server.Bucket, "anonymous", "true")}, "there is no right to list the bucket", archive.ClassPermission},
		"a bucket without locks":     {archive.Config{URL: server.URL(server.Bucket), Lock: 24 * time.Hour}, "was not made with object lock", archive.ClassArchive},
		"nobody at the address":      {archive.Config{URL: server.URL(server.Bucket, "endpoint", "http://127.0.0.1:1")}, "the bucket is not reached", archive.ClassConnection},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			a, err := archive.Open(t.Context(), tc.config)
			must(t, err)
			defer func() { must(t, a.Close()) }()
			err = a.Check(t.Context())
			equal(t, "class", archive.Class(err), tc.class)
			if tc.want == "" && err != nil || tc.want != "" && (err == nil || !strings.Contains(err.Error(), tc.want)) {
				t.Errorf("got %v, want %q", err, tc.want)
			}
		})
	}
	_, err := archive.Open(t.Context(), archive.Config{URL: "file://" + dir + "/none"})
	equal(t, "class of a directory that is not there", archive.Class(err), archive.ClassNotFound)
	created, err := archive.Open(t.Context(), archive.Config{URL: "file://" + dir + "/new?create_dir=true"})
	must(t, err)
	must(t, created.Check(t.Context()))
	must(t, created.Close())
	if _, err := os.Stat(dir + "/new"); err != nil {
		t.Error(err)
	}
}
