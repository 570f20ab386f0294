package main

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/auditflow/auditflow/audit"
	"github.com/auditflow/auditflow/audit/lifecycle"
	"github.com/auditflow/auditflow/internal/terminal"
)

func (p *program) partitionsCommand() *cobra.Command {
	return group(&cobra.Command{
		Use: "partitions", Short: "the tables that hold the trail: list, create ahead, move to slower disks",
		Long: `The audit table is partitioned by created_at, by month unless configured otherwise.
Workers create a partition when a row needs one; a schedule keeps some ahead, so
that no row has to wait for one, and moves older ones to other tablespaces.`,
		Example: "  auditctl partitions list\n  auditctl partitions create --ahead 6 --dry-run\n  auditctl partitions tier",
	}, p.partitionsList(), p.partitionsCreate(), p.partitionsTier())
}

// standing is a partition with what is known of it elsewhere.
type standing struct {
	audit.Partition
	From       time.Time `json:"from"`
	To         time.Time `json:"to"`
	Rows       *int64    `json:"rows_estimated,omitempty"` // nil when PostgreSQL has no idea yet
	Manifests  int       `json:"manifests"`
	Archived   int64     `json:"archived_rows"`
	Holds      []int64   `json:"holds,omitempty"` // that hold any row of it
	archivedAs []string  // periods
}

func (p *program) partitionsList() *cobra.Command {
	cmd := &cobra.Command{
		Use: "list", Short: "every partition: bounds, size, where it lies, what is archived and held",
		Long: `Lists the partitions by their bounds, with PostgreSQL's estimate of their rows, their
size with indexes, and the tablespace. ARCHIVED is how many rows the catalogue says
the archive has of that time, in how many manifests. HELD names the holds on any of
its rows, as far as the login may look for them; see auditctl hold.

A partition that is detaching or detached is on its way out: its rows are not found
any more, and retention compares it with the archive before it is dropped.`,
		Example: "  auditctl partitions list\n  auditctl partitions list -o json | jq -r 'select(.archived_rows == 0) | .name'",
		Args:    cobra.NoArgs,
	}
	cmd.RunE = p.keep(needs{database: true}, func(ctx context.Context, k *keeping, _ *cobra.Command, _ []string) error {
		lines, err := p.standing(ctx, k)
		if err != nil {
			return err
		}
		_, err = list(p.out, standingSheet(lines, p.now()), all(lines))
		return err
	})
	return cmd
}

// standing gathers what is known of all partitions.
func (p *program) standing(ctx context.Context, k *keeping) ([]standing, error) {
	partitions, err := k.store.Partitions(ctx)
	if err != nil {
		return nil, err
	}
	filed, _, err := k.filed(ctx)
	if err != nil {
		return nil, err
	}
	holding, err := k.holding(ctx, partitions)
	if err != nil {
		return nil, err
	}
	lines := make([]standing, 0, len(partitions))
	for _, partition := range partitions {
		s := standing{
			Partition: partition, From: partition.Period.Start, To: partition.Period.End,
			Holds: holdNumbers(holding[partition.Name]),
		}
		if partition.Rows >= 0 {
			s.Rows = &partition.Rows
		}
		for _, f := range lifecycle.Overlapping(partition.Period, filed) {
			s.Manifests += f.Manifests
			s.Archived += f.Rows
			s.archivedAs = append(s.archivedAs, f.Period)
		}
		lines = append(lines, s)
	}
	return lines, nil
}

// holding finds the holds on each partition. Without any hold it asks for none.
func (k *keeping) holding(ctx context.Context, partitions []audit.Partition) (map[string][]audit.Hold, error) {
	holds, err := k.store.Holds(ctx, false)
	if err != nil || len(holds) == 0 {
		return nil, err
	}
	holding := map[string][]audit.Hold{}
	for _, partition := range partitions {
		held, err := k.store.Holding(ctx, partition.Name)
		if err != nil {
			return nil, err
		}
		holding[partition.Name] = held
	}
	return holding, nil
}

