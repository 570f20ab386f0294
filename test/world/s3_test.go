package world

import (
	"bytes"
	"errors"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
	"github.com/aws/smithy-go"
)

func TestS3KeepsObjectsOverAKillAndTheNextWorld(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	w := worldOfS3(t, dir)
	put(t, w.S3, &s3.PutObjectInput{Bucket: &w.S3.Bucket, Key: aws.String("kept")})
	w.S3.Kill()
	if err := w.S3.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	kept(t, w.S3)
	if err := w.Stop(); err != nil {
		t.Fatal(err)
	}
	next := worldOfS3(t, dir)
	kept(t, next.S3)
}

func TestS3RefusesToWriteOverAnObjectAndToDeleteALockedOne(t *testing.T) {
	t.Parallel()
	server := worldOfS3(t, "").S3
	locked := &s3.PutObjectInput{
		Bucket: &server.Locked, Key: aws.String("kept"), IfNoneMatch: aws.String("*"),
		ObjectLockMode: types.ObjectLockModeCompliance, ObjectLockRetainUntilDate: aws.Time(time.Now().Add(24 * time.Hour)),
	}
	version := put(t, server, locked)
	if _, err := server.Client().PutObject(t.Context(), locked); code(err) != "PreconditionFailed" {
		t.Errorf("a second object under one name: %v, want PreconditionFailed", err)
	}
	_, err := server.Client().DeleteObject(t.Context(), &s3.DeleteObjectInput{Bucket: &server.Locked, Key: aws.String("kept"), VersionId: version})
	if code(err) != "AccessDenied" {
		t.Errorf("deleting a locked object: %v, want AccessDenied", err)
	}
}

func worldOfS3(t *testing.T, dir string) *World {
	t.Helper()
	w, err := Start(t.Context(), Options{Dir: dir, S3: true})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := w.Stop(); err != nil {
			t.Error(err)
		}
	})
	return w
}

func put(t *testing.T, server *S3, in *s3.PutObjectInput) (version *string) {
	t.Helper()
	in.Body = bytes.NewReader([]byte("content"))
	out, err := server.Client().PutObject(t.Context(), in)
	if err != nil {
		t.Fatal(err)
	}
	in.Body = bytes.NewReader([]byte("content"))
	return out.VersionId
}

func kept(t *testing.T, server *S3) {
	t.Helper()
	if _, err := server.Client().HeadObject(t.Context(), &s3.HeadObjectInput{Bucket: &server.Bucket, Key: aws.String("kept")}); err != nil {
		t.Error(err)
	}
}

func code(err error) string {
	var api smithy.APIError
	if errors.As(err, &api) {
		return api.ErrorCode()
	}
	return ""
}
