package main

import (
	"context"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/auditflow/auditflow/audit"
	"github.com/auditflow/auditflow/internal/terminal"
)

func (p *program) holdCommand() *cobra.Command {
	return group(&cobra.Command{
		Use: "hold", Short: "keep records from being deleted: list, place, release",
		Long: `A hold keeps what it names from being deleted, in the database and in the archive,
whatever the retention says, until it is released. Any number of holds may be on the
same records; all of them have to be released. Holds, their reasons and who placed
and released them are remembered for ever.`,
		Example: `  auditctl hold place --namespace prod-shop --reason 'case 2026-17, legal'
  auditctl hold list
  auditctl hold release 3`,
	}, p.holdList(), p.holdPlace(), p.holdRelease())
}

func (p *program) holdList() *cobra.Command {
	var released bool
	cmd := &cobra.Command{
		Use: "list", Short: "the holds that hold, with their reasons",
		Long:    "Lists the holds in the order of their numbers. --all also lists those that were released.",
		Example: "  auditctl hold list\n  auditctl hold list --all -o csv",
		Args:    cobra.NoArgs,
	}
	cmd.Flags().BoolVar(&released, "all", false, "also those that were released")
	cmd.RunE = p.keep(needs{database: true}, func(ctx context.Context, k *keeping, _ *cobra.Command, _ []string) error {
		holds, err := k.store.Holds(ctx, released)
		if err != nil {
			return err
		}
		n, err := list(p.out, holdSheet(p.out.zone, released), all(holds))
		if err == nil && n == 0 && p.out.forPeople() {
			p.tell("Nothing is held.")
		}
		return err
	})
	return cmd
}

// what is held, in words.
func what(h audit.Hold) string {
	if h.Kind == audit.HoldPeriod {
		return bound(h.Start) + ".." + bound(h.End)
	}
	return h.Value
}

func holdSheet(in *time.Location, released bool) sheet[audit.Hold] {
	type line = audit.Hold
	text := func(c terminal.Column, value func(*line) string) column[line] {
		return column[line]{c, func(h *line) terminal.Cell {
			return terminal.Cell{Text: value(h), Paint: paintIf(h.ReleasedAt.IsZero(), "")}
		}}
	}
	placed := "PLACED (" + in.String() + ")"
	columns := []column[line]{
		text(terminal.Column{Title: "ID", Right: true}, func(h *line) string { return numbers([]int64{h.ID}) }),
		text(terminal.Column{Title: "KIND"}, func(h *line) string { return string(h.Kind) }),
		text(terminal.Column{Title: "WHAT", Least: 12}, func(h *line) string { return what(*h) }),
		text(terminal.Column{Title: "REASON", Least: 12}, func(h *line) string { return h.Reason }),
		text(terminal.Column{Title: "BY", Least: 8, Drop: 1}, func(h *line) string { return h.PlacedBy }),
		text(terminal.Column{Title: placed, Drop: 2}, func(h *line) string { return instant(h.PlacedAt, in) }),
	}
	if released {
		columns = append(columns,
			text(terminal.Column{Title: "RELEASED"}, func(h *line) string { return instant(h.ReleasedAt, in) }),
			text(terminal.Column{Title: "RELEASED BY", Least: 8, Drop: 1}, func(h *line) string { return or(h.ReleasedBy, unknown) }))
	}
	return sheet[line]{table: columns, wide: columns, csv: holdFields(), totals: func(n int64) string { return plural(n, "hold") }}
}

func holdFields() []field[audit.Hold] {
	type line = audit.Hold
	return []field[line]{
		{"id", func(h *line) any { return h.ID }},
		{"kind", func(h *line) any { return string(h.Kind) }},
		{"value", func(h *line) any { return h.Value }},
		{"start", func(h *line) any { return h.Start }},
		{"end", func(h *line) any { return h.End }},
		{"reason", func(h *line) any { return h.Reason }},
		{"placed_by", func(h *line) any { return h.PlacedBy }},
		{"placed_at", func(h *line) any { return h.PlacedAt }},
		{"released_by", func(h *line) any { return h.ReleasedBy }},
		{"released_at", func(h *line) any { return h.ReleasedAt }},
	}
}

func (p *program) holdRelease() *cobra.Command {
	var by, reason string
	cmd := &cobra.Command{
		Use: "release ID...", Short: "release holds, one by one",
		Long: `Releases holds by their numbers. What no other hold holds may be deleted from then on,
when the retention says so. It is told which partitions others still hold. A hold
that is released already stays as it is. Exit code 1 if there is no such hold.`,
		Example: "  auditctl hold release 3 --reason 'case closed'\n  auditctl hold release 4 5",
		Args:    cobra.MinimumNArgs(1), ValidArgsFunction: cobra.NoFileCompletions,
	}
	byFlag(cmd, &by)
	cmd.Flags().StringVar(&reason, "reason", "", "why; remembered with who released it")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		ids, err := parseNumbers(args)
		if err != nil {
			return err
		}
		who := or(by, whoami())
		if reason != "" {
			who += ": " + reason
		}
		return p.keep(needs{database: true}, func(ctx context.Context, k *keeping, _ *cobra.Command, _ []string) error {
			return p.release(ctx, k, ids, who)
		})(cmd, args)
	}
	return cmd
}

// release releases all that can be, and then tells what could not.
func (p *program) release(ctx context.Context, k *keeping, ids []int64, who string) error {
	var failed error
	_, err := list(p.out, releasedSheet(), func(yield func(released, error) bool) {
		for _, id := range ids {
			r, err := k.releaseOne(ctx, id, who)
			if err != nil {
				failed = err
				if isRefusal(err) {
					p.tell("auditctl: %s", err)
					failed = no("")
					continue
				}
				return
			}
			if !yield(r, nil) {
				return
			}
		}
	})
	if err != nil {
		return err
	}
	return failed
}

// released is a hold that was released, and what is held by others all the same.
type released struct {
	audit.Hold
	Free []string `json:"no_longer_held,omitempty"` // partitions
	Held []string `json:"still_held,omitempty"`     // partitions, with the numbers of the holds
}

func (k *keeping) releaseOne(ctx context.Context, id int64, who string) (r released, err error) {
	before, err := k.store.Holds(ctx, false)
	if err != nil {
		return r, err
	}
	var covered []string
	for _, h := range before {
		if h.ID == id {
			if covered, err = k.partitionsOf(ctx, h); err != nil {
				return r, err
			}
		}
	}
	if r.Hold, err = k.store.ReleaseHold(ctx, id, who); err != nil {
		return r, err
	}
	for _, partition := range covered {
		holds, err := k.store.Holding(ctx, partition)
		if err != nil {
			return r, err
		}
		if len(holds) == 0 {
			r.Free = append(r.Free, partition)
			continue
		}
		r.Held = append(r.Held, fmt.Sprintf("%s (%s)", partition, numbers(holdNumbers(holds))))
	}
	return r, nil
}