func standingSheet(lines []standing, now time.Time) sheet[standing] {
	text := func(c terminal.Column, value func(*standing) string) column[standing] {
		return column[standing]{c, func(s *standing) terminal.Cell { return terminal.Cell{Text: value(s)} }}
	}
	state := column[standing]{terminal.Column{Title: "STATE"}, func(s *standing) terminal.Cell {
		return terminal.Cell{Text: string(s.State), Paint: statePaint(s.State)}
	}}
	archived := column[standing]{terminal.Column{Title: "ARCHIVED", Right: true}, func(s *standing) terminal.Cell {
		if s.Manifests == 0 {
			return terminal.Cell{Text: "—", Paint: terminal.Dim}
		}
		return terminal.Cell{Text: grouped(s.Archived), Paint: terminal.Green}
	}}
	held := column[standing]{terminal.Column{Title: "HELD", Least: 6}, func(s *standing) terminal.Cell {
		return terminal.Cell{Text: or(numbers(s.Holds), unknown), Paint: paintIf(len(s.Holds) > 0, terminal.Yellow)}
	}}
	tablespace := text(terminal.Column{Title: "TABLESPACE", Least: 8, Drop: 3}, func(s *standing) string { return or(s.Tablespace, "default") })
	columns := []column[standing]{
		text(terminal.Column{Title: "PARTITION"}, func(s *standing) string { return s.Name }),
		text(terminal.Column{Title: "FROM", Drop: 1}, func(s *standing) string { return bound(s.From) }),
		text(terminal.Column{Title: "TO", Drop: 2}, func(s *standing) string { return bound(s.To) }),
		text(terminal.Column{Title: "~ROWS", Right: true}, func(s *standing) string { return optionalCount(s.Rows) }),
		text(terminal.Column{Title: "SIZE", Right: true}, func(s *standing) string { return mebibytes(float64(s.Bytes)) }),
		tablespace, state, archived,
		text(terminal.Column{Title: "MANIFESTS", Right: true, Drop: 4}, func(s *standing) string { return strconv.Itoa(s.Manifests) }),
		held,
	}
	wide := append(slices.Clone(columns), text(terminal.Column{Title: "ARCHIVED AS"}, func(s *standing) string {
		return or(strings.Join(s.archivedAs, ", "), unknown)
	}))
	return sheet[standing]{table: columns, wide: wide, csv: standingFields(), totals: standingTotals(lines, now)}
}

func standingFields() []field[standing] {
	return []field[standing]{
		{"name", func(s *standing) any { return s.Name }},
		{"from", func(s *standing) any { return s.From }},
		{"to", func(s *standing) any { return s.To }},
		{"rows_estimated", func(s *standing) any { return anyCount(s.Rows) }},
		{"bytes", func(s *standing) any { return s.Bytes }},
		{"tablespace", func(s *standing) any { return s.Tablespace }},
		{"state", func(s *standing) any { return string(s.State) }},
		{"archived_rows", func(s *standing) any { return s.Archived }},
		{"manifests", func(s *standing) any { return int64(s.Manifests) }},
		{"holds", func(s *standing) any { return numbers(s.Holds) }},
	}
}

// standingTotals tells until when the partitions suffice.
func standingTotals(lines []standing, now time.Time) func(int64) string {
	var rows, bytes int64
	var partitions []audit.Partition
	for _, s := range lines {
		partitions = append(partitions, s.Partition)
		bytes += s.Bytes
		if s.Rows != nil {
			rows += *s.Rows
		}
	}
	runway := "there is none for now"
	if left := lifecycle.Runway(now, partitions); left > 0 {
		runway = "they suffice until " + bound(now.Add(left))
	}
	return func(n int64) string {
		return fmt.Sprintf("%s, about %s, %s; %s", plural(n, "partition"), plural(rows, "row"), mebibytes(float64(bytes)), runway)
	}
}

func statePaint(s audit.PartitionState) terminal.Paint {
	if s == audit.PartitionAttached {
		return ""
	}
	return terminal.Yellow
}

func paintIf(is bool, paint terminal.Paint) terminal.Paint {
	if is {
		return paint
	}
	return terminal.Dim
}

// bound writes a bound of a period: a day in UTC, with the time if it is no midnight.
func bound(t time.Time) string {
	t = t.UTC()
	if t.Equal(t.Truncate(24 * time.Hour)) {
		return t.Format(time.DateOnly)
	}
	return t.Format("2006-01-02T15:04:05.999999Z")
}

// numbers writes the numbers of holds: 3, 7, 12.
func numbers(ids []int64) string {
	texts := make([]string, 0, len(ids))
	for _, id := range ids {
		texts = append(texts, strconv.FormatInt(id, 10))
	}
	return strings.Join(texts, ", ")
}

func optionalCount(n *int64) string {
	if n == nil {
		return unknown
	}
	return grouped(*n)
}

func anyCount(n *int64) any {
	if n == nil {
		return nil
	}
	return *n
}
