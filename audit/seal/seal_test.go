package seal

import (
	"bytes"
	"encoding/json"
	"errors"
	"math/rand/v2"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/auditflow/auditflow/audit"
)

const workflow = "audit/KubernetesExecution/8d7f"

func fresh(t testing.TB) *Sealer {
	t.Helper()
	path := filepath.Join(t.TempDir(), "keyset.json")
	var file bytes.Buffer
	if err := Generate(&file); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, file.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	s, err := Load(path)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func sealed(t testing.TB, s *Sealer, records []audit.Record, stage Stage) []byte {
	t.Helper()
	envelope, err := s.Seal(records, stage, workflow)
	if err != nil {
		t.Fatal(err)
	}
	return envelope
}

func bare() audit.Record {
	return audit.Record{ID: audit.ID("prod", "8d7f"), ExecutionID: "scale-web-1", ActionType: "scale", Phase: "Completed", Cluster: "prod", Source: "Job"}
}

func full() audit.Record {
	r := bare()
	duration, code, signal := 1500*time.Millisecond, int32(0), int32(9)
	at := time.Date(2026, 11, 23, 4, 0, 0, 123_000, time.UTC)
	r.ActionParameters = json.RawMessage(`{"html":"<a&b>","n":1.50,"s":"ü"}`)
	r.Duration, r.JobExitCode, r.JobSignal = &duration, &code, &signal
	r.JobResourceUsage = &audit.ResourceUsage{CPUMillicores: 250, MemoryBytes: 1 << 30}
	r.StartTime, r.EndTime, r.CompletedAt, r.CreatedAt = at, at, at, at
	r.Output, r.Error, r.Success = "line\n<b>\u2028\x01", "none", true
	r.Redactions = []audit.Redaction{{Rule: "jwt", Path: "output", Count: 2}}
	r.Notes = []audit.Note{{Change: audit.ChangeNUL, Path: "output", Count: 1}}
	return r
}

func TestRecordsComeOutAsTheyWentIn(t *testing.T) {
	t.Parallel()
	s := fresh(t)
	tests := []struct {
		name    string
		records []audit.Record
	}{
		{"no record", []audit.Record{}},
		{"one with nothing optional", []audit.Record{bare()}},
		{"a batch, in order, with everything optional", []audit.Record{full(), bare(), full()}},
	}
	for _, tc := range tests {
		for _, stage := range []Stage{Observed, Redacted} {
			t.Run(tc.name+", "+string(stage), func(t *testing.T) {
				t.Parallel()
				got, err := s.Open(sealed(t, s, tc.records, stage), stage, workflow)
				if err != nil {
					t.Fatal(err)
				}
				if !reflect.DeepEqual(got, tc.records) {
					t.Errorf("got %+v, want %+v", got, tc.records)
				}
			})
		}
	}
	if got, err := s.Open(sealed(t, s, nil, Observed), Observed, workflow); err != nil || len(got) != 0 {
		t.Errorf("nil records: %v, %v", got, err)
	}
}

func TestAnEnvelopeOpensOnlyForItsWorkflowAndStage(t *testing.T) {
	t.Parallel()
	s := fresh(t)
	observed, redacted := sealed(t, s, []audit.Record{bare()}, Observed), sealed(t, s, []audit.Record{bare()}, Redacted)
	tests := []struct {
		name     string
		envelope []byte
		stage    Stage
		workflow string
	}{
		{"observed handed to Persist", observed, Redacted, workflow},
		{"redacted handed to Redact", redacted, Observed, workflow},
		{"another workflow", observed, Observed, workflow + "x"},
		{"no workflow", observed, Observed, ""},
		{"a stage that does not exist", observed, "sent", workflow},
		{"an id made to look like the redacted stage", redacted, Observed, "\xffredacted:" + workflow},
	}
	for _, tc := range tests {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			if _, err := s.Open(tc.envelope, tc.stage, tc.workflow); !errors.Is(err, ErrEnvelope) {
				t.Errorf("got %v, want ErrEnvelope", err)
			}
		})
	}
	if _, err := s.Seal(nil, Observed, "\xffredacted:"+workflow); err == nil {
		t.Error("sealed for a workflow id that is not UTF-8")
	}
}

