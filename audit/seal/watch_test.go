package seal

import (
	"os"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/tink-crypto/tink-go/v2/core/registry"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// These tests run in bubbles: five seconds take no time, and are five seconds.

// news is a log of reports.
type news chan Reload

func newNews() news { return make(news, 10) }

func (n news) report(r Reload) { n <- r }

// next is what an idle process is told within one Recheck.
func (n news) next() (told []Reload) {
	time.Sleep(defaultRecheck)
	synctest.Wait()
	for len(n) > 0 {
		told = append(told, <-n)
	}
	return told
}

func TestAProcessThatSealsAndOpensNothingIsToldWithinRecheck(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		k := newKeyset(t, Envelopes)
		file := mount(t, text(t, k, nil))
		news := newNews()
		s := load(t, Config{File: file.path, Report: news.report})
		for _, step := range []struct {
			what   string
			change func()
			keys   int
			fault  string
			silent bool
		}{
			{"nothing has changed", func() {}, 0, "", true},
			{"a key is added", func() { rotated(t, k); file.update(text(t, k, nil)) }, 2, "", false},
			{"it is still there", func() {}, 0, "", true},
			{"the file is broken", func() { file.update([]byte("{")) }, 2, "not a cleartext Tink keyset", false},
			{"it is still broken", func() {}, 0, "", true},
			{"the file is gone", func() { do(t, os.Remove(file.path)) }, 2, "no such file", false},
			{"it is back with one more", func() {
				rotated(t, k)
				do(t, os.WriteFile(file.path, text(t, k, nil), 0o600))
			}, 3, "", false},
		} {
			step.change()
			told := news.next()
			if step.silent != (len(told) == 0) || len(told) > 1 {
				t.Fatalf("%s: reported %+v", step.what, told)
			}
			if step.silent {
				continue
			}
			if got := told[0]; len(got.Keys) != step.keys || (got.Err == nil) != (step.fault == "") ||
				got.Err != nil && !strings.Contains(got.Err.Error(), step.fault) {
				t.Errorf("%s: reported %+v, want %d keys and %q", step.what, got, step.keys, step.fault)
			}
		}
		if n := len(s.Keys()); n != 3 {
			t.Errorf("%d keys in use without having been used, want 3", n)
		}
	})
}

func TestAnIdleProcessAsksAKMSThatIsDownNoMoreThanItSays(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		kms, k := newLocalKMS(t), newKeyset(t, Envelopes)
		file := mount(t, text(t, k, kms))
		news := newNews()
		load(t, Config{
			File: file.path, KMSURI: localURI, KMS: []registry.KMSClient{kms},
			Report: news.report,
		})
		if news.next(); kms.calls.Load() != 1 {
			t.Errorf("asked %d times for a file that is as it was", kms.calls.Load())
		}
		kms.down.Store(true)
		rotated(t, k)
		file.update(text(t, k, kms))
		const looks = 10
		for range looks {
			news.next()
		}
		if n := kms.calls.Load() - 1; n < 2 || n > looks {
			t.Errorf("asked %d times in %d Rechecks while it was down", n, looks)
		}
		kms.down.Store(false)
		after := append(news.next(), news.next()...)
		if len(after) != 1 || after[0].Err != nil || len(after[0].Keys) != 2 {
			t.Errorf("reported %+v after it came back, want two keys", after)
		}
	})
}

func TestAClosedSealerIsSilentAndStillLearnsOfKeysByUse(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		k := newKeyset(t, Envelopes)
		file := mount(t, text(t, k, nil))
		news := newNews()
		s := load(t, Config{File: file.path, Report: news.report})
		s.Close()
		s.Close()
		second := rotated(t, k)
		do(t, k.Promote(second))
		file.update(text(t, k, nil))
		for range 3 {
			if told := news.next(); len(told) != 0 {
				t.Errorf("reported %+v", told)
			}
		}
		if id := sealedWith(t, s); id != second || len(news) != 1 {
			t.Errorf("sealed with %d and %d reports, want %d and one", id, len(news), second)
		}
	})
}

func TestWithoutAReportThereIsNothingToClose(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) { // fails if anything is left behind
		s, err := New(Config{File: mount(t, text(t, newKeyset(t, Envelopes), nil)).path})
		do(t, err)
		sealedWith(t, s)
		s.Close()
	})
}
