package work

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/auditflow/auditflow/audit/seal"
	"github.com/auditflow/auditflow/internal/daemon/daemontest"
	"github.com/auditflow/auditflow/worker"
)

const (
	variable            = "AUDITFLOW_DATABASE_URL"
	maintenanceVariable = "AUDITFLOW_MAINTENANCE_DATABASE_URL"
)

var keyset, minimal string // the path of a keyset, and a configuration with it

// Tests that set a variable are not parallel; the others are without them.
func TestMain(m *testing.M) {
	if err := errors.Join(os.Unsetenv(variable), os.Unsetenv(maintenanceVariable)); err != nil {
		panic(err)
	}
	dir, err := os.MkdirTemp("", "worker")
	if err != nil {
		panic(err)
	}
	keyset = filepath.Join(dir, "keyset.json")
	minimal = "keyset_file: " + keyset + "\ndatabase: {url: 'postgres://auditflow@db.prod/audit'}\n"
	var text bytes.Buffer
	if err := errors.Join(seal.Generate(&text), os.WriteFile(keyset, text.Bytes(), 0o600)); err != nil {
		panic(err)
	}
	code := m.Run()
	_ = os.RemoveAll(dir)
	os.Exit(code)
}

type outcome = daemontest.Outcome[Settings]

func execute(args ...string) outcome { return daemontest.Execute(Program, args...) }

func refused(t *testing.T, text string, faults ...string) {
	t.Helper()
	daemontest.Refused(t, Program, text, faults...)
}

func TestAGoodFileIsValidAndStartsNothing(t *testing.T) {
	t.Parallel()
	daemontest.ValidatingStartsNothing(t, Program, minimal)
}

func TestAGoodFileStartsWithTheDefaultsTheHelpTells(t *testing.T) {
	t.Parallel()
	daemontest.HelpTellsDefaults(t, Program, minimal, keyset, func(short, full *Settings) {
		full.common.Temporal.Address = short.common.Temporal.Address // any would do
		full.database.URL = short.database.URL
		full.maintenance.database.URL = short.database.URL
	})
}

func TestAllFaultsComeAtOnceWithFieldAndUnit(t *testing.T) {
	t.Parallel()
	refused(t, `
log_level: loud
log_format: xml
pprof: 6060
database: {max_connections: 1001, partition_interval: hourly}
worker: {workflow_tasks: 1, activities: many, drain_timeout: 20}
`,
		"keyset_file: is required",
		"log_level: want one of info, debug, warn, error, not \"loud\"",
		"log_format: want one of json, text, not \"xml\"",
		"pprof: want host:port, as in :8080 or 127.0.0.1:8080, not \"6060\"",
		"database.url: is required, here or as environment variable AUDITFLOW_DATABASE_URL",
		"database.max_connections: want a whole number from 1 to 1000, not \"1001\"",
		"database.partition_interval: want one of monthly, weekly, daily, not \"hourly\"",
		"worker.workflow_tasks: want a whole number from 2 to 10000, not \"1\"",
		"worker.activities: want a whole number from 1 to 10000, not \"many\"",
		"worker.drain_timeout: want a duration with its unit, as in 30s or 5m, not \"20\"",
	)
	refused(t, minimal+"worker: {drain_timeout: 11m}\n", "worker.drain_timeout: want a duration from 0s to 10m0s, not 11m0s")
}

func TestAVersionBelongsToADeployment(t *testing.T) {
	t.Parallel()
	refused(t, minimal+"worker: {build_id: v1}\n", "worker.build_id: is the version of a deployment, and worker.deployment names none")
	refused(t, minimal+"worker: {deployment: audit.flow, build_id: v1}\n", "worker.deployment: want a name without dots, not \"audit.flow\"")
	o := execute("--config", daemontest.Write(t, minimal+"worker: {deployment: auditflow, build_id: v1}\n"))
	if o.Started == nil || o.Started.worker.Deployment != (worker.Deployment{Name: "auditflow", BuildID: "v1"}) {
		t.Errorf("started with %+v: %s", o.Started, o.Stderr)
	}
}

func TestKeysetAndPolicyAreReadAndCheckedWithTheRest(t *testing.T) {
	t.Parallel()
	daemontest.KeysetAndPolicyAreChecked(t, Program, "database: {url: 'postgres://auditflow@db.prod/audit'}\n")
}

