package main

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/auditflow/auditflow/audit"
	"github.com/auditflow/auditflow/audit/seal"
)

// fed runs auditctl with something on stdin.
func (e environment) fed(t *testing.T, stdin string, args ...string) outcome {
	t.Helper()
	var stdout, stderr bytes.Buffer
	p := e.program()
	p.stdin, p.stdout, p.stderr = strings.NewReader(stdin), &stdout, &stderr
	code := p.run(t.Context(), args)
	return outcome{code, stdout.String(), stderr.String()}
}

// fine is the answer of a command that must be fine.
func fine(t *testing.T, o outcome) string {
	t.Helper()
	if o.code != exitOK {
		t.Fatalf("exit code %d: %s", o.code, o.stderr)
	}
	return o.stdout
}

func read(t *testing.T, path string) string {
	t.Helper()
	text, err := os.ReadFile(path)
	must(t, err)
	return string(text)
}

// newKeyset makes a keyset in a file of its own.
func newKeyset(t *testing.T, flags ...string) (path string) {
	t.Helper()
	path = filepath.Join(t.TempDir(), "keyset.json")
	fine(t, environment{}.execute(t, append([]string{"keyset", "create", "-o", path}, flags...)...))
	return path
}

// keysOf are the keys that inspect tells, oldest first, and the primary one.
func keysOf(t *testing.T, path string) (ids []string, primary string) {
	t.Helper()
	for _, k := range lines[seal.KeyInfo](t, fine(t, environment{}.execute(t, "keyset", "inspect", path, "-o", "json"))) {
		ids = append(ids, fmt.Sprint(k.ID))
		if k.Primary {
			primary = ids[len(ids)-1]
		}
	}
	return ids, primary
}

// ways are the two in which a step is taken: each returns what was told.
func ways(t *testing.T, path string) map[string]func(step string, id ...string) outcome {
	t.Helper()
	return map[string]func(string, ...string) outcome{
		"in the file": func(step string, id ...string) outcome {
			return environment{}.execute(t, append([]string{"keyset", step, path}, id...)...)
		},
		"from stdin to stdout": func(step string, id ...string) outcome {
			o := environment{}.fed(t, read(t, path), append([]string{"keyset", step}, id...)...)
			if o.code == exitOK {
				must(t, writeFile(path, o.stdout))
			}
			return o
		},
		"from --file to stdout": func(step string, id ...string) outcome {
			o := environment{}.execute(t, append([]string{"keyset", step, "--file", path}, id...)...)
			if o.code == exitOK {
				must(t, writeFile(path, o.stdout))
			}
			return o
		},
	}
}

// TestARotationInTheOrderOfTheDocumentation: at every step of docs/keys.md, a
// process that follows the file opens what it should and nothing else.
func TestARotationInTheOrderOfTheDocumentation(t *testing.T) {
	t.Parallel()
	for _, way := range []string{"in the file", "from stdin to stdout", "from --file to stdout"} {
		t.Run(way, func(t *testing.T) {
			t.Parallel()
			path := newKeyset(t)
			step := func(args ...string) {
				t.Helper()
				fine(t, ways(t, path)[way](args[0], args[1:]...))
			}
			process, err := seal.New(seal.Config{File: path, Recheck: time.Nanosecond})
			must(t, err)
			const workflow = "audit/KubernetesExecution/a"
			envelope := func() []byte {
				t.Helper()
				sealed, err := process.Seal([]audit.Record{succeeded("a", 1)}, seal.Observed, workflow)
				must(t, err)
				return sealed
			}
			opens := func(when string, envelope []byte, want error) {
				t.Helper()
				if _, err := process.Open(envelope, seal.Observed, workflow); !errors.Is(err, want) {
					t.Errorf("%s: %v, want %v", when, err, want)
				}
			}
			_, old := keysOf(t, path)
			early := envelope()

			step("rotate")
			ids, primary := keysOf(t, path)
			if len(ids) != 2 || primary != old || ids[0] != old {
				t.Fatalf("after rotate: keys %v, primary %s; the new one belongs in the last line and seals nothing", ids, primary)
			}
			between := envelope()
			step("promote", ids[1])
			late := envelope()
			opens("early, promoted", early, nil)
			step("disable", old)
			opens("early, disabled", early, seal.ErrUnknownKey)
			opens("sealed before promote, disabled", between, seal.ErrUnknownKey)
			opens("late, disabled", late, nil)
			step("enable", old)
			opens("early, enabled again", early, nil)
			step("disable", old)
			step("destroy", old)
			opens("early, destroyed", early, seal.ErrUnknownKey)
			opens("late, destroyed", late, nil)
			if ids, primary = keysOf(t, path); len(ids) != 1 || primary != ids[0] || primary == old {
				t.Errorf("in the end: keys %v, primary %s", ids, primary)
			}
		})
	}
}

