package archive

import (
	"context"
	"errors"
	"io"
	"strings"
	"time"

	"gocloud.dev/blob"
	_ "gocloud.dev/blob/azureblob" // azblob://
	_ "gocloud.dev/blob/gcsblob"   // gs://
	"gocloud.dev/gcerrors"
)

// bucket is where objects are. Keys are below its prefix.
type bucket struct {
	blob   *blob.Bucket
	prefix string
	driver
}

// driver is what the kinds of buckets do in their own ways.
type driver interface {
	// put writes an object whole or not at all, and never over another one, for
	// which it fails with errExists.
	put(ctx context.Context, key string, o upload) error
	// remove takes an object away for good, with all its versions; one that is not
	// there is no error.
	remove(ctx context.Context, key string) error
	// locked is until when nobody can delete the object; zero when anybody may.
	locked(ctx context.Context, key string) (time.Time, error)
	// check finds what would make put fail, as far as can be told without it.
	check(ctx context.Context) error
}

// upload is an object that is to be written.
type upload struct {
	body        io.ReadSeeker
	size        int64
	sha256      [32]byte
	contentType string
}

var errExists = errors.New("there is such an object already")

func openBucket(ctx context.Context, at place, lock time.Duration) (*bucket, error) {
	if at.scheme == "file" {
		return openDirectory(at)
	}
	opened, err := blob.OpenBucket(ctx, at.url.String())
	if err != nil {
		return nil, fail(err, "open the bucket")
	}
	b := &bucket{blob: opened, prefix: at.prefix, driver: plainDriver{opened}}
	if at.scheme == "s3" {
		b.driver, err = newS3Driver(opened, at, lock)
	}
	return b, err
}

// object is one that a listing found.
type object struct {
	key  string // without the prefix
	size int64
}

// list lists the objects whose keys begin so, sorted by key.
func (b *bucket) list(ctx context.Context, prefix string) (objects []object, err error) {
	err = b.each(ctx, &blob.ListOptions{Prefix: b.prefix + prefix}, func(o *blob.ListObject) {
		objects = append(objects, object{strings.TrimPrefix(o.Key, b.prefix), o.Size})
	})
	return objects, fail(err, "list %s", prefix)
}

// directories lists what stands between the prefix and the next slash. On a file
// system one may be empty, see [bucket.empty].
func (b *bucket) directories(ctx context.Context, prefix string) (names []string, err error) {
	if files, ok := b.driver.(fileDriver); ok {
		names, err = files.directories(b.prefix + prefix)
		return names, fail(err, "list %s", prefix)
	}
	err = b.each(ctx, &blob.ListOptions{Prefix: b.prefix + prefix, Delimiter: "/"}, func(o *blob.ListObject) {
		if o.IsDir {
			names = append(names, strings.TrimSuffix(strings.TrimPrefix(o.Key, b.prefix+prefix), "/"))
		}
	})
	return names, fail(err, "list %s", prefix)
}

// empty tells that a directory, in which nothing was put after all, has no object.
func (b *bucket) empty(directory string) bool {
	files, ok := b.driver.(fileDriver)
	return ok && files.empty(b.prefix+directory)
}

func (b *bucket) each(ctx context.Context, o *blob.ListOptions, do func(*blob.ListObject)) error {
	for objects := b.blob.List(o); ; {
		found, err := objects.Next(ctx)
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		do(found)
	}
}

// read returns an object's bytes, which must be no more than limit.
func (b *bucket) read(ctx context.Context, key string, limit int64) ([]byte, error) {
	r, err := b.blob.NewReader(ctx, b.prefix+key, nil)
	if err != nil {
		return nil, fail(err, "read %s", key)
	}
	defer func() { _ = r.Close() }()
	if r.Size() > limit {
		return nil, fail(altered("it has %d bytes, more than the %d that it could have", r.Size(), limit), "read %s", key)
	}
	content, err := io.ReadAll(r)
	return content, fail(err, "read %s", key)
}

// exists tells whether there is such an object.
func (b *bucket) exists(ctx context.Context, key string) (bool, error) {
	there, err := b.blob.Exists(ctx, b.prefix+key)
	return there, fail(err, "look for %s", key)
}

// at reads parts of an object.
func (b *bucket) at(ctx context.Context, key string) io.ReaderAt {
	return readerAt(func(p []byte, offset int64) (int, error) {
		r, err := b.blob.NewRangeReader(ctx, b.prefix+key, offset, int64(len(p)), nil)
		if err != nil {
			return 0, fail(err, "read %s", key)
		}
		defer func() { _ = r.Close() }()
		n, err := io.ReadFull(r, p)
		if errors.Is(err, io.ErrUnexpectedEOF) && offset+int64(n) >= r.Size() {
			return n, io.EOF
		}
		return n, fail(err, "read %s", key)
	})
}

type readerAt func([]byte, int64) (int, error)

func (f readerAt) ReadAt(p []byte, offset int64) (int, error) { return f(p, offset) }

func (b *bucket) put(ctx context.Context, key string, o upload) error {
	return b.driver.put(ctx, b.prefix+key, o)
}

func (b *bucket) remove(ctx context.Context, key string) error {
	return fail(b.driver.remove(ctx, b.prefix+key), "delete %s", key)
}

func (b *bucket) locked(ctx context.Context, key string) (time.Time, error) {
	until, err := b.driver.locked(ctx, b.prefix+key)
	return until, fail(err, "look whether %s is locked", key)
}

// plainDriver is for buckets of which gocloud.dev does all that we need: Google
// and Azure create objects whole, and only if there is none.
type plainDriver struct{ blob *blob.Bucket }

// partBytes bounds the memory of an upload.
const partBytes = 8 << 20

func (d plainDriver) put(ctx context.Context, key string, o upload) error {
	err := d.blob.Upload(ctx, key, o.body, &blob.WriterOptions{
		IfNotExist: true, ContentType: o.contentType, BufferSize: partBytes, MaxConcurrency: 1,
	})
	if gcerrors.Code(err) == gcerrors.FailedPrecondition {
		return errExists
	}
	return err
}

func (d plainDriver) remove(ctx context.Context, key string) error {
	if err := d.blob.Delete(ctx, key); gcerrors.Code(err) != gcerrors.NotFound {
		return err
	}
	return nil
}

func (plainDriver) locked(context.Context, string) (time.Time, error) { return time.Time{}, nil }

func (plainDriver) check(context.Context) error { return nil }