func TestKeysThatAreUnknownOrDuplicateAreNamed(t *testing.T) {
	t.Parallel()
	refused(t, minimal+"lsiten: x\nworker: {activity: 3}\n", `unknown field "lsiten"`, `unknown field "worker.activity"`)
	refused(t, minimal+"keyset_file: k\n", `"keyset_file" already set`)
}

func TestTheEnvironmentsDatabaseWinsOverTheFiles(t *testing.T) {
	const url = "postgres://auditflow@other.prod/audit"
	t.Setenv(variable, url)
	for name, text := range map[string]string{"in both": minimal, "in the environment only": "keyset_file: " + keyset + "\n"} {
		if o := execute("--config", daemontest.Write(t, text)); o.Started == nil || o.Started.database.URL != url {
			t.Errorf("%s: %+v, %s", name, o.Started, o.Stderr)
		}
	}
}

func TestADatabaseThatIsSetButEmptyIsAFault(t *testing.T) {
	t.Setenv(variable, "")
	refused(t, minimal, "database.url: environment variable AUDITFLOW_DATABASE_URL is set but empty")
}

func TestAPasswordIsInTheURLOrInAFile(t *testing.T) {
	t.Parallel()
	file := "keyset_file: " + keyset + "\ndatabase: {password_file: /etc/db/password, url: 'postgres://auditflow"
	o := execute("--config", daemontest.Write(t, file+"@db.prod/audit'}\n"))
	if o.Started == nil || o.Started.database.PasswordFile != "/etc/db/password" {
		t.Errorf("%+v, %s", o.Started, o.Stderr)
	}
	refused(t, file+":hunter-2@db.prod/audit'}\n", "database: password_file: there is a password in the URL")
}

// wrongURLs are mistakes around a password.
var wrongURLs = map[string]string{
	"a port that is none":        "postgres://auditflow:hunter-2%40x@db.prod:five/audit",
	"a percent sign":             "postgres://auditflow:hunter-2%zz@db.prod/audit",
	"an at sign and a slash":     "postgres://auditflow:hunter-2/@x@db.prod/audit",
	"a setting that is wrong":    "postgres://auditflow:hunter-2@db.prod/audit?sslmode=perhaps",
	"another scheme":             "mysql://auditflow:hunter-2@db.prod/audit",
	"keywords without a value":   "host=db.prod password=hunter-2 port",
	"keywords with a wrong port": "host=db.prod password=hunter-2 port=five",
}

func TestAWrongDatabaseNeverShowsItsPassword(t *testing.T) {
	t.Parallel()
	for name, url := range wrongURLs {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			text := "keyset_file: k\ndatabase: {url: '" + url + "'}\n"
			refused(t, text, "database", "is not a PostgreSQL URL or keyword/value string")
			for _, misplaced := range []string{
				text,
				"keyset_file: k\ndatabase: '" + url + "'\n",
				"keyset_file: k\ndatabase: {url: ['" + url + "']}\n",
				"keyset_file: k\ndatabase:\n  url:" + url + "\n",
				"keyset_file: k\ndatabase:\n  url:" + url + "\n  max_connections: 8\n",
				"keyset_file: k\ndatabase: {url: \"" + url + "\n",
				url,
			} {
				hidden(t, execute("--config", daemontest.Write(t, misplaced)))
			}
		})
	}
}

func TestAWrongDatabaseInTheEnvironmentNeverShowsItsPassword(t *testing.T) {
	for name, url := range wrongURLs {
		t.Setenv(variable, url)
		o := execute("--config", daemontest.Write(t, minimal))
		if o.Code != 2 {
			t.Errorf("%s: exit code %d", name, o.Code)
		}
		hidden(t, o)
	}
}

func hidden(t *testing.T, o outcome) {
	t.Helper()
	if o.Code != 2 || o.Started != nil {
		t.Errorf("exit code %d, started: %t", o.Code, o.Started != nil)
	}
	if shown := o.Stdout + o.Stderr; strings.Contains(shown, "hunter-2") {
		t.Errorf("shows the password:\n%s", shown)
	}
}

func TestAFileThatIsMissingIsNamed(t *testing.T) {
	t.Parallel()
	daemontest.MissingFileIsNamed(t, Program)
}

func TestTheHelpTellsEveryKeyInAnExampleThatIsValid(t *testing.T) {
	t.Parallel()
	daemontest.HelpTellsEveryKey[file](t, Program, keyset)
}

func TestTheDescriptionTellsEveryKey(t *testing.T) {
	t.Parallel()
	daemontest.DescriptionTellsEveryKey[file](t, Program)
}
