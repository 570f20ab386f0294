// Package daemontest runs a daemon's command line in a test, without the daemon.
package daemontest

import (
	"context"
	"encoding/json"
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

// Outcome is what somebody sees who runs the program.
type Outcome[C any] struct {
	Code           int
	Stdout, Stderr string
	Started        *C // nil when nothing was started
}

// Execute runs the program up to where it would start.
func Execute[C any](p daemon.Program[C], args ...string) (o Outcome[C]) {
	p.Run = func(_ context.Context, c C, _ *slog.Logger) error { o.Started = &c; return nil }
	var stdout, stderr strings.Builder
	o.Code = daemon.Main(p, args, &stdout, &stderr)
	o.Stdout, o.Stderr = stdout.String(), stderr.String()
	return o
}

// Write writes a configuration file and returns its path.
func Write(t *testing.T, text string) (path string) {
	t.Helper()
	path = filepath.Join(t.TempDir(), "config.yaml")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

var indented = regexp.MustCompile(`(?s)\nConfiguration \(YAML[^\n]*\n\n(.*)\n\nExit codes: `)

// exampleKeyset is where the examples in --help say that the keyset is.
const exampleKeyset = "/etc/auditflow/keyset.json"

// Example is the configuration that --help shows, with the path of a keyset that
// is there: files that a configuration names are read.
func Example[C any](t *testing.T, p daemon.Program[C], keyset string) string {
	t.Helper()
	o := Execute(p, "--help")
	block := indented.FindStringSubmatch(o.Stdout)
	if o.Code != 0 || block == nil {
		t.Fatalf("exit code %d, no example in the help:\n%s", o.Code, o.Stdout)
	}
	return strings.ReplaceAll(block[1], exampleKeyset, keyset) + "\n" // indented throughout, which YAML does not mind
}

// HelpTellsEveryKey checks that the example in --help is valid and has every key
// of the configuration file F. The keyset is as in [Example].
func HelpTellsEveryKey[F, C any](t *testing.T, p daemon.Program[C], keyset string) {
	t.Helper()
	text := Example(t, p, keyset)
	if o := Execute(p, "--config", Write(t, text), "--validate-config"); o.Code != 0 {
		t.Errorf("the example is refused:\n%s\n%s", o.Stderr, text)
	}
	var shown map[string]any
	if err := yaml.Unmarshal([]byte(text), &shown); err != nil {
		t.Fatal(err)
	}
	for _, key := range keys(reflect.TypeFor[F](), nil) {
		if !has(shown, key) {
			t.Errorf("the help does not tell %s", strings.Join(key, "."))
		}
	}
}

// DescriptionTellsEveryKey checks that --describe-config has every key of the
// configuration file F, as something that is read and with a sentence.
func DescriptionTellsEveryKey[F, C any](t *testing.T, p daemon.Program[C]) {
	t.Helper()
	o := Execute(p, "--describe-config")
	told := map[string]daemon.Described{}
	for from := json.NewDecoder(strings.NewReader(o.Stdout)); from.More(); {
		var d daemon.Described
		if err := from.Decode(&d); err != nil {
			t.Fatal(err)
		}
		told[d.Field] = d
	}
	for _, key := range keys(reflect.TypeFor[F](), nil) {
		field := strings.Join(key, ".")
		switch d, there := told[field]; {
		case !there:
			t.Errorf("%s is not told", field)
		case d.Says == "":
			t.Errorf("nothing is said of %s", field)
		case d.Type == "section", d.Type == "list" && field != "jobs.namespaces":
			t.Errorf("%s is in the file, and nobody reads it", field)
		}
	}
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