func TestEveryChangedOrMissingByteIsNoticed(t *testing.T) {
	t.Parallel()
	s := fresh(t)
	envelope := sealed(t, s, []audit.Record{full()}, Observed)
	for i := range envelope {
		damaged := bytes.Clone(envelope)
		damaged[i] ^= 0x04
		want := ErrEnvelope
		if i >= 2 && i < 6 { // the key id
			want = ErrUnknownKey
		}
		if _, err := s.Open(damaged, Observed, workflow); !errors.Is(err, want) {
			t.Fatalf("byte %d of %d: got %v, want %v", i, len(envelope), err, want)
		}
		if _, err := s.Open(envelope[:i], Observed, workflow); !errors.Is(err, ErrEnvelope) {
			t.Fatalf("cut at %d: %v", i, err)
		}
	}
}

func TestWhatUnpacksTooLargeIsRefused(t *testing.T) {
	t.Parallel()
	s := fresh(t)
	bomb := s.enc.EncodeAll([]byte("["+strings.Repeat(" ", MaxUnpacked)+"]"), nil)
	ciphertext, err := s.keys.current().aead.Encrypt(bomb, []byte(workflow))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.Open(append([]byte{Version}, ciphertext...), Observed, workflow); !errors.Is(err, ErrEnvelope) {
		t.Errorf("%d bytes open to more than %d: %v", len(ciphertext), MaxUnpacked, err)
	}
	r := bare()
	r.Output = strings.Repeat("x", MaxUnpacked)
	if _, err := s.Seal([]audit.Record{r}, Observed, workflow); !errors.Is(err, ErrEnvelope) {
		t.Errorf("sealed what cannot be opened: %v", err)
	}
}

func TestTheLargestRecordStaysUnderTemporalsBlobLimit(t *testing.T) {
	t.Parallel()
	const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
	random := rand.New(rand.NewPCG(1, 2))
	output := make([]byte, 1_500_000)
	for i := range output {
		output[i] = alphabet[random.IntN(len(alphabet))]
	}
	r := bare()
	r.Output = string(output)
	s := fresh(t)
	if n := len(sealed(t, s, []audit.Record{r}, Observed)); n >= 2<<20 {
		t.Errorf("%d bytes sealed, the limit is 2 MiB", n)
	}
}

func TestAnEnvelopeShowsNothingOfItsContent(t *testing.T) {
	t.Parallel()
	r := full()
	r.Output = "canary-" + strings.Repeat("hunter2", 3)
	s := fresh(t)
	envelope := sealed(t, s, []audit.Record{r}, Observed)
	for _, cleartext := range []string{"canary", "hunter2", r.ID, r.ExecutionID, `"output"`} {
		if bytes.Contains(envelope, []byte(cleartext)) {
			t.Errorf("%q is readable", cleartext)
		}
	}
	r.ActionParameters = json.RawMessage(`{"canary`)
	if _, err := s.Seal([]audit.Record{r}, Observed, workflow); err == nil || strings.Contains(err.Error(), "canary") {
		t.Errorf("error %v: want one without content", err)
	}
}

func FuzzOpenIsTotalAndOpensOnlyItsOwn(f *testing.F) {
	s := fresh(f)
	good := sealed(f, s, []audit.Record{full()}, Observed)
	f.Add(good)
	f.Add([]byte{})
	f.Add([]byte{Version, 1, 0, 0, 0, 0})
	f.Add(good[:len(good)-1])
	f.Fuzz(func(t *testing.T, envelope []byte) {
		_, err := s.Open(envelope, Observed, workflow)
		if bytes.Equal(envelope, good) != (err == nil) {
			t.Fatalf("opened = %v", err == nil)
		}
		if err != nil && !errors.Is(err, ErrEnvelope) && !errors.Is(err, ErrUnknownKey) {
			t.Fatalf("an error of neither kind: %v", err)
		}
	})
}
