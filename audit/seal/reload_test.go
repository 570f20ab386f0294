package seal

import (
	"errors"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/tink-crypto/tink-go/v2/core/registry"

	"github.com/auditflow/auditflow/audit"
)

// rig is a Sealer with its file, clock and log in the test's hands.
type rig struct {
	*Sealer
	keyset *Keyset
	file   *secret
	clock  watch
	news   []Reload
}

func newRig(t *testing.T, kms *localKMS) *rig {
	t.Helper()
	r := &rig{keyset: newKeyset(t, Envelopes)}
	cfg := Config{Report: func(news Reload) { r.news = append(r.news, news) }, elapsed: r.clock.elapsed}
	if kms != nil {
		cfg.KMSURI, cfg.KMS = localURI, []registry.KMSClient{kms}
		r.file = mount(t, text(t, r.keyset, kms))
	} else {
		r.file = mount(t, text(t, r.keyset, nil))
	}
	cfg.File = r.file.path
	r.Sealer = load(t, cfg)
	r.Close() // it goes by another clock, and these tests are about what use finds
	return r
}

func TestAnEnvelopeThatWaitsForItsKeyOpensAsSoonAsItIsThere(t *testing.T) {
	t.Parallel()
	r := newRig(t, nil)
	second := rotated(t, r.keyset)
	do(t, r.keyset.Promote(second))
	door := load(t, Config{File: mount(t, text(t, r.keyset, nil)).path})
	envelope := sealed(t, door, []audit.Record{bare()}, Observed)

	if _, err := r.Open(envelope, Observed, workflow); !errors.Is(err, ErrUnknownKey) {
		t.Fatalf("before: %v, want ErrUnknownKey, which makes a pending activity", err)
	}
	r.file.update(text(t, r.keyset, nil))
	if _, err := r.Open(envelope, Observed, workflow); err != nil {
		t.Errorf("the key is in the file, no time has passed, and still: %v", err)
	}
	if len(r.news) != 1 || r.news[0].Err != nil || len(r.news[0].Keys) != 2 || len(r.Keys()) != 2 {
		t.Errorf("reported: %+v", r.news)
	}
}

func TestDoorsSealWithTheNewPrimaryKeyWithinSeconds(t *testing.T) {
	t.Parallel()
	r := newRig(t, nil)
	first, second := primary(t, r.keyset), rotated(t, r.keyset)
	do(t, r.keyset.Promote(second))
	r.file.update(text(t, r.keyset, nil))
	r.clock.pass(defaultRecheck - time.Millisecond)
	if id := sealedWith(t, r.Sealer); id != first {
		t.Errorf("sealed with %d: the file is read more often than it says", id)
	}
	r.clock.pass(time.Millisecond)
	if id := sealedWith(t, r.Sealer); id != second || defaultRecheck > 30*time.Second {
		t.Errorf("sealed with %d after %s, want %d", id, defaultRecheck, second)
	}
}

func TestAPromotionThatChangesNoSizeIsSeenToo(t *testing.T) {
	t.Parallel()
	r := newRig(t, nil)
	for range 40 { // ids have one to ten digits
		second := rotated(t, r.keyset)
		first := primary(t, r.keyset)
		before := text(t, r.keyset, nil)
		do(t, r.keyset.Promote(second))
		after := text(t, r.keyset, nil)
		if len(before) != len(after) {
			continue
		}
		at := time.Now().Add(-time.Hour)
		for _, step := range []struct {
			file []byte
			want uint32
		}{{before, first}, {after, second}} {
			r.file.update(step.file)
			do(t, os.Chtimes(r.file.path, at, at))
			r.clock.pass(defaultRecheck)
			if id := sealedWith(t, r.Sealer); id != step.want {
				t.Errorf("sealed with %d, want %d", id, step.want)
			}
		}
		return
	}
	t.Fatal("no two ids of one length in 40")
}

func TestABrokenFileKeepsTheOldKeysAndIsReportedOnce(t *testing.T) {
	t.Parallel()
	for name, breakIt := range map[string]func(*rig){
		"not a keyset": func(r *rig) { r.file.update([]byte("hunter2")) },
		"empty":        func(r *rig) { r.file.update(nil) },
		"for tokens":   func(r *rig) { r.file.update(text(r.file.t, newKeyset(r.file.t, SecretTokens), nil)) },
		"gone":         func(r *rig) { do(r.file.t, os.Remove(r.file.path)) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := newRig(t, nil)
			first := primary(t, r.keyset)
			envelope := sealed(t, r.Sealer, []audit.Record{bare()}, Observed)
			breakIt(r)
			for range 3 {
				r.clock.pass(defaultRecheck)
				if id := sealedWith(t, r.Sealer); id != first {
					t.Errorf("sealed with %d", id)
				}
				if _, err := r.Open(envelope, Observed, workflow); err != nil {
					t.Errorf("no longer opens: %v", err)
				}
			}
			if len(r.news) != 1 || r.news[0].Err == nil || len(r.news[0].Keys) != 1 {
				t.Fatalf("reported %+v, want one error and the key in use", r.news)
			}
			if said := r.news[0].Err.Error(); strings.Contains(said, "hunter2") || !strings.Contains(said, r.file.path) {
				t.Errorf("said %q", said)
			}
		})
	}
}

