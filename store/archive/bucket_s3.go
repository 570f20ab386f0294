package archive

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
	"github.com/aws/smithy-go"
	"gocloud.dev/blob"
	_ "gocloud.dev/blob/s3blob" // s3://
)

// s3Driver speaks to S3 itself where gocloud.dev has no word: object lock, whole
// objects in one request with their checksum, versions.
type s3Driver struct {
	client *s3.Client
	bucket string
	lock   time.Duration

	encryption types.ServerSideEncryption
	key        string
}

func newS3Driver(opened *blob.Bucket, at place, lock time.Duration) (*s3Driver, error) {
	d := &s3Driver{bucket: at.url.Host, lock: lock}
	if !opened.As(&d.client) {
		return nil, errors.New("open the bucket: it is not one of S3")
	}
	query := at.url.Query()
	d.key = query.Get("kmskeyid")
	for _, known := range d.encryption.Values() {
		if strings.EqualFold(string(known), query.Get("ssetype")) {
			d.encryption = known
		}
	}
	return d, nil
}

// put needs no memory for the body, and S3 refuses it if its SHA-256 is another.
func (d *s3Driver) put(ctx context.Context, key string, o upload) error {
	in := &s3.PutObjectInput{
		Bucket: &d.bucket, Key: &key, Body: o.body, ContentLength: &o.size, ContentType: &o.contentType,
		ChecksumSHA256:       aws.String(base64.StdEncoding.EncodeToString(o.sha256[:])),
		IfNoneMatch:          aws.String("*"),
		ServerSideEncryption: d.encryption,
	}
	if d.key != "" {
		in.SSEKMSKeyId = &d.key
	}
	if d.lock > 0 {
		in.ObjectLockMode = types.ObjectLockModeCompliance
		in.ObjectLockRetainUntilDate = aws.Time(time.Now().Add(d.lock).UTC())
	}
	_, err := d.client.PutObject(ctx, in)
	if answered(err, "PreconditionFailed") {
		return errExists
	}
	return err
}

// remove takes away all versions: in a versioned bucket, which one with object
// lock is, deleting an object only hides it.
func (d *s3Driver) remove(ctx context.Context, key string) error {
	versions, err := d.versions(ctx, key)
	if err != nil {
		return err
	}
	for _, version := range versions {
		_, err := d.client.DeleteObject(ctx, &s3.DeleteObjectInput{Bucket: &d.bucket, Key: &key, VersionId: version})
		if err != nil && !answered(err, "NoSuchKey", "NoSuchVersion") {
			return err
		}
	}
	return nil
}

// versions lists all versions of an object and the marks that hide it, or a
// single nil, for the object itself, where the server knows of no versions.
func (d *s3Driver) versions(ctx context.Context, key string) (ids []*string, err error) {
	pages := s3.NewListObjectVersionsPaginator(d.client, &s3.ListObjectVersionsInput{Bucket: &d.bucket, Prefix: &key})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if answered(err, "NotImplemented") {
			return []*string{nil}, nil
		}
		if err != nil {
			return nil, err
		}
		for _, v := range page.Versions {
			if aws.ToString(v.Key) == key {
				ids = append(ids, v.VersionId)
			}
		}
		for _, m := range page.DeleteMarkers {
			if aws.ToString(m.Key) == key {
				ids = append(ids, m.VersionId)
			}
		}
	}
	return ids, nil
}

func (d *s3Driver) locked(ctx context.Context, key string) (until time.Time, err error) {
	head, err := d.client.HeadObject(ctx, &s3.HeadObjectInput{Bucket: &d.bucket, Key: &key})
	if err != nil {
		if notFound(err) {
			return until, nil
		}
		return until, err
	}
	if head.ObjectLockLegalHoldStatus == types.ObjectLockLegalHoldStatusOn {
		return forEver, nil
	}
	if head.ObjectLockRetainUntilDate != nil && head.ObjectLockRetainUntilDate.After(time.Now()) {
		return *head.ObjectLockRetainUntilDate, nil
	}
	return until, nil
}

//nolint:gochecknoglobals // a constant that takes a call to write
var forEver = time.Date(9999, 12, 31, 0, 0, 0, 0, time.UTC)

func (d *s3Driver) check(ctx context.Context) error {
	if d.lock == 0 {
		return nil
	}
	out, err := d.client.GetObjectLockConfiguration(ctx, &s3.GetObjectLockConfigurationInput{Bucket: &d.bucket})
	if answered(err, "ObjectLockConfigurationNotFoundError", "InvalidBucketObjectLockConfiguration") ||
		err == nil && (out.ObjectLockConfiguration == nil || out.ObjectLockConfiguration.ObjectLockEnabled != types.ObjectLockEnabledEnabled) {
		return errors.New("lock: the bucket was not made with object lock")
	}
	if err != nil {
		return fmt.Errorf("ask for the bucket's object lock: %w", err)
	}
	return nil
}

func answered(err error, codes ...string) bool {
	api, ok := errors.AsType[smithy.APIError](err)
	if !ok {
		return false
	}
	for _, code := range codes {
		if api.ErrorCode() == code {
			return true
		}
	}
	return false
}

func notFound(err error) bool {
	response, ok := errors.AsType[*awshttp.ResponseError](err)
	return ok && response.HTTPStatusCode() == http.StatusNotFound
}
