package main

import (
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/spf13/cobra"

	"github.com/auditflow/auditflow/internal/config"
)

func TestFlagsComeBeforeTheEnvironmentAndThatBeforeTheFile(t *testing.T) {
	t.Parallel()
	e, _ := database(t)
	url := e.variables[variableDatabase]
	const nowhere = "postgres://x@127.0.0.1:1/x"
	write := func(text string) string {
		path := t.TempDir() + "/auditctl.yaml"
		must(t, writeFile(path, text))
		return path
	}
	for what, tc := range map[string]struct {
		environment
		args []string
		code int
	}{
		"flag before environment":  {environment{variables: map[string]string{variableDatabase: nowhere}}, []string{"--database-url", url}, exitOK},
		"environment before file":  {e, []string{"--config", write("database: {url: '" + nowhere + "'}\n")}, exitOK},
		"the file":                 {environment{}, []string{"--config", write("database: {url: '" + url + "'}\n")}, exitOK},
		"a key that is unknown":    {e, []string{"--config", write("databse: {}\n")}, exitUsage},
		"a key twice":              {e, []string{"--config", write("temporal: {}\ntemporal: {}\n")}, exitUsage},
		"an address that is none":  {e, []string{"--config", write("temporal: {address: here}\n")}, exitUsage},
		"a password file missing":  {e, []string{"--config", write("database: {password_file: /nowhere}\n")}, exitFailed},
		"a password that is there": {e, []string{"--config", write("database: {password_file: '" + write("secret\n") + "'}\n")}, exitOK},
	} {
		if o := tc.execute(t, append([]string{"find", "-o", "json"}, tc.args...)...); o.code != tc.code {
			t.Errorf("%s: exit code %d, want %d: %s", what, o.code, tc.code, o.stderr)
		}
	}
}

func TestEveryCommandTeachesWithAnExample(t *testing.T) {
	t.Parallel()
	var visit func(*cobra.Command)
	visit = func(cmd *cobra.Command) {
		if cmd.Name() == "completion" || cmd.Name() == "help" {
			return // cobra's own
		}
		if cmd.Short == "" || cmd.Long == "" || cmd.Example == "" {
			t.Errorf("%s: short %q, long %q, example %q", cmd.CommandPath(), cmd.Short, cmd.Long, cmd.Example)
		}
		o := environment{}.execute(t, append(strings.Fields(cmd.CommandPath())[1:], "--help")...)
		if o.code != exitOK || !strings.Contains(o.stdout, cmd.Example) {
			t.Errorf("%s --help: %+v", cmd.CommandPath(), o)
		}
		for _, sub := range cmd.Commands() {
			visit(sub)
		}
	}
	visit(environment{}.program().root())
}

// codeOf finds an exit code in the help and in the documentation.
var codeOf = regexp.MustCompile(`(?m)^(?:\| | {2})(\d+) `)

func TestExitCodesAreDocumentedWhereTheyAreLookedUp(t *testing.T) {
	t.Parallel()
	document, err := os.ReadFile("../../docs/auditctl.md")
	must(t, err)
	for where, text := range map[string]string{"help": environment{}.answer(t, "--help"), "docs/auditctl.md": string(document)} {
		var codes []string
		for _, match := range codeOf.FindAllStringSubmatch(text, -1) {
			codes = append(codes, match[1])
		}
		if got := strings.Join(codes, " "); got != "0 1 2 3 130" {
			t.Errorf("%s tells of %s", where, got)
		}
	}
}

func TestTheConfigurationInTheHelpIsValidAndHasEveryKey(t *testing.T) {
	t.Parallel()
	_, example, _ := strings.Cut(rootHelp, "left out):\n\n")
	example, _, _ = strings.Cut(example, "\n\nTables")
	path := t.TempDir() + "/auditctl.yaml"
	must(t, writeFile(path, example))
	var f file
	must(t, config.Load(path, &f))
	zero := config.Scalar{}
	if m := f.Maintenance; m.DatabaseURL == zero || m.Archive.BucketURL == zero || m.Archive.After == zero || m.Retention.ArchiveAfter == zero {
		t.Errorf("the help lacks a key of maintenance: %+v", m)
	}
	if f.Database.URL == zero || f.Database.PasswordFile == zero || f.Temporal.Address == zero || f.Temporal.Namespace == zero {
		t.Errorf("the help lacks a key: %+v", f)
	}
}
