package secrecy_test

import (
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"github.com/auditflow/auditflow/audit/redact"
	"github.com/auditflow/auditflow/audit/seal"
	"github.com/auditflow/auditflow/cmd/internal/secrecy"
	"github.com/auditflow/auditflow/internal/daemon"
)

// What opens a sealer and then fails must not leave its watch behind.
func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// lines takes what one goroutine logs to another that reads it.
type lines chan string

func (l lines) Write(line []byte) (int, error) { l <- string(line); return len(line), nil }

func (l lines) all() (text string) {
	for len(l) > 0 {
		text += <-l
	}
	return text
}

func TestTheLogOfAnIdleProcessTellsThatTheKeysetChanged(t *testing.T) {
	t.Parallel()
	redact.New() // what all tests share must not be made in the bubble of one
	synctest.Test(t, func(t *testing.T) {
		const soon = 5 * time.Second // as docs/keys.md promises
		f, key := newFiles(t), newKeyset(t, seal.Envelopes)
		log := make(lines, 10)
		sealer, _, err := secrecy.Open(daemon.Common{KeysetFile: f.keyset("keyset.json", key)}, slog.New(slog.NewTextHandler(log, nil)))
		must(t, err)
		log.all() // what it says at start
		t.Cleanup(sealer.Close)
		for _, step := range []struct {
			change func()
			logs   string
		}{
			{func() {}, ""},
			{func() {
				_, err := key.Rotate()
				must(t, err)
				f.keyset("keyset.json", key)
			}, "keyset changed"},
			{func() { f.write("keyset.json", "{") }, "keyset not changed: the file cannot be used"},
		} {
			step.change()
			time.Sleep(soon)
			synctest.Wait()
			if said := log.all(); (said == "") != (step.logs == "") || !strings.Contains(said, step.logs) {
				t.Errorf("the log does not tell %q:\n%s", step.logs, said)
			}
		}
	})
}
