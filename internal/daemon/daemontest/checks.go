package daemontest

import (
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/auditflow/auditflow/internal/daemon"
)

// Refused checks that a configuration is refused with all of the faults, by
// validation and by a start alike.
func Refused[C any](t *testing.T, p daemon.Program[C], text string, faults ...string) {
	t.Helper()
	path := Write(t, text)
	for _, args := range [][]string{{"--config", path, "--validate-config"}, {"--config", path}} {
		o := Execute(p, args...)
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

// ValidatingStartsNothing checks that a good configuration is called so, and no
// more.
func ValidatingStartsNothing[C any](t *testing.T, p daemon.Program[C], good string) {
	t.Helper()
	o := Execute(p, "--config", Write(t, good), "--validate-config")
	if o.Code != 0 || o.Stdout != "configuration is valid\n" || o.Stderr != "" || o.Started != nil {
		t.Errorf("exit code %d, started: %t, stdout %q, stderr %q", o.Code, o.Started != nil, o.Stdout, o.Stderr)
	}
}

// MissingFileIsNamed checks what is said of a configuration that is not there.
func MissingFileIsNamed[C any](t *testing.T, p daemon.Program[C]) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "absent.yaml")
	if o := Execute(p, "--config", path); o.Code != 2 || o.Started != nil || !strings.Contains(o.Stderr, path) {
		t.Errorf("exit code %d, started: %t, stderr %q", o.Code, o.Started != nil, o.Stderr)
	}
}

// HelpTellsDefaults checks that a file with the least that is needed starts what
// the example in --help does. What has no default is made alike first. The keyset
// is as in [Example].
func HelpTellsDefaults[C any](t *testing.T, p daemon.Program[C], least, keyset string, alike func(least, example *C)) {
	t.Helper()
	short, full := Execute(p, "--config", Write(t, least)), Execute(p, "--config", Write(t, Example(t, p, keyset)))
	if short.Code != 0 || short.Started == nil || full.Started == nil {
		t.Fatalf("did not start: %s%s", short.Stderr, full.Stderr)
	}
	alike(short.Started, full.Started)
	if !reflect.DeepEqual(short.Started, full.Started) {
		t.Errorf("without a value\n%+v\nbut the help says\n%+v", *short.Started, *full.Started)
	}
}

// KeysetAndPolicyAreChecked checks that the files that a configuration names are
// read with it, and that their faults come with all others. The text is what the
// program needs besides.
func KeysetAndPolicyAreChecked[C any](t *testing.T, p daemon.Program[C], text string) {
	t.Helper()
	absent, policy := filepath.Join(t.TempDir(), "absent.json"), Write(t, "version: 1\noff:\n  - everything\n  - netrc\n  - netrc\n")
	Refused(t, p, text+"keyset_file: "+absent+"\nredaction_policy_file: "+policy+"\nlog_level: loud\n",
		"keyset_file: load keyset: open "+absent,
		"redaction_policy_file: "+policy+": line 3: off[0]: there is no built-in rule of this name",
		"redaction_policy_file: "+policy+": line 5: off[2]: is there twice",
		"log_level: want one of",
	)
}
