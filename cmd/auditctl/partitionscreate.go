package main

import (
	"context"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/auditflow/auditflow/audit/lifecycle"
	"github.com/auditflow/auditflow/cmd/internal/upkeep"
	"github.com/auditflow/auditflow/internal/terminal"
	"github.com/auditflow/auditflow/workflows"
)

func (p *program) partitionsCreate() *cobra.Command {
	var ahead count
	var dry bool
	cmd := &cobra.Command{
		Use: "create", Short: "create the partitions that are missing, for now and ahead",
		Long: `Has the worker create the partitions that are missing: the present one, --ahead
whole periods after it, and holes of the recent past. Starts the workflow
CreatePartitions and follows it; what is to be done ahead is what the schedule
audit-create-partitions says, unless --ahead is given.

--dry-run tells which would be created, by the configuration given here.`,
		Example: "  auditctl partitions create\n  auditctl partitions create --ahead 12 --dry-run",
		Args:    cobra.NoArgs,
	}
	cmd.Flags().Var(&ahead, "ahead", "how many whole periods ahead (default: what is configured)")
	dryRunFlag(cmd, &dry)
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		given := cmd.Flags().Changed("ahead")
		if given && (ahead < 1 || ahead > upkeep.MaxAhead) {
			return usage("--ahead: want 1 to %d", upkeep.MaxAhead)
		}
		u, err := p.upkeep()
		if err != nil {
			return err
		}
		more := func(c *lifecycle.Create) {
			if given {
				c.Ahead = int(ahead)
			}
		}
		if !dry {
			t := u.scheduled(workflows.ScheduleCreatePartitions)
			if given {
				t.change = changed(u.plan.Create, more)
			}
			return p.do(cmd.Context(), u, t)
		}
		more(&u.plan.Create)
		return p.withKeeping(cmd.Context(), u, needs{database: true}, func(k *keeping) error { return p.planCreate(cmd.Context(), k) })
	}
	return cmd
}

func (p *program) planCreate(ctx context.Context, k *keeping) error {
	partitions, err := k.store.Partitions(ctx)
	if err != nil {
		return err
	}
	var lines []missing
	for _, m := range lifecycle.CreateAhead(p.now(), k.plan.Create, partitions) {
		lines = append(lines, missing{m.Suffix(), m.Start, m.End})
	}
	n, err := list(p.out, missingSheet(), all(lines))
	if err == nil && n == 0 && p.out.forPeople() {
		p.tell("Nothing is missing: %d %s periods ahead are there.", k.plan.Create.Ahead, k.plan.Create.Interval)
	}
	return err
}

// missing is a period without a partition.
type missing struct {
	Period string    `json:"period"`
	From   time.Time `json:"from"`
	To     time.Time `json:"to"`
}

func missingSheet() sheet[missing] {
	type line = missing
	columns := []column[line]{
		{terminal.Column{Title: "MISSING"}, func(m *line) terminal.Cell { return terminal.Cell{Text: m.Period, Paint: terminal.Yellow} }},
		{terminal.Column{Title: "FROM"}, func(m *line) terminal.Cell { return terminal.Cell{Text: bound(m.From)} }},
		{terminal.Column{Title: "TO"}, func(m *line) terminal.Cell { return terminal.Cell{Text: bound(m.To)} }},
	}
	return sheet[line]{
		table: columns, wide: columns,
		csv: []field[line]{
			{"period", func(m *line) any { return m.Period }},
			{"from", func(m *line) any { return m.From }},
			{"to", func(m *line) any { return m.To }},
		},
		totals: func(n int64) string { return fmt.Sprintf("%s would be created", plural(n, "partition")) },
	}
}
