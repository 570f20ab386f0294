package main

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/auditflow/auditflow/audit/seal"
	"github.com/auditflow/auditflow/internal/daemon/daemontest"
)

var keyset, minimal string // the path of a keyset, and a configuration with it

func TestMain(m *testing.M) {
	dir, err := os.MkdirTemp("", "controller")
	if err != nil {
		panic(err)
	}
	keyset = filepath.Join(dir, "keyset.json")
	minimal = "cluster: prod-eu-1\nkeyset_file: " + keyset + "\n"
	var text bytes.Buffer
	if err := errors.Join(seal.Generate(&text), os.WriteFile(keyset, text.Bytes(), 0o600)); err != nil {
		panic(err)
	}
	code := m.Run()
	_ = os.RemoveAll(dir)
	os.Exit(code)
}

type outcome = daemontest.Outcome[settings]

func execute(args ...string) outcome { return daemontest.Execute(program, args...) }

// refused checks that the configuration is refused with all of the faults, by
// validation and by a start alike.
func refused(t *testing.T, text string, faults ...string) {
	t.Helper()
	path := daemontest.Write(t, text)
	for _, args := range [][]string{{"--config", path, "--validate-config"}, {"--config", path}} {
		o := execute(args...)
		if o.Code != 2 || o.Started != nil || o.Stdout != "" {
			t.Errorf("exit code %d, started: %t, stdout %q; want 2 and nothing", o.Code, o.Started != nil, o.Stdout)
		}
		for _, fault := range faults {
			if !strings.Contains(o.Stderr, fault) {
				t.Errorf("does not tell %q:\n%s", fault, o.Stderr)
			}
		}
	}
}

func TestAGoodFileIsValidAndStartsNothing(t *testing.T) {
	t.Parallel()
	o := execute("--config", daemontest.Write(t, minimal), "--validate-config")
	if o.Code != 0 || o.Stdout != "configuration is valid\n" || o.Stderr != "" || o.Started != nil {
		t.Errorf("exit code %d, started: %t, stdout %q, stderr %q", o.Code, o.Started != nil, o.Stdout, o.Stderr)
	}
}

func TestAGoodFileStartsWithTheDefaultsTheHelpTells(t *testing.T) {
	t.Parallel()
	short, full := execute("--config", daemontest.Write(t, minimal)), execute("--config", daemontest.Write(t, daemontest.Example(t, program, keyset)))
	if short.Code != 0 || short.Started == nil || full.Started == nil {
		t.Fatalf("did not start: %s%s", short.Stderr, full.Stderr)
	}
	full.Started.common.Temporal.Address = short.Started.common.Temporal.Address // any would do
	if !reflect.DeepEqual(short.Started, full.Started) {
		t.Errorf("without a value\n%+v\nbut the help says\n%+v", *short.Started, *full.Started)
	}
}

func TestAllFaultsComeAtOnceWithFieldAndUnit(t *testing.T) {
	t.Parallel()
	refused(t, `
log_level: loud
log_format: xml
audit_enabled: perhaps
audit_batch_size: 1001
audit_flush_interval: 30
storage_service_url: nowhere
leader_election: {enabled: 2}
delivery: {starters: 0, waiters: many}
`,
		"cluster: is required",
		"keyset_file: is required",
		"log_level: want one of info, debug, warn, error, not \"loud\"",
		"log_format: want one of json, text, not \"xml\"",
		"audit_enabled: want true or false, not \"perhaps\"",
		"audit_batch_size: want a whole number from 1 to 1000, not \"1001\"",
		"audit_flush_interval: want a duration with its unit, as in 30s or 5m, not \"30\"",
		"storage_service_url: want an address as in http://host:8085",
		"leader_election.enabled: want true or false, not \"2\"",
		"delivery.starters: want a whole number from 1 to 1000, not \"0\"",
		"delivery.waiters: want a whole number from 1 to 10000, not \"many\"",
	)
	refused(t, minimal+"audit_flush_interval: 11m\n", "audit_flush_interval: want a duration from 0s to 10m0s, not 11m0s")
	refused(t, "keyset_file: k\ncluster: "+strings.Repeat("c", 254)+"\n", "cluster: is 254 bytes long, at most 253")
}

func TestKeysetAndPolicyAreReadAndCheckedWithTheRest(t *testing.T) {
	t.Parallel()
	absent, policy := filepath.Join(t.TempDir(), "absent.json"), daemontest.Write(t, "version: 1\noff:\n  - everything\n  - netrc\n  - netrc\n")
	refused(t, "cluster: prod-eu-1\nkeyset_file: "+absent+"\nredaction_policy_file: "+policy+"\nlog_level: loud\n",
		"keyset_file: load keyset: open "+absent,
		"redaction_policy_file: "+policy+": line 3: off[0]: there is no built-in rule of this name",
		"redaction_policy_file: "+policy+": line 5: off[2]: is there twice",
		"log_level: want one of",
	)
}

func TestKeysThatAreUnknownOrDuplicateAreNamed(t *testing.T) {
	t.Parallel()
	refused(t, minimal+"clutser: x\ndelivery: {startres: 3}\n", `unknown field "clutser"`, `unknown field "delivery.startres"`)
	refused(t, minimal+"cluster: prod-eu-2\n", `"cluster" already set`)
}

func TestAFileThatIsMissingIsNamed(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "absent.yaml")
	if o := execute("--config", path); o.Code != 2 || o.Started != nil || !strings.Contains(o.Stderr, path) {
		t.Errorf("exit code %d, started: %t, stderr %q", o.Code, o.Started != nil, o.Stderr)
	}
}

func TestTheHelpTellsEveryKeyInAnExampleThatIsValid(t *testing.T) {
	t.Parallel()
	daemontest.HelpTellsEveryKey[file](t, program, keyset)
}
