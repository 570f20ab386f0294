package main

import (
	"context"
	"fmt"
	"time"

	"github.com/auditflow/auditflow/audit/lifecycle"
	"github.com/auditflow/auditflow/internal/terminal"
)

// planArchive tells of every partition whether the next run would look at it.
func (p *program) planArchive(ctx context.Context, k *keeping) error {
	if k.archive.URL == "" {
		p.tell("No bucket is configured (maintenance.archive.bucket_url): nothing would be archived.")
	}
	steps, err := k.archiveSteps(ctx, p.now())
	if err != nil {
		return err
	}
	n, err := list(p.out, stepSheet(), all(steps))
	if err == nil && n == 0 && p.out.forPeople() {
		p.tell("There are no partitions.")
	}
	return err
}

// archiveSteps are what lifecycle decides. Of a partition that is due and has as
// many rows as the archive, the run sees at once that nothing is missing.
func (k *keeping) archiveSteps(ctx context.Context, now time.Time) ([]lifecycle.Step, error) {
	partitions, err := k.store.Partitions(ctx)
	if err != nil {
		return nil, err
	}
	filed, tombstones, err := k.filed(ctx)
	if err != nil {
		return nil, err
	}
	steps := lifecycle.PlanArchive(now, k.plan.Archiving, partitions, filed)
	for i, step := range steps {
		if !step.Due {
			continue
		}
		rows, err := k.store.Count(ctx, step.Partition, time.Time{})
		if err != nil {
			return nil, err
		}
		if lifecycle.Complete(partitions[i], rows, filed, tombstones) {
			steps[i].Due, steps[i].Why = false, fmt.Sprintf("all of its %s are archived", plural(rows, "row"))
		}
	}
	return steps, nil
}

func stepSheet() sheet[lifecycle.Step] {
	type line = lifecycle.Step
	columns := []column[line]{
		{terminal.Column{Title: "DUE"}, func(s *line) terminal.Cell {
			if s.Due {
				return terminal.Cell{Text: "yes", Paint: terminal.Green}
			}
			return terminal.Cell{Text: "no", Paint: terminal.Dim}
		}},
		{terminal.Column{Title: "PERIOD"}, func(s *line) terminal.Cell { return terminal.Cell{Text: s.Period} }},
		{terminal.Column{Title: "PARTITION", Drop: 1}, func(s *line) terminal.Cell { return terminal.Cell{Text: s.Partition} }},
		{terminal.Column{Title: "WHY", Least: 20}, func(s *line) terminal.Cell { return terminal.Cell{Text: s.Why} }},
	}
	var due int64
	return sheet[line]{
		table: columns, wide: columns,
		csv: []field[line]{
			{"due", func(s *line) any { return s.Due }},
			{"period", func(s *line) any { return s.Period }},
			{"partition", func(s *line) any { return s.Partition }},
			{"from", func(s *line) any { return s.Start }},
			{"to", func(s *line) any { return s.End }},
			{"why", func(s *line) any { return s.Why }},
		},
		count: func(s *line) {
			if s.Due {
				due++
			}
		},
		totals: func(n int64) string { return fmt.Sprintf("%d of %s due", due, plural(n, "partition")) },
	}
}