func TestAStepThatWouldLoseEnvelopesIsRefusedAndChangesNothing(t *testing.T) {
	t.Parallel()
	path := newKeyset(t)
	fine(t, environment{}.execute(t, "keyset", "rotate", path))
	fine(t, environment{}.execute(t, "keyset", "rotate", path))
	ids, primary := keysOf(t, path)
	enabled, disabled := ids[1], ids[2]
	fine(t, environment{}.execute(t, "keyset", "disable", path, disabled))
	tokens := newKeyset(t, "--tokens")

	for _, tc := range []struct {
		path string
		step []string
		told string
	}{
		{path, []string{"disable", primary}, "it is the primary key"},
		{path, []string{"destroy", primary}, "it is the primary key"},
		{path, []string{"destroy", enabled}, "disable it first"},
		{path, []string{"promote", disabled}, "enable it first"},
		{path, []string{"promote", "7"}, "there is no such key"},
		{path, []string{"enable", "7"}, "there is no such key"},
		{tokens, []string{"rotate"}, "a key for tokens is not rotated"},
	} {
		before := read(t, tc.path)
		for way, take := range ways(t, tc.path) {
			o := take(tc.step[0], tc.step[1:]...)
			if o.code != exitNo || o.stdout != "" || read(t, tc.path) != before {
				t.Errorf("%v %s: %+v", tc.step, way, o)
			}
			contains(t, "stderr", o.stderr, tc.told)
		}
		if entries, err := os.ReadDir(filepath.Dir(tc.path)); err != nil || len(entries) != 1 {
			t.Errorf("%v left something behind: %v, %v", tc.step, entries, err)
		}
	}
}

func TestACommandThatIsNotUnderstoodChangesNoKeyset(t *testing.T) {
	t.Parallel()
	path := newKeyset(t)
	for args, told := range map[string]string{
		"promote x":                                  "has to be the id of a key",
		"promote -- -1":                              "has to be the id of a key",
		"promote 4294967296":                         "has to be the id of a key",
		"promote":                                    "accepts between 1 and 2 arg(s)",
		"rotate FILE FILE":                           "accepts at most 1 arg(s)",
		"rotate FILE --file FILE":                    "not both",
		"inspect FILE --file FILE":                   "not both",
		"rotate /nowhere/keyset.json":                "no such file",
		"inspect /nowhere/keyset.json":               "no such file",
		"rotate --file /nowhere/keys":                "no such file",
		"rotate " + filepath.Dir(path):               "is not a regular file",
		"create -o FILE":                             "is there already",
		"create --tokens --purpose tokens":           "none of the others can be",
		"create --purpose both":                      "want one of envelopes, tokens",
		"nonsense":                                   "unknown command",
		"rotate FILE --kms-uri gcp-kms://projects/p": "this program has no client for gcp-kms://",
		"rotate FILE --vault-token-file x":           "which is not given",
		"rotate FILE --kms-uri hcvault://h/t/keys/k": "needs --vault-token-file",
	} {
		before := read(t, path)
		o := environment{}.execute(t, append([]string{"keyset"}, strings.Fields(strings.ReplaceAll(args, "FILE", path))...)...)
		if o.code != exitUsage || o.stdout != "" || read(t, path) != before {
			t.Errorf("%s: %+v", args, o)
		}
		contains(t, "auditctl keyset "+args, o.stderr, told)
	}
}

