package main

import (
	"context"
	"fmt"
	"io"
	"time"

	"github.com/auditflow/auditflow/store/postgres"
)

// program is auditctl with all that it takes from its surroundings, so that a
// test can run it.
type program struct {
	stdin          io.Reader // nil holds nothing
	stdout, stderr io.Writer
	env            func(string) (string, bool) // as os.LookupEnv
	now            func() time.Time
	person         bool // somebody looks at stdout: it is a terminal
	width          int  // of the screen in cells; 0 when not known
	watched        bool // somebody looks at stderr: how far it is may be told there

	flags globals
	out   *output // set before a command runs
}

// run carries out a command line and returns the exit code.
func (p *program) run(ctx context.Context, args []string) int {
	root := p.root() //nolint:contextcheck // commands take theirs from cobra, which is given it below
	root.SetArgs(args)
	root.SetOut(p.stdout)
	root.SetErr(p.stderr)
	err := root.ExecuteContext(ctx)
	if p.out != nil {
		if flushErr := p.out.to.Flush(); err == nil {
			err = flushErr
		}
	}
	return p.exit(ctx, err)
}

// withStore connects to the database and lets use ask it. The time limit is one
// of connecting: an answer may take as long as it takes.
func (p *program) withStore(ctx context.Context, use func(*postgres.Store) error) error {
	s, err := p.settings()
	if err != nil {
		return err
	}
	store, err := postgres.Open(ctx, s.database)
	if err != nil {
		return err
	}
	defer store.Close()
	if err := p.connect(ctx, store); err != nil {
		return err
	}
	return use(store)
}

func (p *program) connect(ctx context.Context, store *postgres.Store) error {
	connecting, cancel := context.WithTimeout(ctx, p.flags.timeout)
	defer cancel()
	return store.Ping(connecting)
}

// prompt asks without ending the line.
func (p *program) prompt(question string) { fmt.Fprint(p.stderr, question) }

// tell writes a line that is not part of the answer.
func (p *program) tell(format string, args ...any) {
	fmt.Fprintf(p.stderr, format+"\n", args...)
}
