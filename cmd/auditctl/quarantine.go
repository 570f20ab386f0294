package main

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/auditflow/auditflow/audit"
	"github.com/auditflow/auditflow/internal/terminal"
	"github.com/auditflow/auditflow/store/postgres"
)

func (p *program) quarantineCommand() *cobra.Command {
	return group(&cobra.Command{
		Use: "quarantine", Short: "records that PostgreSQL would not take, and trying again",
		Long: `A record that PostgreSQL refuses is not lost: it is kept whole in quarantine, with
the reason, until a release that can store it replays it.`,
		Example: "  auditctl quarantine list\n  auditctl quarantine replay --all",
	}, p.quarantineList(), p.quarantineReplay())
}

func (p *program) quarantineList() *cobra.Command {
	var limit count
	cmd := &cobra.Command{
		Use: "list", Short: "what is in quarantine and why, the oldest first",
		Long:    "Lists what is in quarantine and why, the oldest first. -o json has the whole records.",
		Example: "  auditctl quarantine list\n  auditctl quarantine list -o json --limit 0 | jq -r .reason | sort | uniq -c",
		Args:    cobra.NoArgs,
	}
	limitFlag(cmd, &limit)
	cmd.RunE = p.ask(func(ctx context.Context, store *postgres.Store, _ *cobra.Command, _ []string) error {
		all, err := store.Quarantined(ctx)
		if err != nil {
			return err
		}
		n, err := list(p.out, quarantineSheet(p.out.zone), store.Quarantine(ctx, int(limit)))
		switch {
		case err != nil:
			return err
		case n == 0 && p.out.forPeople():
			p.tell("Nothing is in quarantine.")
		case n < all:
			if err := p.out.to.Flush(); err != nil {
				return err
			}
			p.tell("There are %s in all: --limit says how many to list, 0 is all.", grouped(all))
		}
		return nil
	})
	return cmd
}

func quarantineSheet(in *time.Location) sheet[postgres.Quarantined] {
	type line = postgres.Quarantined
	columns := []column[line]{
		{terminal.Column{Title: "SINCE (" + in.String() + ")"}, func(q *line) terminal.Cell { return terminal.Cell{Text: instant(q.QuarantinedAt, in)} }},
		{terminal.Column{Title: "ID"}, func(q *line) terminal.Cell { return terminal.Cell{Text: q.ID} }},
		{terminal.Column{Title: "REASON", Least: 20}, func(q *line) terminal.Cell { return terminal.Cell{Text: q.Reason, Paint: terminal.Yellow} }},
		{terminal.Column{Title: "EXECUTION", Least: 10}, func(q *line) terminal.Cell { return terminal.Cell{Text: q.Record.ExecutionID} }},
		{terminal.Column{Title: "DELIVERED BY", Least: 12, Drop: 1}, func(q *line) terminal.Cell { return terminal.Cell{Text: q.DeliveredBy, Paint: terminal.Dim} }},
	}
	return sheet[line]{
		table: columns, wide: columns,
		csv: []field[line]{
			{"id", func(q *line) any { return q.ID }},
			{"created_at", func(q *line) any { return q.CreatedAt }},
			{"quarantined_at", func(q *line) any { return q.QuarantinedAt }},
			{"reason", func(q *line) any { return q.Reason }},
			{"delivered_by", func(q *line) any { return q.DeliveredBy }},
			{"execution_id", func(q *line) any { return q.Record.ExecutionID }},
			{"action_type", func(q *line) any { return q.Record.ActionType }},
			{"cluster", func(q *line) any { return q.Record.Cluster }},
		},
		totals: func(n int64) string { return plural(n, "record") },
	}
}

func (p *program) quarantineReplay() *cobra.Command {
	var everything bool
	cmd := &cobra.Command{
		Use: "replay ID... | --all", Short: "try to store records once more",
		Long: `Tries once more to store records that are in quarantine, and takes out those whose
row is there. Needs a login with role auditflow_maintainer. Interrupted or run
twice it does no harm. Exit code 1 if any record stays or is not in quarantine.`,
		Example: "  auditctl quarantine replay 5b0d6fe9-1f9b-5a58-9d5f-6d1c9e7d3c11\n  auditctl quarantine replay --all",
		Args: func(_ *cobra.Command, ids []string) error {
			if everything == (len(ids) > 0) {
				return usage("say which records: either their ids or --all")
			}
			return nil
		},
		ValidArgsFunction: cobra.NoFileCompletions,
	}
	cmd.Flags().BoolVar(&everything, "all", false, "all that are in quarantine now")
	cmd.RunE = p.ask(func(ctx context.Context, store *postgres.Store, _ *cobra.Command, ids []string) error {
		if everything {
			var err error
			if ids, err = quarantinedIDs(store.Quarantine(ctx, 0)); err != nil {
				return err
			}
		}
		return p.replay(ids, func(id string) ([]audit.Receipt, error) { return store.Replay(ctx, id) })
	})
	return cmd
}

