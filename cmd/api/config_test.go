package main

import (
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/auditflow/auditflow/audit/redact"
	"github.com/auditflow/auditflow/audit/seal"
	"github.com/auditflow/auditflow/internal/daemon/daemontest"
	"github.com/auditflow/auditflow/test/world"
)

var (
	keyset, minimal string // the path of a keyset, and a configuration with it
	database        *world.Postgres
	temporal        *world.Temporal
	redactor        *redact.Redactor
)

func TestMain(m *testing.M) {
	dir, err := os.MkdirTemp("", "api")
	if err != nil {
		panic(err)
	}
	keyset = filepath.Join(dir, "keyset.json")
	minimal = "cluster: prod-eu-1\nkeyset_file: " + keyset + "\n"
	var text bytes.Buffer
	if err := errors.Join(seal.Generate(&text), os.WriteFile(keyset, text.Bytes(), 0o600)); err != nil {
		panic(err)
	}
	servers, err := world.Start(context.Background(), world.Options{PostgreSQL: true, Temporal: true})
	if err != nil {
		panic(err)
	}
	database, temporal = servers.Postgres, servers.Temporal
	if redactor, err = redact.NewWith(redact.Options{}); err != nil {
		panic(err)
	}
	code := m.Run()
	if err := errors.Join(servers.Stop(), os.RemoveAll(dir)); err != nil {
		panic(err)
	}
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
insecure_no_auth: perhaps
limits: {record_bytes: 1572865, batch_records: 0, rate: many, start_timeout: 5, in_flight_bytes: 100}
timeouts: {header: 1ms, drain: 11m}
`,
		"cluster: is required",
		"keyset_file: is required",
		"log_level: want one of info, debug, warn, error, not \"loud\"",
		"insecure_no_auth: want true or false, not \"perhaps\"",
		"limits.record_bytes: want a whole number from 1 to 1572864, not \"1572865\"",
		"limits.batch_records: want a whole number from 1 to 100000, not \"0\"",
		"limits.rate: want a whole number from 1 to 1000000, not \"many\"",
		"limits.start_timeout: want a duration with its unit, as in 30s or 5m, not \"5\"",
		"limits.in_flight_bytes: must not be less than batch_bytes",
		"timeouts.header: want a duration from 100ms to 10m0s, not 1ms",
		"timeouts.drain: want a duration from 0s to 10m0s, not 11m0s",
	)
	refused(t, "keyset_file: k\ncluster: "+strings.Repeat("c", 254)+"\n", "cluster: is 254 bytes long, at most 253")
}

func TestItRefusesToListenToTheWorldWithoutAWordAboutWhoMayPost(t *testing.T) {
	t.Parallel()
	for _, address := range []string{":8085", "0.0.0.0:8085", "192.0.2.1:8085", "[::]:8085"} {
		refused(t, minimal+"listen: \""+address+"\"\n", "listen: everybody who reaches "+address+" could post records")
	}
	for _, more := range []string{"listen: 127.0.0.1:1\n", "listen: localhost:1\n", "listen: \"[::1]:1\"\n", "listen: \":1\"\ninsecure_no_auth: true\n"} {
		if o := execute("--config", daemontest.Write(t, minimal+more), "--validate-config"); o.Code != 0 {
			t.Errorf("%q is refused: %s", more, o.Stderr)
		}
	}
}

func TestKeysThatAreUnknownOrDuplicateAreNamed(t *testing.T) {
	t.Parallel()
	refused(t, minimal+"clutser: x\nlimits: {starst: 3}\n", `unknown field "clutser"`, `unknown field "limits.starst"`)
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
