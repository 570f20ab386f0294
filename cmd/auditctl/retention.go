package main

import (
	"context"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/auditflow/auditflow/audit"
	"github.com/auditflow/auditflow/audit/lifecycle"
	"github.com/auditflow/auditflow/internal/terminal"
	"github.com/auditflow/auditflow/workflows"
)

func (p *program) retentionCommand() *cobra.Command {
	return group(&cobra.Command{
		Use: "retention", Short: "what is deleted when, and why: plan, run, confirm, log",
		Long: `Records leave the database when they are older than maintenance.retention.after, and
only what the archive has, verified right before; they leave the archive after
archive_after, if ever. What is held stays in both. Each deletion leaves a tombstone.

A retention that deletes sooner than the one in force deletes nothing until somebody
confirms it.`,
		Example: "  auditctl retention plan --config worker.yaml\n  auditctl retention confirm --config worker.yaml\n  auditctl retention log",
	}, p.retentionPlan(), p.retentionRun(), p.retentionConfirm(), p.retentionLog())
}

const planHelp = `Tells what the next run of retention would do, and why: one line for each partition
and for each period in the archive, by the configuration given here (the worker's
file; without it, the defaults). Changes nothing and reads no archived row: the run
does, and what it finds to be altered or missing keeps the partition.

Deliveries under way also keep a partition; Temporal is asked for them, where it is
known. A login with role auditflow_reader is enough. Exit code 1 if the run would
delete nothing at all because the configured retention is refused: it is wrong, or
has to be confirmed first.`

func (p *program) retentionPlan() *cobra.Command {
	return &cobra.Command{
		Use: "plan", Short: "what would be deleted next, what stays, and why", Long: planHelp,
		Example: "  auditctl retention plan --config worker.yaml\n  auditctl retention plan -o json | jq -r 'select(.action != \"keep\") | .name'",
		Args:    cobra.NoArgs,
		RunE:    p.keep(needs{database: true}, p.planRetention),
	}
}

func (p *program) retentionRun() *cobra.Command {
	var dry bool
	cmd := &cobra.Command{
		Use: "run", Short: "delete now what has expired",
		Long: `Has the worker enforce retention now: triggers the schedule audit-retention and
follows its run, which can be watched in the Temporal UI as well, and goes on if this
program ends. Exit code 1 if anything failed; nothing is deleted then that is not
proven to be in the archive.

--dry-run is the same as auditctl retention plan.`,
		Example: "  auditctl retention run --dry-run --config worker.yaml\n  auditctl retention run",
		Args:    cobra.NoArgs,
	}
	dryRunFlag(cmd, &dry)
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		if dry {
			return p.keep(needs{database: true}, p.planRetention)(cmd, args)
		}
		u, err := p.upkeep()
		if err != nil {
			return err
		}
		return p.do(cmd.Context(), u, u.scheduled(workflows.ScheduleRetention))
	}
	return cmd
}

// fate is what becomes of a partition, or of a period in the archive.
type fate struct {
	Where  string           `json:"where"` // database or archive
	Name   string           `json:"name"`  // of the partition, or of the period
	Action lifecycle.Action `json:"action"`
	Why    string           `json:"why"`
	Start  time.Time        `json:"start"`
	End    time.Time        `json:"end"`
	Before time.Time        `json:"before,omitzero"` // rows that are deleted
}

const (
	inDatabase = "database"
	inArchive  = "archive"
)

func (p *program) planRetention(ctx context.Context, k *keeping, _ *cobra.Command, _ []string) error {
	policy := k.plan.Retention
	p.tell("Retention: %s.", lifecycle.Words(policy.Retention()))
	refusal, err := k.refusal(ctx)
	if err != nil {
		return err
	}
	fates, err := p.fates(ctx, k)
	if err != nil {
		return err
	}
	if _, err := list(p.out, fateSheet(), all(fates)); err != nil {
		return err
	}
	if k.archive.URL == "" {
		p.tell("No bucket was said (maintenance.archive.bucket_url): a worker without one deletes nothing.")
	}
	if refusal != nil {
		if err := p.out.to.Flush(); err != nil {
			return err
		}
		return no("nothing would be deleted: %v", refusal)
	}
	return nil
}

