package main

import (
	"bytes"
	"context"
	"fmt"
	"strings"
	"syscall"
	"testing"

	"github.com/auditflow/auditflow/audit"
)

func TestExitCodesTellWhatWentWrong(t *testing.T) {
	t.Parallel()
	e, _ := database(t)
	at := func(url string) environment { return environment{variables: map[string]string{variableDatabase: url}} }
	url := e.variables[variableDatabase]
	e.sql(t, `DO $$ BEGIN CREATE ROLE auditctl_stranger LOGIN; EXCEPTION WHEN duplicate_object OR unique_violation THEN END $$`)

	for what, tc := range map[string]struct {
		environment
		args string
		code int
		told []string
	}{
		"nobody listens":             {at("postgres://x@127.0.0.1:1/x"), "find", exitFailed, []string{"connection refused"}},
		"no such database":           {at(strings.Replace(url, "/world_", "/nowhere_", 1)), "find", exitFailed, []string{"3D000"}},
		"a login without role":       {at(strings.Replace(url, "postgres@", "auditctl_stranger@", 1)), "find", exitFailed, []string{"42501", "auditflow_reader"}},
		"nowhere to ask":             {environment{}, "find", exitUsage, []string{"database.url: is required", variableDatabase}},
		"an empty variable":          {at(""), "find", exitUsage, []string{"set but empty"}},
		"a wrong URL":                {at("mysql://auditor:hunter-2@db/x"), "find", exitUsage, []string{"is not a PostgreSQL URL"}},
		"a flag that is none":        {e, "find --colour", exitUsage, []string{"unknown flag: --colour", "auditctl find --help"}},
		"a command that is none":     {e, "report nonsense", exitUsage, []string{`unknown command "nonsense"`}},
		"a word too many":            {e, "find x", exitUsage, []string{"unknown command"}},
		"a word too few":             {e, "show", exitUsage, []string{"accepts 1 arg(s), received 0"}},
		"no such format":             {e, "find -o xml", exitUsage, []string{"want one of table, wide, json, csv"}},
		"no such time zone":          {e, "find --time-zone Mars", exitUsage, []string{"IANA time zone"}},
		"no CSV of it":               {e, "migrate --check -o csv", exitUsage, []string{"there is no CSV"}},
		"a config that is not there": {e, "find --config /nowhere.yaml", exitUsage, []string{"/nowhere.yaml"}},
		"fine":                       {e, "find -o json", exitOK, nil},
		"help":                       {environment{}, "", exitOK, nil},
		"version":                    {environment{}, "version", exitOK, nil},
		"version, as a flag":         {environment{}, "--version", exitOK, nil},
		"completion":                 {environment{}, "completion bash", exitOK, nil},
	} {
		t.Run(what, func(t *testing.T) {
			t.Parallel()
			o := tc.execute(t, strings.Fields(tc.args)...)
			if o.code != tc.code {
				t.Errorf("exit code %d, want %d: %s", o.code, tc.code, o.stderr)
			}
			contains(t, "stderr", o.stderr, tc.told...)
			if tc.code == exitOK && o.stderr != "" || strings.Contains(o.stderr, "hunter-2") {
				t.Errorf("stderr: %s", o.stderr)
			}
			if tc.code == exitFailed && strings.Count(o.stderr, "\n") > 2 {
				t.Errorf("more than a sentence and a hint: %s", o.stderr)
			}
		})
	}
}

// closedPipe takes some bytes, then fails as a pipe whose reader has gone.
type closedPipe struct {
	bytes.Buffer
	room int
	err  error
}

func (p *closedPipe) Write(b []byte) (int, error) {
	if p.Len()+len(b) > p.room {
		return 0, p.err
	}
	return p.Buffer.Write(b)
}

func TestAReaderWhoHasEnoughIsNoError(t *testing.T) {
	t.Parallel()
	e, _ := trailDatabase(t)
	for format, room := range map[string]int{"json": 3000, "table": 0, "csv": 600, "wide": 10} {
		var stderr bytes.Buffer
		p := e.program()
		p.stdout, p.stderr = &closedPipe{room: room, err: syscall.EPIPE}, &stderr
		if code := p.run(t.Context(), []string{"find", "--limit", "30", "-o", format}); code != exitOK || stderr.Len() > 0 {
			t.Errorf("%s: exit code %d, %q", format, code, &stderr)
		}
	}
	for _, command := range []string{"find", "version"} { // the first writes while it reads, the other at its end
		var stderr bytes.Buffer
		p := e.program()
		p.stdout, p.stderr = &closedPipe{err: syscall.ENOSPC}, &stderr
		if code := p.run(t.Context(), []string{command, "-o", "json"}); code != exitFailed || !strings.Contains(stderr.String(), "write the answer: no space left") {
			t.Errorf("%s on a full disk: exit code %d, %q", command, code, &stderr)
		}
	}
}

// interrupting ends the context at the first write, as Ctrl-C would.
type interrupting struct {
	bytes.Buffer
	interrupt context.CancelFunc
	first     string // what was written first
}

func (w *interrupting) Write(b []byte) (int, error) {
	w.interrupt()
	if w.first == "" {
		w.first = string(b)
	}
	return w.Buffer.Write(b)
}

func TestAnInterruptEndsWith130AndTheFirstRowIsThereAtOnce(t *testing.T) {
	t.Parallel()
	e, store := database(t)
	var records []audit.Record
	for i := range 300 { // more than the store reads at once
		records = append(records, succeeded(fmt.Sprint("uid-", i), i))
	}
	_, err := store.Append(t.Context(), records)
	must(t, err)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	var stderr bytes.Buffer
	out := &interrupting{interrupt: cancel}
	p := e.program()
	p.stdout, p.stderr = out, &stderr
	if code := p.run(ctx, []string{"find", "-o", "json", "--limit", "0"}); code != exitInterrupted {
		t.Errorf("exit code %d, %q", code, &stderr)
	}
	if got := lines[row](t, out.first); len(got) != 1 || got[0].ID != records[0].ID {
		t.Errorf("first written were %d rows", len(got))
	}
	contains(t, "stderr", stderr.String(), "go on with: --after")
}