// quarantinedIDs are all of them, each once, before any is replayed.
func quarantinedIDs(rows iter.Seq2[postgres.Quarantined, error]) (ids []string, err error) {
	seen := map[string]bool{}
	for q, err := range rows {
		if err != nil {
			return nil, err
		}
		if !seen[q.ID] {
			seen[q.ID] = true
			ids = append(ids, q.ID)
		}
	}
	return ids, nil
}

// outcomeMissing is what became of an id that is not in quarantine.
const outcomeMissing audit.Outcome = "not in quarantine"

// replay tells each outcome as it comes, then how many of each there were.
func (p *program) replay(ids []string, once func(id string) ([]audit.Receipt, error)) error {
	tally := map[audit.Outcome]int64{}
	var failed error
	told := p.now()
	_, err := list(p.out, receiptSheet(), func(yield func(audit.Receipt, error) bool) {
		for i, id := range ids {
			if now := p.now(); now.Sub(told) > 2*time.Second {
				told = now
				p.tell("%d of %d", i, len(ids))
			}
			receipts, err := once(id)
			switch {
			case errors.Is(err, postgres.ErrNotFound):
				receipts = []audit.Receipt{{ID: id, Outcome: outcomeMissing}}
			case err != nil:
				failed = err
				return
			}
			for _, r := range receipts {
				tally[r.Outcome]++
				if !yield(r, nil) {
					return
				}
			}
		}
	})
	if err != nil {
		return err
	}
	if err := p.out.to.Flush(); err != nil {
		return err
	}
	p.tell("%s", summary(tally))
	stays := tally[audit.OutcomeQuarantined] + tally[outcomeMissing]
	switch {
	case failed != nil:
		return failed
	case stays > 0:
		return no("%s of %s could not be replayed", grouped(stays), plural(int64(len(ids)), "record"))
	}
	return nil
}

func summary(tally map[audit.Outcome]int64) string {
	parts := []string{
		fmt.Sprintf("%d stored", tally[audit.OutcomeStored]),
		fmt.Sprintf("%d duplicate", tally[audit.OutcomeDuplicate]),
		fmt.Sprintf("%d conflict", tally[audit.OutcomeConflict]),
		fmt.Sprintf("%d still quarantined", tally[audit.OutcomeQuarantined]),
	}
	if n := tally[outcomeMissing]; n > 0 {
		parts = append(parts, fmt.Sprintf("%d not in quarantine", n))
	}
	return strings.Join(parts, ", ")
}

func receiptSheet() sheet[audit.Receipt] {
	type line = audit.Receipt
	columns := []column[line]{
		{terminal.Column{Title: "ID"}, func(r *line) terminal.Cell { return terminal.Cell{Text: r.ID} }},
		{terminal.Column{Title: "OUTCOME"}, func(r *line) terminal.Cell {
			return terminal.Cell{Text: string(r.Outcome), Paint: outcomePaint(r.Outcome)}
		}},
		{terminal.Column{Title: "TABLE", Least: 10}, func(r *line) terminal.Cell { return terminal.Cell{Text: or(r.Partition, unknown), Paint: terminal.Dim} }},
	}
	return sheet[line]{table: columns, wide: columns, csv: []field[line]{
		{"id", func(r *line) any { return r.ID }},
		{"outcome", func(r *line) any { return string(r.Outcome) }},
		{"partition", func(r *line) any { return r.Partition }},
	}}
}

func outcomePaint(o audit.Outcome) terminal.Paint {
	switch o {
	case audit.OutcomeStored, audit.OutcomeDuplicate:
		return terminal.Green
	case audit.OutcomeConflict:
		return terminal.Red
	}
	return terminal.Yellow
}
