package main

import (
	"context"
	"slices"
	"time"

	"github.com/spf13/cobra"

	"github.com/auditflow/auditflow/audit"
	"github.com/auditflow/auditflow/internal/terminal"
)

func (p *program) retentionLog() *cobra.Command {
	var limit count
	cmd := &cobra.Command{
		Use: "log", Short: "what was deleted, when and why (tombstones)",
		Long: `Lists what retention has deleted, the newest first: whole partitions, rows of
partitions, and periods in the archive, with the reason, the policy that asked for it
and the SHA-256 of the manifest that was verified right before. Remembered for ever.`,
		Example: "  auditctl retention log\n  auditctl retention log --limit 0 -o csv > deletions.csv",
		Args:    cobra.NoArgs,
	}
	limitFlag(cmd, &limit)
	cmd.RunE = p.keep(needs{database: true}, func(ctx context.Context, k *keeping, _ *cobra.Command, _ []string) error {
		tombstones, err := k.store.Tombstones(ctx, oneMore(int(limit)))
		if err != nil {
			return err
		}
		more := limit > 0 && len(tombstones) > int(limit)
		if more {
			tombstones = tombstones[:limit]
		}
		n, err := list(p.out, tombstoneSheet(p.out.zone), all(tombstones))
		if err == nil && n == 0 && p.out.forPeople() {
			p.tell("Nothing was deleted.")
		}
		if err == nil && more {
			err = p.out.to.Flush()
			p.tell("There are more: --limit says how many to list, 0 is all.")
		}
		return err
	})
	return cmd
}

func tombstoneSheet(in *time.Location) sheet[audit.Tombstone] {
	type line = audit.Tombstone
	text := func(c terminal.Column, value func(*line) string) column[line] {
		return column[line]{c, func(t *line) terminal.Cell { return terminal.Cell{Text: value(t)} }}
	}
	columns := []column[line]{
		text(terminal.Column{Title: "DELETED (" + in.String() + ")"}, func(t *line) string { return instant(t.DeletedAt, in) }),
		text(terminal.Column{Title: "WHAT"}, func(t *line) string { return string(t.What) }),
		text(terminal.Column{Title: "NAME"}, func(t *line) string { return t.Name }),
		text(terminal.Column{Title: "ROWS", Right: true}, func(t *line) string { return grouped(t.Rows) }),
		text(terminal.Column{Title: "SIZE", Right: true, Drop: 1}, func(t *line) string { return mebibytes(float64(t.Bytes)) }),
		text(terminal.Column{Title: "WHY", Least: 20}, func(t *line) string { return t.Why }),
	}
	wide := append(slices.Clone(columns),
		text(terminal.Column{Title: "POLICY"}, func(t *line) string { return t.Policy }),
		text(terminal.Column{Title: "MANIFEST"}, func(t *line) string { return or(t.Manifest, unknown) }),
		text(terminal.Column{Title: "WORKFLOW"}, func(t *line) string { return or(join(" ", t.WorkflowID, t.RunID), unknown) }))
	return sheet[line]{table: columns, wide: wide, csv: tombstoneFields(), totals: func(n int64) string { return plural(n, "tombstone") }}
}

func tombstoneFields() []field[audit.Tombstone] {
	type line = audit.Tombstone
	return []field[line]{
		{"id", func(t *line) any { return t.ID }},
		{"deleted_at", func(t *line) any { return t.DeletedAt }},
		{"what", func(t *line) any { return string(t.What) }},
		{"name", func(t *line) any { return t.Name }},
		{"start", func(t *line) any { return t.Start }},
		{"end", func(t *line) any { return t.End }},
		{"rows", func(t *line) any { return t.Rows }},
		{"bytes", func(t *line) any { return t.Bytes }},
		{"why", func(t *line) any { return t.Why }},
		{"policy", func(t *line) any { return t.Policy }},
		{"manifest_sha256", func(t *line) any { return t.Manifest }},
		{"workflow_id", func(t *line) any { return t.WorkflowID }},
		{"run_id", func(t *line) any { return t.RunID }},
	}
}
