package main

import (
	"context"
	"log/slog"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"

	"sigs.k8s.io/yaml"

	"github.com/auditflow/auditflow/internal/config"
	"github.com/auditflow/auditflow/internal/daemon"
)

const (
	minimal  = "keyset_file: /etc/auditflow/keyset.json\ndatabase: {url: 'postgres://auditflow@db.prod/audit'}\n"
	variable = "AUDITFLOW_DATABASE_URL"
)

// Tests that set the variable are not parallel; the others are without it.
func TestMain(m *testing.M) {
	if err := os.Unsetenv(variable); err != nil {
		panic(err)
	}
	os.Exit(m.Run())
}

// outcome is what somebody sees who runs the program.
type outcome struct {
	code           int
	stdout, stderr string
	started        *settings // nil when nothing was started
}

func execute(args ...string) (o outcome) {
	p := program
	p.Run = func(_ context.Context, s settings, _ *slog.Logger) error { o.started = &s; return nil }
	var stdout, stderr strings.Builder
	o.code = daemon.Main(p, args, &stdout, &stderr)
	o.stdout, o.stderr = stdout.String(), stderr.String()
	return o
}

func write(t *testing.T, text string) (path string) {
	t.Helper()
	path = filepath.Join(t.TempDir(), "config.yaml")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// refused checks that the configuration is refused with all of the faults, by
// validation and by a start alike.
func refused(t *testing.T, text string, faults ...string) {
	t.Helper()
	path := write(t, text)
	for _, args := range [][]string{{"--config", path, "--validate-config"}, {"--config", path}} {
		o := execute(args...)
		if o.code != 2 || o.started != nil || o.stdout != "" {
			t.Errorf("exit code %d, started: %t, stdout %q; want 2 and nothing", o.code, o.started != nil, o.stdout)
		}
		for _, fault := range faults {
			if !strings.Contains(o.stderr, fault) {
				t.Errorf("does not tell %q:\n%s", fault, o.stderr)
			}
		}
	}
}

func TestAGoodFileIsValidAndStartsNothing(t *testing.T) {
	t.Parallel()
	o := execute("--config", write(t, minimal), "--validate-config")
	if o.code != 0 || o.stdout != "configuration is valid\n" || o.stderr != "" || o.started != nil {
		t.Errorf("exit code %d, started: %t, stdout %q, stderr %q", o.code, o.started != nil, o.stdout, o.stderr)
	}
}

func TestAGoodFileStartsWithTheDefaultsTheHelpTells(t *testing.T) {
	t.Parallel()
	short, full := execute("--config", write(t, minimal)), execute("--config", write(t, example(t)))
	if short.code != 0 || short.started == nil || full.started == nil {
		t.Fatalf("did not start: %s%s", short.stderr, full.stderr)
	}
	full.started.common.Temporal.Address = short.started.common.Temporal.Address // any would do
	full.started.database.URL = short.started.database.URL
	if !reflect.DeepEqual(short.started, full.started) {
		t.Errorf("without a value\n%+v\nbut the help says\n%+v", *short.started, *full.started)
	}
}

func TestAllFaultsComeAtOnceWithFieldAndUnit(t *testing.T) {
	t.Parallel()
	refused(t, `
log_level: loud
log_format: xml
database: {max_connections: 1001, partition_interval: hourly}
worker: {workflow_tasks: 1, activities: many, drain_timeout: 20}
`,
		"keyset_file: is required",
		"log_level: want one of info, debug, warn, error, not \"loud\"",
		"log_format: want one of json, text, not \"xml\"",
		"database.url: is required, here or as environment variable AUDITFLOW_DATABASE_URL",
		"database.max_connections: want a whole number from 1 to 1000, not \"1001\"",
		"database.partition_interval: want one of monthly, weekly, daily, not \"hourly\"",
		"worker.workflow_tasks: want a whole number from 2 to 10000, not \"1\"",
		"worker.activities: want a whole number from 1 to 10000, not \"many\"",
		"worker.drain_timeout: want a duration with its unit, as in 30s or 5m, not \"20\"",
	)
	refused(t, minimal+"worker: {drain_timeout: 11m}\n", "worker.drain_timeout: want a duration from 0s to 10m0s, not 11m0s")
}

func TestKeysThatAreUnknownOrDuplicateAreNamed(t *testing.T) {
	t.Parallel()
	refused(t, minimal+"lsiten: x\nworker: {activity: 3}\n", `unknown field "lsiten"`, `unknown field "worker.activity"`)
	refused(t, minimal+"keyset_file: k\n", `"keyset_file" already set`)
}

func TestTheEnvironmentsDatabaseWinsOverTheFiles(t *testing.T) {
	const url = "postgres://auditflow@other.prod/audit"
	t.Setenv(variable, url)
	for name, text := range map[string]string{"in both": minimal, "in the environment only": "keyset_file: k\n"} {
		if o := execute("--config", write(t, text)); o.started == nil || o.started.database.URL != url {
			t.Errorf("%s: %+v, %s", name, o.started, o.stderr)
		}
	}
}

func TestADatabaseThatIsSetButEmptyIsAFault(t *testing.T) {
	t.Setenv(variable, "")
	refused(t, minimal, "database.url: environment variable AUDITFLOW_DATABASE_URL is set but empty")
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
				hidden(t, execute("--config", write(t, misplaced)))
			}
		})
	}
}

