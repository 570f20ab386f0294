package main

import (
	"context"
	"fmt"
	"slices"

	"github.com/spf13/cobra"

	"github.com/auditflow/auditflow/audit/lifecycle"
	"github.com/auditflow/auditflow/internal/terminal"
	"github.com/auditflow/auditflow/workflows"
)

func (p *program) partitionsTier() *cobra.Command {
	var dry bool
	cmd := &cobra.Command{
		Use: "tier", Short: "move partitions into the tablespace of their age",
		Long: `Has the worker move partitions into the tablespace of their age (maintenance.tiers:
hot, warm, cold), one after the other, while their rows are read and written.
Triggers the schedule audit-tier and follows its run.

--dry-run tells which would move and why, by the configuration given here.`,
		Example: "  auditctl partitions tier --dry-run --config worker.yaml\n  auditctl partitions tier",
		Args:    cobra.NoArgs,
	}
	dryRunFlag(cmd, &dry)
	cmd.RunE = p.doOrPlan(&dry, workflows.ScheduleTier, p.planTiers)
	return cmd
}

func (p *program) planTiers(ctx context.Context, k *keeping) error {
	if k.plan.Tiers.None() {
		p.tell("No tablespaces are configured (maintenance.tiers): everything stays where it is.")
		return nil
	}
	there, err := k.store.Tablespaces(ctx)
	if err != nil {
		return err
	}
	for _, name := range k.plan.Tiers.Tablespaces() {
		if !slices.Contains(there, name) {
			return no("tablespace %s is not there, or the login may create nothing in it", name)
		}
	}
	partitions, err := k.store.Partitions(ctx)
	if err != nil {
		return err
	}
	n, err := list(p.out, moveSheet(), all(lifecycle.PlanTiers(p.now(), k.plan.Tiers, partitions)))
	if err == nil && n == 0 && p.out.forPeople() {
		p.tell("Nothing has to move.")
	}
	return err
}

func moveSheet() sheet[lifecycle.Move] {
	type line = lifecycle.Move
	columns := []column[line]{
		{terminal.Column{Title: "PARTITION"}, func(m *line) terminal.Cell { return terminal.Cell{Text: m.Partition} }},
		{terminal.Column{Title: "TO", Least: 8}, func(m *line) terminal.Cell { return terminal.Cell{Text: m.Tablespace, Paint: terminal.Cyan} }},
		{terminal.Column{Title: "WHY", Least: 20}, func(m *line) terminal.Cell { return terminal.Cell{Text: m.Why} }},
	}
	return sheet[line]{
		table: columns, wide: columns,
		csv: []field[line]{
			{"partition", func(m *line) any { return m.Partition }},
			{"tablespace", func(m *line) any { return m.Tablespace }},
			{"why", func(m *line) any { return m.Why }},
		},
		totals: func(n int64) string { return fmt.Sprintf("%s would move", plural(n, "partition")) },
	}
}
