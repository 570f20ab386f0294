package main

import (
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
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

func refused(t *testing.T, text string, faults ...string) {
	t.Helper()
	daemontest.Refused(t, program, text, faults...)
}

func TestAGoodFileIsValidAndStartsNothing(t *testing.T) {
	t.Parallel()
	daemontest.ValidatingStartsNothing(t, program, minimal)
}

func TestAGoodFileStartsWithTheDefaultsTheHelpTells(t *testing.T) {
	t.Parallel()
	daemontest.HelpTellsDefaults(t, program, minimal, keyset, func(short, full *settings) {
		full.common.Temporal.Address = short.common.Temporal.Address // any would do
	})
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
	daemontest.MissingFileIsNamed(t, program)
}

func TestTheHelpTellsEveryKeyInAnExampleThatIsValid(t *testing.T) {
	t.Parallel()
	daemontest.HelpTellsEveryKey[file](t, program, keyset)
}

func TestKeysetAndPolicyAreReadAndCheckedWithTheRest(t *testing.T) {
	t.Parallel()
	daemontest.KeysetAndPolicyAreChecked(t, program, "cluster: prod-eu-1\n")
}

func TestTheDescriptionTellsEveryKey(t *testing.T) {
	t.Parallel()
	daemontest.DescriptionTellsEveryKey[file](t, program)
}
