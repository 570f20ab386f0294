package main

import (
	"context"
	"slices"
	"time"

	"github.com/spf13/cobra"

	"github.com/auditflow/auditflow/audit"
	"github.com/auditflow/auditflow/internal/terminal"
)

func (p *program) restoreList() *cobra.Command {
	cmd := &cobra.Command{
		Use: "list", Short: "what was restored and is still there",
		Long:    "Lists what was brought back from the archive and is still there, the newest first.",
		Example: "  auditctl restore list",
		Args:    cobra.NoArgs,
	}
	cmd.RunE = p.keep(needs{database: true}, func(ctx context.Context, k *keeping, _ *cobra.Command, _ []string) error {
		restores, err := k.store.Restores(ctx)
		if err != nil {
			return err
		}
		return p.restores(restores, "Nothing is restored.")
	})
	return cmd
}

func (p *program) restoreExpire() *cobra.Command {
	var dry bool
	cmd := &cobra.Command{
		Use: "expire", Short: "take away restored records whose time has passed",
		Long: `Takes away restored records whose time (--keep) has passed, unless another restore
still has them. Retention does so every day. --dry-run lists which restores have
passed. Needs a login with role auditflow_maintainer.`,
		Example: "  auditctl restore expire --dry-run\n  auditctl restore expire",
		Args:    cobra.NoArgs,
	}
	dryRunFlag(cmd, &dry)
	cmd.RunE = p.keep(needs{database: true}, func(ctx context.Context, k *keeping, _ *cobra.Command, _ []string) error {
		if dry {
			restores, err := k.store.Restores(ctx)
			if err != nil {
				return err
			}
			stays := func(r audit.Restore) bool { return r.ExpiresAt.After(p.now()) }
			return p.restores(slices.DeleteFunc(restores, stays), "Nothing has passed its time.")
		}
		rows, err := k.store.ExpireRestores(ctx, p.now())
		if err != nil {
			return err
		}
		return p.single(expired{rows}, func(page *page) { page.say("", "%s taken away", plural(rows, "row")) })
	})
	return cmd
}

// expired is what expire has done.
type expired struct {
	Rows int64 `json:"rows"`
}

func (p *program) restores(restores []audit.Restore, none string) error {
	n, err := list(p.out, restoreSheet(p.out.zone), all(restores))
	if err == nil && n == 0 && p.out.forPeople() {
		p.tell("%s", none)
	}
	return err
}

func restoreSheet(in *time.Location) sheet[audit.Restore] {
	type line = audit.Restore
	text := func(c terminal.Column, value func(*line) string) column[line] {
		return column[line]{c, func(r *line) terminal.Cell { return terminal.Cell{Text: value(r)} }}
	}
	zone := " (" + in.String() + ")"
	columns := []column[line]{
		text(terminal.Column{Title: "ID", Right: true}, func(r *line) string { return numbers([]int64{r.ID}) }),
		text(terminal.Column{Title: "FROM"}, func(r *line) string { return bound(r.Start) }),
		text(terminal.Column{Title: "TO"}, func(r *line) string { return bound(r.End) }),
		text(terminal.Column{Title: "ROWS", Right: true}, func(r *line) string { return grouped(r.Rows) }),
		text(terminal.Column{Title: "UNTIL" + zone}, func(r *line) string { return instant(r.ExpiresAt, in) }),
		text(terminal.Column{Title: "REASON", Least: 12}, func(r *line) string { return r.Reason }),
		text(terminal.Column{Title: "BY", Least: 8, Drop: 2}, func(r *line) string { return r.RestoredBy }),
		text(terminal.Column{Title: "RECORD", Least: 8, Drop: 3}, func(r *line) string { return or(r.Record, unknown) }),
	}
	wide := append(slices.Clone(columns), text(terminal.Column{Title: "RESTORED" + zone}, func(r *line) string { return instant(r.RestoredAt, in) }))
	return sheet[line]{
		table: columns, wide: wide,
		csv: []field[line]{
			{"id", func(r *line) any { return r.ID }},
			{"start", func(r *line) any { return r.Start }},
			{"end", func(r *line) any { return r.End }},
			{"record_id", func(r *line) any { return r.Record }},
			{"rows", func(r *line) any { return r.Rows }},
			{"reason", func(r *line) any { return r.Reason }},
			{"restored_by", func(r *line) any { return r.RestoredBy }},
			{"restored_at", func(r *line) any { return r.RestoredAt }},
			{"expires_at", func(r *line) any { return r.ExpiresAt }},
		},
		totals: func(n int64) string { return plural(n, "restore") },
	}
}
