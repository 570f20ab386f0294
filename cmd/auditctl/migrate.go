package main

import (
	"context"

	"github.com/spf13/cobra"

	"github.com/auditflow/auditflow/store/postgres"
)

func (p *program) migrateCommand() *cobra.Command {
	var check bool
	cmd := &cobra.Command{
		Use: "migrate", Short: "bring the database to the schema of this release",
		Long: `Brings the database to the schema of this release. Any number may do so at once,
while executions are delivered: no lock holds writers up. The login has to be a
member of auditflow_maintainer, once that exists. There is no way down for the
schema, but one for releases: those that know version "oldest release" of it can
work with it.

--check changes nothing: exit code 0 if this release can work with the database as
it is, 1 if migrations are pending or were made that this release cannot work with.`,
		Example: "  auditctl migrate --check && echo up to date\n  auditctl migrate",
		Args:    cobra.NoArgs,
	}
	cmd.Flags().BoolVar(&check, "check", false, "tell the versions and what is pending, change nothing")
	cmd.RunE = p.ask(func(ctx context.Context, store *postgres.Store, _ *cobra.Command, _ []string) error {
		before, err := store.Schema(ctx)
		switch {
		case err != nil:
			return err
		case check:
			return p.checked(before)
		}
		if err := store.Migrate(ctx); err != nil {
			return err
		}
		after, err := store.Schema(ctx)
		if err != nil {
			return err
		}
		return p.migrated(migration{From: before.Database, To: after.Database, Applied: before.Pending})
	})
	return cmd
}

// migration is what migrate has done.
type migration struct {
	From    int64    `json:"from"`
	To      int64    `json:"to"`
	Applied []string `json:"applied"` // files, in their order
}

func (p *program) checked(s postgres.Schema) error {
	if err := p.single(s, func(page *page) {
		page.say("", "schema of the database: version %d, of this release: version %d", s.Database, s.Release)
		if s.Database > s.Release {
			page.say("", "oldest release that can work with it: version %d", s.OldestRelease)
		}
		for _, file := range s.Pending {
			page.say("", "pending: %s", file)
		}
	}); err != nil {
		return err
	}
	switch {
	case !s.Usable():
		return no("the database has been migrated by a newer release, and this one cannot work with it")
	case len(s.Pending) > 0:
		return &noError{answer: plural(int64(len(s.Pending)), "migration") + " pending", hint: "Hint: run: auditctl migrate"}
	}
	return nil
}

func (p *program) migrated(m migration) error {
	if m.Applied == nil {
		m.Applied = []string{}
	}
	return p.single(m, func(page *page) {
		if len(m.Applied) == 0 {
			page.say("", "schema is at version %d already", m.To)
			return
		}
		page.say("", "schema brought from version %d to %d", m.From, m.To)
		for _, file := range m.Applied {
			page.say("", "applied: %s", file)
		}
	})
}

// single answers with one thing: an object, or a page for people.
func (p *program) single(value any, describe func(*page)) error {
	switch p.out.format {
	case formatCSV:
		return usage("there is no CSV of this answer, only table and json")
	case formatJSON:
		return indented(p.out, value)
	}
	page := newPage(p.out)
	describe(page)
	return page.finish()
}
