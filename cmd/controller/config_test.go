package main

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
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
log_format: xml
pprof: 6060
audit_enabled: perhaps
audit_batch_size: 1001
audit_flush_interval: 30
storage_service_url: nowhere
leader_election: {enabled: 2}
delivery: {reconcilers: -1, starters: 0, waiters: many}
jobs: {enabled: often, selector: "a in", namespaces: [prod, "No such"]}
review_window: {executions: 24, jobs: 400d}
`,
		"cluster: is required",
		"keyset_file: is required",
		"log_level: want one of info, debug, warn, error, not \"loud\"",
		"log_format: want one of json, text, not \"xml\"",
		"pprof: want host:port, as in :8080 or 127.0.0.1:8080, not \"6060\"",
		"audit_enabled: want true or false, not \"perhaps\"",
		"audit_batch_size: want a whole number from 1 to 150, not \"1001\"",
		"audit_flush_interval: want a duration with its unit, as in 30s or 5m, not \"30\"",
		"storage_service_url: want an address as in http://host:8085",
		"leader_election.enabled: want true or false, not \"2\"",
		"delivery.reconcilers: want a whole number from 1 to 1000, not \"-1\"",
		"delivery.starters: want a whole number from 1 to 1000, not \"0\"",
		"delivery.waiters: want a whole number from 1 to 10000, not \"many\"",
		"jobs.enabled: want true or false, not \"often\"",
		"jobs.selector: want a label selector, as in audit.kubernaut.io/record=true",
		"jobs.namespaces: \"No such\" cannot be the name of a namespace",
		"review_window.executions: want an age with its unit, as in 90d, 36h or 7y (of 366 days), not \"24\"",
		"review_window.jobs: want an age from 0s to 1y, not 400d",
	)
	refused(t, minimal+"audit_flush_interval: 11m\n", "audit_flush_interval: want a duration from 0s to 10m0s, not 11m0s")
	refused(t, "keyset_file: k\ncluster: "+strings.Repeat("c", 254)+"\n", "cluster: is 254 bytes long, at most 253")
}

func TestKeysetAndPolicyAreReadAndCheckedWithTheRest(t *testing.T) {
	t.Parallel()
	daemontest.KeysetAndPolicyAreChecked(t, program, "cluster: prod-eu-1\n")
}

func TestKeysThatAreUnknownOrDuplicateAreNamed(t *testing.T) {
	t.Parallel()
	refused(t, minimal+"clutser: x\ndelivery: {startres: 3}\n", `unknown field "clutser"`, `unknown field "delivery.startres"`)
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

func TestTheDescriptionTellsEveryKey(t *testing.T) {
	t.Parallel()
	daemontest.DescriptionTellsEveryKey[file](t, program)
}
