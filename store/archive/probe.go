package archive

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/sha256"
	"errors"
)

// probeDirectory is beside the table's, so that no probe is ever taken for a part
// of the archive.
const probeDirectory = "auditflow-probe/"

// TryWrite writes a small object, reads it back and takes it away again: whether
// that is possible cannot be told without doing it. It is not locked, whatever
// [Config.Lock] says, or it would stay. What was written and could not be taken
// away is named in the error.
func (a *Archive) TryWrite(ctx context.Context) error {
	content := []byte("Written to see whether it can be. It may be deleted.\n")
	key := probeDirectory + rand.Text()
	unlocked := *a.bucket
	if s3, ok := unlocked.driver.(*s3Driver); ok && s3.lock != 0 {
		without := *s3
		without.lock = 0
		unlocked.driver = &without
	}
	o := upload{bytes.NewReader(content), int64(len(content)), sha256.Sum256(content), "text/plain"}
	if err := unlocked.put(ctx, key, o); err != nil {
		return fail(err, "write %s", key)
	}
	back, err := unlocked.read(ctx, key, int64(len(content)))
	if err == nil && !bytes.Equal(back, content) {
		err = fail(altered("it is not what was written"), "read %s", key)
	}
	return errors.Join(err, unlocked.remove(ctx, key))
}
