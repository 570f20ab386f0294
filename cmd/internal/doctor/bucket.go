package doctor

import (
	"context"
	"strings"

	"github.com/auditflow/auditflow/audit/lifecycle"
	"github.com/auditflow/auditflow/store/archive"
)

// The checks of the area.
const (
	checkRead  = "reading"
	checkWrite = "writing"
	checkLock  = "object lock"
)

func (e Exam) bucket(ctx context.Context, c *chart, p Patient) {
	if p.Bucket.URL == "" {
		for _, check := range []string{checkRead, checkWrite, checkLock} {
			c.skip(check, "nobody said where the archive is (--bucket-url); without one nothing is archived, and nothing deleted")
		}
		return
	}
	bucket, err := archive.Open(ctx, p.Bucket)
	if err != nil {
		c.away(checkRead, cureOf(err), err, checkWrite, checkLock)
		return
	}
	defer func() { _ = bucket.Close() }() // there is nothing that closing could lose
	if !e.reads(ctx, c, bucket) {
		c.skip(checkWrite, checkRead+" has to be put right first")
		c.skip(checkLock, checkRead+" has to be put right first")
		return
	}
	e.writes(ctx, c, bucket)
	if p.Bucket.Lock == 0 {
		c.skip(checkLock, "not configured (maintenance.archive.object_lock)")
		return
	}
	// With a lock configured it is S3, where this asks for the bucket's settings.
	if err := e.within(ctx, bucket.Check); err != nil {
		c.fault(checkLock, "make another bucket with object lock, which cannot be had later, or leave out maintenance.archive.object_lock", "%v", err)
		return
	}
	c.ok(checkLock, "the bucket has it; objects are locked for %s", lifecycle.Age(p.Bucket.Lock))
}

// reads lists the bucket and reads the manifests of its latest period.
func (e Exam) reads(ctx context.Context, c *chart, bucket *archive.Archive) bool {
	err := e.within(ctx, func(ctx context.Context) error {
		periods, err := bucket.Periods(ctx)
		if err != nil {
			return err
		}
		if len(periods) == 0 {
			c.ok(checkRead, "it can be listed; nothing is archived in it yet")
			return nil
		}
		latest := periods[len(periods)-1].Suffix()
		manifests, err := bucket.Manifests(ctx, latest)
		if err != nil {
			return err
		}
		c.ok(checkRead, "it can be listed and read; the latest of its periods (%d) is %s, the last of its manifests number %d", len(periods), latest, len(manifests))
		return nil
	})
	if err != nil {
		finding := c.add(checkRead, Fault, cureOf(err), "%v", err)
		finding.Away = archive.Class(err) != archive.ClassAltered
	}
	return err == nil
}

// writes tries only when it is asked to: what was written might not go away again.
func (e Exam) writes(ctx context.Context, c *chart, bucket *archive.Archive) {
	if !e.Write {
		c.skip(checkWrite, "only with --write, which writes a small object and deletes it")
		return
	}
	if err := e.within(ctx, bucket.TryWrite); err != nil {
		c.fault(checkWrite, "give whoever runs workers the right to put, read and delete objects", "%s", strings.ReplaceAll(err.Error(), "\n", "; "))
		return
	}
	c.ok(checkWrite, "an object was written, read and deleted again, without a lock")
}

func cureOf(err error) string {
	switch archive.Class(err) {
	case archive.ClassAltered:
		return "auditctl verify, which names everything that is wrong"
	case archive.ClassPermission:
		return "put the credentials right, which are found where the provider's own tools find them; listing and reading are needed"
	case archive.ClassNotFound:
		return "create the bucket, or put its URL right (--bucket-url, maintenance.archive.bucket_url)"
	}
	return "look whether the bucket can be reached from here, and at its URL (--bucket-url)"
}
