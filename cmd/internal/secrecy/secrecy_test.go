package secrecy_test

import (
	"bytes"
	"encoding/hex"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/auditflow/auditflow/audit"
	"github.com/auditflow/auditflow/audit/seal"
	"github.com/auditflow/auditflow/cmd/internal/secrecy"
	"github.com/auditflow/auditflow/internal/config"
	"github.com/auditflow/auditflow/internal/daemon"
)

// files are a directory for the files of one configuration.
type files struct {
	t   *testing.T
	dir string
}

func newFiles(t *testing.T) files { return files{t, t.TempDir()} }

func (f files) path(name string) string { return filepath.Join(f.dir, name) }

func (f files) write(name, text string) (path string) {
	f.t.Helper()
	must(f.t, os.WriteFile(f.path(name), []byte(text), 0o600))
	return f.path(name)
}

func (f files) keyset(name string, k *seal.Keyset) (path string) {
	f.t.Helper()
	var text bytes.Buffer
	must(f.t, k.Write(&text, nil))
	return f.write(name, text.String())
}

func (f files) read(name string) string {
	f.t.Helper()
	text, err := os.ReadFile(f.path(name))
	must(f.t, err)
	return string(text)
}

func newKeyset(t *testing.T, purpose seal.Purpose) *seal.Keyset {
	t.Helper()
	k, err := seal.NewKeyset(purpose)
	must(t, err)
	return k
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// faults is what Check tells, and Open must refuse the same.
func faults(t *testing.T, c daemon.Common) string {
	t.Helper()
	var r config.Reader
	secrecy.Check(c, &r)
	sealer, _, err := secrecy.Open(c, slog.New(slog.DiscardHandler))
	if err == nil {
		sealer.Close()
	}
	if (r.Err() == nil) != (err == nil) {
		t.Errorf("Check says %v, Open says %v", r.Err(), err)
	}
	if r.Err() == nil {
		return ""
	}
	return r.Err().Error()
}

func TestOfAKeysetAloneComeASealerAndTheBuiltInRules(t *testing.T) {
	t.Parallel()
	f := newFiles(t)
	var log strings.Builder
	key := newKeyset(t, seal.Envelopes)
	sealer, redactor, err := secrecy.Open(daemon.Common{KeysetFile: f.keyset("keyset.json", key)}, slog.New(slog.NewTextHandler(&log, nil)))
	must(t, err)
	t.Cleanup(sealer.Close)
	envelope, err := sealer.Seal([]audit.Record{{ID: "one"}}, seal.Observed, "workflow")
	must(t, err)
	if _, err := sealer.Open(envelope, seal.Observed, "workflow"); err != nil {
		t.Error(err)
	}
	if v := redactor.Version(); !strings.HasPrefix(v, "builtin-") || !strings.Contains(log.String(), "policy="+v) {
		t.Errorf("version %q, log:\n%s", v, log.String())
	}
	if masked := redactor.Name("password=" + "hunter-2-hunter"); strings.Contains(masked, "hunter") {
		t.Errorf("masks nothing: %s", masked)
	}
}

func TestAPolicyWithTokensIsAppliedWithTheKeyForThem(t *testing.T) {
	t.Parallel()
	f := newFiles(t)
	c := daemon.Common{
		KeysetFile:          f.keyset("keyset.json", newKeyset(t, seal.Envelopes)),
		TokenKeysetFile:     f.keyset("tokens.json", newKeyset(t, seal.SecretTokens)),
		RedactionPolicyFile: f.write("policy.yaml", "version: 1\ntokens: keyed\nfields: {workflow_ref: secret}\n"),
	}
	if told := faults(t, c); told != "" {
		t.Fatal(told)
	}
	sealer, redactor, err := secrecy.Open(c, slog.New(slog.DiscardHandler))
	must(t, err)
	t.Cleanup(sealer.Close)
	masked := redactor.Record(audit.Record{WorkflowRef: "acquisition"}).WorkflowRef
	tokens, err := seal.LoadTokens(seal.Config{File: c.TokenKeysetFile})
	must(t, err)
	sum, err := tokens.Sum([]byte("acquisition"))
	must(t, err)
	token := redactor.Token("acquisition")
	if want := "[REDACTED:secret-field:" + token + "]"; masked != want || !strings.HasPrefix(hex.EncodeToString(sum), token) || token == "" {
		t.Errorf("got %s, want %s; HMAC %s", masked, want, hex.EncodeToString(sum))
	}
	if v := redactor.Version(); !strings.HasPrefix(v, "policy-") {
		t.Errorf("version %q", v)
	}
}

func TestEachFaultIsToldOnceUnderItsField(t *testing.T) {
	t.Parallel()
	f := newFiles(t)
	keys, tokens := f.keyset("keyset.json", newKeyset(t, seal.Envelopes)), f.keyset("tokens.json", newKeyset(t, seal.SecretTokens))
	plain := f.write("plain.yaml", "version: 1\n")
	keyed := f.write("keyed.yaml", "version: 1\ntokens: keyed\n")
	wrong := f.write("wrong.yaml", "version: 1\nrules:\n  - name: badge\n    pattern: '('\n    keywords: [badge]\noff: [everything]\n")
	huge := f.write("huge.yaml", "version: 1\n#"+strings.Repeat("x", 1<<20))
	vaultToken, notPEM := f.write("token", "hvs-one"), f.write("ca.pem", "not a certificate")
	const vaultURI = "hcvault://vault.invalid:8200/transit/keys/keysets"

	for name, tc := range map[string]struct {
		common daemon.Common
		want   []string // one per fault
	}{
		"nothing is wrong":       {daemon.Common{KeysetFile: keys}, nil},
		"a keyset is absent":     {daemon.Common{KeysetFile: f.path("absent")}, []string{"keyset_file: load keyset: open " + f.path("absent")}},
		"a keyset is none":       {daemon.Common{KeysetFile: plain}, []string{"keyset_file: load keyset " + plain + ": not a cleartext Tink keyset"}},
		"the keysets are mixed":  {daemon.Common{KeysetFile: tokens, TokenKeysetFile: keys, RedactionPolicyFile: keyed}, []string{"keyset_file: load keyset " + tokens, "token_keyset_file: load keyset " + keys}},
		"a policy is absent":     {daemon.Common{KeysetFile: keys, RedactionPolicyFile: f.path("absent")}, []string{"redaction_policy_file: open " + f.path("absent")}},
		"a policy is too large":  {daemon.Common{KeysetFile: keys, RedactionPolicyFile: huge}, []string{"redaction_policy_file: " + huge + ": larger than 1048576 bytes"}},
		"a policy has two":       {daemon.Common{KeysetFile: keys, RedactionPolicyFile: wrong}, []string{"redaction_policy_file: " + wrong + ": line 4: rules[0].pattern: ", "redaction_policy_file: " + wrong + ": line 6: off[0]: "}},
		"a policy wants tokens":  {daemon.Common{KeysetFile: keys, RedactionPolicyFile: keyed}, []string{"redaction_policy_file: " + keyed + ": line 2: tokens: are keyed, but there is no key"}},
		"no policy wants tokens": {daemon.Common{KeysetFile: keys, TokenKeysetFile: tokens}, []string{"token_keyset_file: nothing uses it"}},
		"the policy wants none":  {daemon.Common{KeysetFile: keys, TokenKeysetFile: tokens, RedactionPolicyFile: plain}, []string{"token_keyset_file: nothing uses it"}},
		"a key for tokens is absent": {
			daemon.Common{KeysetFile: keys, TokenKeysetFile: f.path("absent"), RedactionPolicyFile: keyed}, []string{"token_keyset_file: load keyset: open "},
		},
		"a KMS without a URI": {
			daemon.Common{KeysetFile: keys, KeysetKMSTokenFile: vaultToken, KeysetKMSCAFile: notPEM},
			[]string{"keyset_kms_token_file: is for keyset_kms_uri", "keyset_kms_ca_file: is for keyset_kms_uri"},
		},
		"a KMS that nobody knows": {
			daemon.Common{KeysetFile: keys, KeysetKMSURI: "aws-kms://arn", KeysetKMSTokenFile: vaultToken}, []string{"keyset_kms_uri: KMS key: this program has no client for aws-kms://"},
		},
		"a URI without a key": {
			daemon.Common{KeysetFile: keys, KeysetKMSURI: "hcvault://vault.invalid", KeysetKMSTokenFile: vaultToken}, []string{"keyset_kms_uri: KMS key: vault: want hcvault://HOST"},
		},
		"a KMS without a token": {
			daemon.Common{KeysetFile: keys, KeysetKMSURI: vaultURI}, []string{"keyset_kms_token_file: is required with keyset_kms_uri"},
		},
		"a KMS and its files are wrong": {
			daemon.Common{KeysetFile: keys, KeysetKMSURI: "vault", KeysetKMSTokenFile: f.path("absent"), KeysetKMSCAFile: notPEM, RedactionPolicyFile: wrong},
			[]string{"keyset_kms_uri: ", "keyset_kms_token_file: ", "keyset_kms_ca_file: vault: " + notPEM + " holds no certificate", "line 4: ", "line 6: "},
		},
		"a keyset in clear, but a KMS": {
			daemon.Common{KeysetFile: keys, KeysetKMSURI: vaultURI, KeysetKMSTokenFile: vaultToken}, []string{"keyset_file: load keyset " + keys + ": not an encrypted Tink keyset"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			told := faults(t, tc.common)
			for _, want := range tc.want {
				if strings.Count(told, want) != 1 {
					t.Errorf("does not tell %q once:\n%s", want, told)
				}
			}
			if got := strings.Count(told, "\n  "); got != len(tc.want) {
				t.Errorf("%d faults, want %d:\n%s", got, len(tc.want), told)
			}
		})
	}
}

func TestTheLogTellsOfEachChangeOfTheKeysetOnce(t *testing.T) {
	t.Parallel()
	f := newFiles(t)
	key := newKeyset(t, seal.Envelopes)
	c := daemon.Common{KeysetFile: f.keyset("keyset.json", key)}
	var log strings.Builder
	sealer, _, err := secrecy.Open(c, slog.New(slog.NewTextHandler(&log, nil)))
	must(t, err)
	sealer.Close() // so that nobody but this test looks at the file

	// A door has learned of a key and seals with it before the worker has.
	id, err := key.Rotate()
	must(t, err)
	must(t, key.Promote(id))
	door, err := seal.Load(f.keyset("door.json", key))
	must(t, err)
	envelope, err := door.Seal(nil, seal.Observed, "workflow")
	must(t, err)

	for _, step := range []struct {
		what, file string
		opens      bool
		logs       string
	}{
		{"the file is as it was", "", false, ""},
		{"it is broken", "{", false, "keyset not changed"},
		{"it is still broken", "{", false, ""},
		{"it has the key", f.read("door.json"), true, "keyset changed"},
		{"it still has the key", f.read("door.json"), true, ""},
	} {
		if step.file != "" {
			f.write("keyset.json", step.file)
		}
		log.Reset()
		_, err := sealer.Open(envelope, seal.Observed, "workflow")
		if opens := err == nil; opens != step.opens || !opens && !errors.Is(err, seal.ErrUnknownKey) {
			t.Errorf("%s: %v", step.what, err)
		}
		if lines := strings.Count(log.String(), "\n"); !strings.Contains(log.String(), step.logs) || lines > 1 || (lines == 0) != (step.logs == "") {
			t.Errorf("%s: the log does not tell %q once:\n%s", step.what, step.logs, log.String())
		}
	}
}