var keyMaterial = regexp.MustCompile(`"value":\s*"([^"]+)"`)

// TestKeysAreNeverShown, neither to whoever inspects them, nor on a terminal, nor
// in what is told of a file that is broken.
func TestKeysAreNeverShown(t *testing.T) {
	t.Parallel()
	path := newKeyset(t)
	text := read(t, path)
	key := keyMaterial.FindStringSubmatch(text)
	if key == nil {
		t.Fatal("no key in the keyset: this test shows nothing")
	}
	_, id := keysOf(t, path)
	hides := func(what string, o outcome) {
		t.Helper()
		for at := 0; at+8 <= len(key[1]); at++ { // not a part of it either
			if strings.Contains(o.stdout+o.stderr, key[1][at:at+8]) {
				t.Errorf("%s shows the key: %s%s", what, o.stdout, o.stderr)
				return
			}
		}
	}
	for _, format := range []string{formatTable, formatWide, formatJSON, formatCSV} {
		o := environment{}.execute(t, "keyset", "inspect", path, "-o", format)
		contains(t, format, fine(t, o), id, "AesGcmKey")
		hides("inspect -o "+format, o)
	}
	steps := [][]string{{"create"}, {"rotate"}, {"promote", id}, {"enable", id}, {"disable", id}, {"destroy", id}}
	for _, step := range steps {
		o := environment{person: true}.fed(t, text, append([]string{"keyset"}, step...)...)
		if o.code != exitUsage || o.stdout != "" {
			t.Errorf("%v on a terminal: %+v", step, o)
		}
	}
	broken := map[string]string{
		"cut":                       text[:len(text)-2],
		"with a field nobody knows": strings.Replace(text, `"status"`, `"`+key[1]+`"`, 1),
		"a key and nothing else":    key[1],
		"there twice":               text + text,
		"damaged in its key":        strings.Replace(text, key[1], key[1][1:], 1),
	}
	for what, text := range broken {
		for _, step := range append(steps[1:], []string{"inspect"}) {
			if o := (environment{}).fed(t, text, append([]string{"keyset"}, step...)...); o.code == exitOK && step[0] != "inspect" {
				t.Errorf("%v takes a keyset that is %s", step, what)
			} else {
				hides(fmt.Sprint(step, " of a keyset that is ", what), o)
			}
		}
	}
}

func TestTheDocumentedCommandsAreThere(t *testing.T) {
	t.Parallel()
	_, table, ok := strings.Cut(read(t, "../../docs/keys.md"), "\n## Commands\n")
	table, _, _ = strings.Cut(table, "\n## ")
	commands := regexp.MustCompile("(?m)^\\| `([a-z]+)").FindAllStringSubmatch(table, -1)
	if !ok || len(commands) != 6 { // enable stands beside disable
		t.Fatalf("docs/keys.md has %d commands", len(commands))
	}
	for _, command := range append(commands, []string{"", "enable"}) {
		if found, _, err := (environment{}).program().root().Find([]string{"keyset", command[1]}); err != nil || found.Name() != command[1] {
			t.Errorf("keyset %s is documented and not there: %v", command[1], err)
		}
	}
	contains(t, "docs/keys.md", table, "--file", "--purpose envelopes")
}

func TestKeysetsAreListedForPeopleAndPrograms(t *testing.T) {
	t.Parallel()
	inEveryForm(t, "keyset", func(p *program) error {
		_, err := list(p.out, keySheet(), all([]seal.KeyInfo{
			{ID: 87654321, Type: "AesGcmKey", Status: "disabled", Prefix: "TINK"},
			{ID: 305419896, Type: "AesGcmKey", Status: "enabled", Prefix: "TINK", Primary: true},
			{ID: 7, Type: "AesGcmKey", Status: "enabled", Prefix: "TINK"},
		}))
		return err
	})
}