func TestAFileThatIsMendedIsUsed(t *testing.T) {
	t.Parallel()
	r := newRig(t, nil)
	r.file.update([]byte("{"))
	r.clock.pass(defaultRecheck)
	sealedWith(t, r.Sealer)
	second := rotated(t, r.keyset)
	do(t, r.keyset.Promote(second))
	r.file.update(text(t, r.keyset, nil))
	r.clock.pass(defaultRecheck)
	if id := sealedWith(t, r.Sealer); id != second {
		t.Errorf("sealed with %d, want %d", id, second)
	}
	if len(r.news) != 2 || r.news[0].Err == nil || r.news[1].Err != nil {
		t.Errorf("reported %+v, want the fault and then the keys", r.news)
	}
}

func TestAKeysetEncryptedByAKMS(t *testing.T) {
	t.Parallel()
	kms := newLocalKMS(t)
	r := newRig(t, kms)
	file, err := os.ReadFile(r.file.path)
	do(t, err)
	for _, key := range material(t, text(t, r.keyset, nil)) {
		if strings.Contains(string(file), key) {
			t.Error("the file holds a key in clear")
		}
	}
	for range 10 { // the KMS is asked when the file has changed, not for every envelope
		r.clock.pass(defaultRecheck)
		sealedWith(t, r.Sealer)
	}
	if n := kms.calls.Load(); n != 1 {
		t.Errorf("the KMS was asked %d times for one version of the file", n)
	}

	second := rotated(t, r.keyset)
	do(t, r.keyset.Promote(second))
	kms.down.Store(true)
	r.file.update(text(t, r.keyset, kms))
	unknown := sealed(t, load(t, Config{File: mount(t, text(t, r.keyset, nil)).path}), nil, Observed)
	r.clock.pass(defaultRecheck)
	for range 10 {
		if _, err := r.Open(unknown, Observed, workflow); !errors.Is(err, ErrUnknownKey) {
			t.Errorf("got %v, want ErrUnknownKey", err)
		}
	}
	if n := kms.calls.Load(); n != 2 {
		t.Errorf("a KMS that is down was asked %d times within %s, want once", n-1, defaultRecheck)
	}
	if len(r.news) != 1 || r.news[0].Err == nil || !strings.Contains(r.news[0].Err.Error(), "connection refused") {
		t.Errorf("reported %+v, want why the KMS refused", r.news)
	}
	kms.down.Store(false)
	r.clock.pass(defaultRecheck)
	if id := sealedWith(t, r.Sealer); id != second {
		t.Errorf("sealed with %d after the KMS came back, want %d", id, second)
	}
}

func TestAKMSThatCannotHelpIsNamedAtStart(t *testing.T) {
	t.Parallel()
	kms := newLocalKMS(t)
	k := newKeyset(t, Envelopes)
	clients := []registry.KMSClient{kms}
	wrapped, plain := mount(t, text(t, k, kms)).path, mount(t, text(t, k, nil)).path
	tests := []struct {
		name, want string
		cfg        Config
	}{
		{"no client for the URI", "no client for aws-kms://", Config{File: wrapped, KMSURI: "aws-kms://arn", KMS: clients}},
		{"no URI at all", "want a URI", Config{File: wrapped, KMSURI: "keys/one", KMS: clients}},
		{"no URI for an encrypted file", "no KMS URI is given", Config{File: wrapped, KMS: clients}},
		{"a URI for a file in clear", "but a KMS URI is given", Config{File: plain, KMSURI: localURI, KMS: clients}},
		{"another key", "does not decrypt", Config{File: wrapped, KMSURI: localURI, KMS: []registry.KMSClient{newLocalKMS(t)}}},
	}
	for _, tc := range tests {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			if _, err := New(tc.cfg); err == nil || !strings.Contains(err.Error(), tc.want) {
				t.Errorf("got %v, want %q", err, tc.want)
			}
		})
	}
}

func TestKeysChangeUnderConcurrentUse(t *testing.T) {
	t.Parallel()
	k := newKeyset(t, Envelopes)
	file := mount(t, text(t, k, nil))
	s := load(t, Config{File: file.path, Recheck: time.Nanosecond, Report: func(Reload) {}})
	first := sealed(t, s, []audit.Record{bare()}, Observed)
	var users sync.WaitGroup
	for range 4 {
		users.Go(func() {
			for range 300 {
				envelope, err := s.Seal([]audit.Record{bare()}, Observed, workflow)
				if err != nil {
					t.Error(err)
					return
				}
				for _, e := range [][]byte{envelope, first} {
					if _, err := s.Open(e, Observed, workflow); err != nil {
						t.Error(err)
						return
					}
				}
			}
		})
	}
	var last uint32
	for range 20 {
		last = rotated(t, k)
		file.update(text(t, k, nil))
		do(t, k.Promote(last))
		file.update(text(t, k, nil))
	}
	users.Wait()
	s.Close() // while the watch looks, whoever seals goes on with the keys there are
	if id := sealedWith(t, s); id != last || len(s.Keys()) != 21 {
		t.Errorf("sealed with %d of %d keys, want %d", id, len(s.Keys()), last)
	}
}