// refusal is why the run would not follow the configured retention.
func (k *keeping) refusal(ctx context.Context) (refusal, err error) {
	if err := k.plan.Retention.Check(); err != nil {
		return err, nil
	}
	inForce, err := k.store.ConfirmedRetention(ctx)
	if err != nil {
		return nil, err
	}
	return lifecycle.CheckShortening(k.plan.Retention.Retention(), inForce), nil
}

// fates are those of all partitions and of all periods in the archive.
func (p *program) fates(ctx context.Context, k *keeping) (fates []fate, err error) {
	r, now := k.plan.Retention.Retention(), p.now()
	situations, err := p.situations(ctx, k, r)
	if err != nil {
		return nil, err
	}
	filed, _, err := k.filed(ctx)
	if err != nil {
		return nil, err
	}
	for _, d := range lifecycle.PlanRetention(now, r, situations, filed) {
		fates = append(fates, fate{inDatabase, d.Partition, d.Action, d.Why, d.Start, d.End, d.Before})
	}
	holds, err := k.store.Holds(ctx, false)
	if err != nil {
		return nil, err
	}
	partitions := make([]audit.Partition, 0, len(situations))
	for _, s := range situations {
		partitions = append(partitions, s.Partition)
	}
	for _, d := range lifecycle.PlanArchiveRetention(now, r, filed, partitions, holds) {
		if onRows := lifecycle.NeedsReading(holds); d.Action == lifecycle.Drop && len(onRows) > 0 {
			d.Why += fmt.Sprintf("; its rows are read before, whether hold %s holds any", numbers(holdNumbers(onRows)))
		}
		fates = append(fates, fate{inArchive, d.Period, d.Action, d.Why, d.Start, d.End, d.Before})
	}
	for _, period := range lifecycle.Unfinished(filed) {
		fates = append(fates, fate{Where: inArchive, Name: period, Action: lifecycle.Drop, Why: "an earlier run has deleted a part of it"})
	}
	return fates, nil
}

func fateSheet() sheet[fate] {
	type line = fate
	text := func(c terminal.Column, value func(*line) string) column[line] {
		return column[line]{c, func(f *line) terminal.Cell { return terminal.Cell{Text: value(f)} }}
	}
	columns := []column[line]{
		{terminal.Column{Title: "ACTION"}, func(f *line) terminal.Cell {
			if f.Action == lifecycle.Keep {
				return terminal.Cell{Text: string(f.Action), Paint: terminal.Dim}
			}
			return terminal.Cell{Text: string(f.Action), Paint: terminal.Red}
		}},
		text(terminal.Column{Title: "WHERE"}, func(f *line) string { return f.Where }),
		text(terminal.Column{Title: "NAME"}, func(f *line) string { return f.Name }),
		text(terminal.Column{Title: "WHY", Least: 20}, func(f *line) string { return f.Why }),
	}
	tally := map[lifecycle.Action]int64{}
	return sheet[line]{
		table: columns, wide: columns,
		csv: []field[line]{
			{"action", func(f *line) any { return string(f.Action) }},
			{"where", func(f *line) any { return f.Where }},
			{"name", func(f *line) any { return f.Name }},
			{"start", func(f *line) any { return f.Start }},
			{"end", func(f *line) any { return f.End }},
			{"before", func(f *line) any { return f.Before }},
			{"why", func(f *line) any { return f.Why }},
		},
		count: func(f *line) { tally[f.Action]++ },
		totals: func(int64) string {
			return fmt.Sprintf("%d to drop, %d to delete rows of, %d kept", tally[lifecycle.Drop], tally[lifecycle.DeleteRows], tally[lifecycle.Keep])
		},
	}
}
