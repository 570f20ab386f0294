package archive

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"hash"
	"io"
	"os"
)

// spool is a local file without a name: it goes when it is closed, or with the
// process.
type spool struct {
	file   *os.File // not embedded: its other methods would write past the hash
	size   int64
	sha256 [32]byte // once it is complete
	hash   hash.Hash
}

func newSpool(dir string) (*spool, error) {
	f, err := os.CreateTemp(dir, "auditflow-*")
	if err != nil {
		return nil, fail(err, "make a temporary file")
	}
	if err := os.Remove(f.Name()); err != nil {
		_ = f.Close()
		return nil, fail(err, "make a temporary file")
	}
	return &spool{file: f, hash: sha256.New()}, nil
}

func (s *spool) Write(p []byte) (int, error) {
	n, err := s.file.Write(p)
	s.hash.Write(p[:n])
	s.size += int64(n)
	return n, err
}

// complete computes what the file's bytes are known by.
func (s *spool) complete() { s.hash.Sum(s.sha256[:0]) }

func (s *spool) sum() string { return hex.EncodeToString(s.sha256[:]) }

// ReadAt reads the file.
func (s *spool) ReadAt(p []byte, offset int64) (int, error) { return s.file.ReadAt(p, offset) }

func (s *spool) close() { _ = s.file.Close() } // nobody will read it again

// fetch copies an object into a spool. It fails when the object has more bytes
// than it must have; whether it has fewer, or others, is for the caller to see.
func (a *Archive) fetch(ctx context.Context, key string, size int64) (*spool, error) {
	r, err := a.bucket.blob.NewReader(ctx, a.bucket.prefix+key, nil)
	if err != nil {
		return nil, fail(err, "read %s", key)
	}
	defer func() { _ = r.Close() }()
	s, err := newSpool(a.config.Dir)
	if err != nil {
		return nil, err
	}
	// One more than it should have: a longer one shows, and fills no disk.
	if _, err := io.CopyBuffer(s, io.LimitReader(r, size+1), make([]byte, 256<<10)); err != nil {
		s.close()
		return nil, fail(err, "read %s", key)
	}
	s.complete()
	return s, nil
}