func TestAWrongDatabaseInTheEnvironmentNeverShowsItsPassword(t *testing.T) {
	for name, url := range wrongURLs {
		t.Setenv(variable, url)
		o := execute("--config", write(t, minimal))
		if o.code != 2 {
			t.Errorf("%s: exit code %d", name, o.code)
		}
		hidden(t, o)
	}
}

func hidden(t *testing.T, o outcome) {
	t.Helper()
	if o.code != 2 || o.started != nil {
		t.Errorf("exit code %d, started: %t", o.code, o.started != nil)
	}
	if shown := o.stdout + o.stderr; strings.Contains(shown, "hunter-2") {
		t.Errorf("shows the password:\n%s", shown)
	}
}

func TestAFileThatIsMissingIsNamed(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "absent.yaml")
	if o := execute("--config", path); o.code != 2 || o.started != nil || !strings.Contains(o.stderr, path) {
		t.Errorf("exit code %d, started: %t, stderr %q", o.code, o.started != nil, o.stderr)
	}
}

func TestTheHelpTellsEveryKeyInAnExampleThatIsValid(t *testing.T) {
	t.Parallel()
	text := example(t)
	if o := execute("--config", write(t, text), "--validate-config"); o.code != 0 {
		t.Errorf("the example is refused:\n%s\n%s", o.stderr, text)
	}
	var shown map[string]any
	if err := yaml.Unmarshal([]byte(text), &shown); err != nil {
		t.Fatal(err)
	}
	for _, key := range keys(reflect.TypeFor[file](), nil) {
		if !has(shown, key) {
			t.Errorf("the help does not tell %s", strings.Join(key, "."))
		}
	}
}

var indented = regexp.MustCompile(`(?s)\nConfiguration \(YAML[^\n]*\n\n(.*)\n\nExit codes: `)

// example is the configuration that --help shows.
func example(t *testing.T) string {
	t.Helper()
	o := execute("--help")
	block := indented.FindStringSubmatch(o.stdout)
	if o.code != 0 || block == nil {
		t.Fatalf("exit code %d, no example in the help:\n%s", o.code, o.stdout)
	}
	return block[1] + "\n" // indented throughout, which YAML does not mind
}

// keys are those of all values in a configuration file, each as its path.
func keys(of reflect.Type, under []string) (all [][]string) {
	for i := range of.NumField() {
		f := of.Field(i)
		name, options, _ := strings.Cut(f.Tag.Get("json"), ",")
		path := slices.Concat(under, []string{name})
		switch {
		case options == "inline":
			all = append(all, keys(f.Type, under)...)
		case f.Type.Kind() == reflect.Struct && f.Type != reflect.TypeFor[config.Scalar]():
			all = append(all, keys(f.Type, path)...)
		default:
			all = append(all, path)
		}
	}
	return all
}

func has(shown map[string]any, key []string) bool {
	value, ok := shown[key[0]]
	if !ok || len(key) == 1 {
		return ok
	}
	section, _ := value.(map[string]any)
	return has(section, key[1:])
}
