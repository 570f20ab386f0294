package world

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"sync"
	"syscall"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
)

// S3 is an S3 server (versitygw) over a directory, with one account. Its port,
// buckets and objects are the same after Stop and Start.
type S3 struct {
	Endpoint  string // http://host:port
	Region    string
	AccessKey string
	SecretKey string
	Bucket    string // a plain bucket
	Locked    string // one that was made with object lock, hence versioned
	// DataDir holds a directory for each bucket, and a file for each object, for
	// tests that go behind the server's back.
	DataDir string

	workspace *workspace
	port      int

	mu   sync.Mutex // held while the server starts or stops
	proc *process   // nil when stopped
}

func newS3(ws *workspace) *S3 {
	return &S3{
		Region: "us-east-1", AccessKey: "world", SecretKey: "world-secret", Bucket: "audit", Locked: "audit-locked",
		DataDir: ws.path("s3", "buckets"), workspace: ws,
	}
}

// start brings the server up for the first time, on a fresh port, and makes the
// buckets. A port may be taken between choosing and using it, so it tries twice.
func (s *S3) start(ctx context.Context) error {
	for _, dir := range []string{s.DataDir, s.path("versions"), s.path("metadata")} {
		if err := os.MkdirAll(dir, 0o755); err != nil {
			return err
		}
	}
	err := s.startOnFreshPort(ctx)
	if errors.Is(err, errExited) && addressInUse(s.workspace.logFile("s3")) {
		err = s.startOnFreshPort(ctx)
	}
	if err != nil {
		return err
	}
	return s.makeBuckets(ctx)
}

func (s *S3) path(sub string) string { return filepath.Join(filepath.Dir(s.DataDir), sub) }

func (s *S3) startOnFreshPort(ctx context.Context) (err error) {
	if s.port, err = freePort(); err != nil {
		return err
	}
	s.Endpoint = "http://" + loopback(s.port)
	return s.Start(ctx)
}

// Start starts a stopped or killed server again and returns when it answers.
// Starting a running server does nothing.
func (s *S3) Start(ctx context.Context) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.proc != nil && s.proc.running() {
		return nil
	}
	path, err := built("s3")
	if err != nil {
		return fmt.Errorf("s3: %w", err)
	}
	proc, err := s.workspace.start(command{name: "s3", path: path, args: []string{
		"--port", loopback(s.port), "--access", s.AccessKey, "--secret", s.SecretKey, "--region", s.Region, "--quiet",
		// Metadata goes beside the objects: not every file system keeps attributes.
		"posix", "--versioning-dir", s.path("versions"), "--sidecar", s.path("metadata"), s.DataDir,
	}})
	if err != nil {
		return fmt.Errorf("s3: %w", err)
	}
	s.proc = proc
	return proc.awaitReady(ctx, func(ctx context.Context) error {
		_, err := s.Client().ListBuckets(ctx, &s3.ListBucketsInput{})
		return err
	})
}

// Client is one that may do everything, and tries once.
func (s *S3) Client() *s3.Client {
	return s3.New(s3.Options{
		BaseEndpoint: &s.Endpoint, Region: s.Region, UsePathStyle: true,
		Credentials:      credentials.NewStaticCredentialsProvider(s.AccessKey, s.SecretKey, ""),
		RetryMaxAttempts: 1,
	})
}

// makeBuckets makes those that are not there yet.
func (s *S3) makeBuckets(ctx context.Context) error {
	for name, lock := range map[string]bool{s.Bucket: false, s.Locked: true} {
		_, err := s.Client().CreateBucket(ctx, &s3.CreateBucketInput{Bucket: &name, ObjectLockEnabledForBucket: aws.Bool(lock)})
		var own *types.BucketAlreadyOwnedByYou
		if err != nil && !errors.As(err, &own) {
			return fmt.Errorf("s3: make bucket %s: %w", name, err)
		}
	}
	return nil
}

// LockAll has every object that is written to the bucket Locked from now on kept for
// so many days (retention mode COMPLIANCE), whoever wants to delete it.
func (s *S3) LockAll(ctx context.Context, days int32) error {
	_, err := s.Client().PutObjectLockConfiguration(ctx, &s3.PutObjectLockConfigurationInput{
		Bucket: &s.Locked, ObjectLockConfiguration: &types.ObjectLockConfiguration{
			ObjectLockEnabled: types.ObjectLockEnabledEnabled,
			Rule:              &types.ObjectLockRule{DefaultRetention: &types.DefaultRetention{Mode: types.ObjectLockRetentionModeCompliance, Days: &days}},
		},
	})
	if err != nil {
		return fmt.Errorf("s3: lock what is written to %s: %w", s.Locked, err)
	}
	return nil
}

// URL is that of a bucket for gocloud.dev/blob, without credentials: those are
// expected in the environment, see [S3.Environment]. Parameters are name and
// value by turns.
func (s *S3) URL(bucket string, parameters ...string) string {
	query := url.Values{"endpoint": {s.Endpoint}, "region": {s.Region}, "use_path_style": {"true"}}
	for i := 0; i+1 < len(parameters); i += 2 {
		query.Set(parameters[i], parameters[i+1])
	}
	return "s3://" + bucket + "?" + query.Encode()
}

// Environment is what a process needs to be let in, as NAME=value.
func (s *S3) Environment() []string {
	return []string{"AWS_ACCESS_KEY_ID=" + s.AccessKey, "AWS_SECRET_ACCESS_KEY=" + s.SecretKey, "AWS_EC2_METADATA_DISABLED=true"}
}

// Stop ends the server (SIGTERM). Stopping a stopped server does nothing.
func (s *S3) Stop(ctx context.Context) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.proc == nil {
		return nil
	}
	proc := s.proc
	s.proc = nil
	return proc.stop(ctx, syscall.SIGTERM, 20*time.Second)
}

// Kill ends the server with SIGKILL; Start brings it back.
func (s *S3) Kill() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.proc != nil {
		s.proc.kill()
		s.proc = nil
	}
}

func (s *S3) close() error {
	if s.workspace.temporary {
		s.Kill()
		return nil
	}
	return s.Stop(context.Background())
}

func (s *S3) String() string { return "S3 on " + s.Endpoint }
