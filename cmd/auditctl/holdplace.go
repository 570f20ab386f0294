package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/auditflow/auditflow/audit"
	"github.com/auditflow/auditflow/audit/lifecycle"
	"github.com/auditflow/auditflow/internal/terminal"
	"github.com/auditflow/auditflow/store/postgres"
)

func (p *program) holdPlace() *cobra.Command {
	var h audit.Hold
	var within stretchFlags
	var workflow, namespace, action, id string
	cmd := &cobra.Command{
		Use: "place", Short: "keep a period, workflow, namespace, action or record from being deleted",
		Long: `Places a hold and tells what it covers now: partitions with any such row, and periods
in the archive. It also holds rows that come later. Say what it holds in exactly one
way:

  --period 2025_01, or --from and --to   records created in that time
  --workflow-ref                         all steps of a workflow
  --namespace                            of the target or of the execution
  --action                               a type of action
  --id                                   one record

Which periods in the archive have rows of a workflow, namespace, action or id is
known only by reading them; that is done before one of them is deleted.`,
		Example: `  auditctl hold place --period 2025_01 --reason 'audit of the year 2025'
  auditctl hold place --from 2025-03-01 --to 2025-03-08 --reason 'incident 811'
  auditctl hold place --namespace prod-shop --by 'J. Doe, legal' --reason 'case 2026-17'`,
		Args: cobra.NoArgs,
	}
	within.flags(cmd)
	f := cmd.Flags()
	f.StringVar(&workflow, "workflow-ref", "", "workflow execution that asked for the actions")
	f.StringVar(&namespace, "namespace", "", "namespace of the target or of the execution")
	f.StringVar(&action, "action", "", "type of action, as scale-deployment")
	f.StringVar(&id, "id", "", "id of a record (UUID)")
	f.StringVar(&h.Reason, "reason", "", "why it is held (required)")
	byFlag(cmd, &h.PlacedBy)
	cmd.MarkFlagsOneRequired("period", "from", "to", "workflow-ref", "namespace", "action", "id")
	cmd.MarkFlagsRequiredTogether("from", "to")
	cmd.MarkFlagsMutuallyExclusive("period", "from", "workflow-ref", "namespace", "action", "id")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		for _, name := range []string{"workflow-ref", "namespace", "action", "id", "reason"} {
			if flag := cmd.Flag(name); flag.Changed && flag.Value.String() == "" {
				return usage("--%s: is empty", name)
			}
		}
		for kind, value := range map[audit.HoldKind]string{
			audit.HoldWorkflow: workflow, audit.HoldNamespace: namespace, audit.HoldAction: action, audit.HoldID: strings.ToLower(id),
		} {
			if value != "" {
				h.Kind, h.Value = kind, value
			}
		}
		if within.given() {
			h.Kind, h.Start, h.End = audit.HoldPeriod, within.start(), within.end()
		}
		h.PlacedBy = or(h.PlacedBy, whoami())
		if err := h.Validate(); err != nil {
			return usage("%w", err)
		}
		return p.keep(needs{database: true}, func(ctx context.Context, k *keeping, _ *cobra.Command, _ []string) error {
			return p.place(ctx, k, h)
		})(cmd, args)
	}
	return cmd
}

// placed is a hold with what it covers now.
type placed struct {
	audit.Hold
	Partitions []string `json:"partitions"`
	// Periods are those in the archive that it holds, of a period; the others are
	// read before they are deleted.
	Periods []string `json:"archived_periods"`
}

func (p *program) place(ctx context.Context, k *keeping, h audit.Hold) error {
	var err error
	done := placed{Partitions: []string{}, Periods: []string{}}
	if done.Hold, err = k.store.PlaceHold(ctx, h); err != nil {
		return err
	}
	// From here on it holds, whatever fails.
	if done.Partitions, err = k.partitionsOf(ctx, done.Hold); err != nil {
		return errors.Join(fmt.Errorf("hold %d is placed; what it covers could not be found out", done.ID), err)
	}
	if done.Periods, err = k.archivedOf(ctx, done.Hold); err != nil {
		return errors.Join(fmt.Errorf("hold %d is placed; what it covers in the archive could not be found out", done.ID), err)
	}
	return p.single(done, func(page *page) { done.tell(page) })
}

func (d *placed) tell(page *page) {
	page.title(fmt.Sprintf("Hold %d", d.ID), "placed", terminal.Green)
	page.line(string(d.Kind), what(d.Hold))
	page.line("reason", d.Reason)
	page.line("placed by", d.PlacedBy)
	page.section("It covers now")
	for _, name := range d.Partitions {
		page.line("partition", name)
	}
	if len(d.Partitions) == 0 {
		page.say("", "no partition of the database")
	}
	for _, name := range d.Periods {
		page.line("archive", name)
	}
	switch {
	case d.Kind != audit.HoldPeriod:
		page.say("", "in the archive: known only by reading; every period is read before it is deleted")
	case len(d.Periods) == 0:
		page.say("", "no period in the archive")
	}
}

// partitionsOf are those of which the hold holds any row.
func (k *keeping) partitionsOf(ctx context.Context, h audit.Hold) ([]string, error) {
	partitions, err := k.store.Partitions(ctx)
	if err != nil {
		return nil, err
	}
	names := []string{}
	for _, partition := range partitions {
		holds, err := k.store.Holding(ctx, partition.Name)
		if err != nil {
			return nil, err
		}
		if slices.Contains(holdNumbers(holds), h.ID) {
			names = append(names, partition.Name)
		}
	}
	return names, nil
}

// archivedOf are the periods in the archive that a hold on a period holds.
func (k *keeping) archivedOf(ctx context.Context, h audit.Hold) ([]string, error) {
	filed, _, err := k.filed(ctx)
	if err != nil || h.Kind != audit.HoldPeriod {
		return []string{}, err
	}
	names := []string{}
	for _, f := range lifecycle.Overlapping(audit.Period{Start: h.Start, End: h.End}, filed) {
		names = append(names, f.Period)
	}
	return names, nil
}

func releasedSheet() sheet[released] {
	text := func(c terminal.Column, value func(*released) string) column[released] {
		return column[released]{c, func(r *released) terminal.Cell { return terminal.Cell{Text: value(r)} }}
	}
	columns := []column[released]{
		text(terminal.Column{Title: "RELEASED", Right: true}, func(r *released) string { return numbers([]int64{r.ID}) }),
		text(terminal.Column{Title: "KIND"}, func(r *released) string { return string(r.Kind) }),
		text(terminal.Column{Title: "WHAT", Least: 12}, func(r *released) string { return what(r.Hold) }),
		text(terminal.Column{Title: "BY", Least: 8}, func(r *released) string { return r.ReleasedBy }),
		text(terminal.Column{Title: "NO LONGER HELD", Least: 14}, func(r *released) string { return or(strings.Join(r.Free, ", "), unknown) }),
		text(terminal.Column{Title: "STILL HELD", Least: 14}, func(r *released) string { return or(strings.Join(r.Held, ", "), unknown) }),
	}
	fields := []field[released]{}
	for _, f := range holdFields() {
		fields = append(fields, field[released]{f.name, func(r *released) any { return f.value(&r.Hold) }})
	}
	fields = append(fields,
		field[released]{"no_longer_held", func(r *released) any { return strings.Join(r.Free, "; ") }},
		field[released]{"still_held", func(r *released) any { return strings.Join(r.Held, "; ") }})
	return sheet[released]{table: columns, wide: columns, csv: fields}
}

func parseNumbers(args []string) (ids []int64, err error) {
	for _, arg := range args {
		id, err := strconv.ParseInt(arg, 10, 64)
		if err != nil || id < 1 {
			return nil, usage("%q is not the number of a hold; auditctl hold list tells them", arg)
		}
		ids = append(ids, id)
	}
	return ids, nil
}

// isRefusal tells what must not be done from what could not.
func isRefusal(err error) bool {
	_, ok := errors.AsType[*postgres.RefusedError](err)
	return ok
}

// stretchFlags are --period, or --from and --to: a stretch of created_at.
type stretchFlags struct {
	period   periodName
	from, to moment
}

func (s *stretchFlags) flags(cmd *cobra.Command) {
	f := cmd.Flags()
	f.Var(&s.period, "period", "a period by its name: 2025_01, 2025_01_27 (a day), w2025_01_27 (a week)")
	f.Var(&s.from, "from", "created at this time or later: 2025-01-01, or an instant (RFC 3339)")
	f.Var(&s.to, "to", "created before this time")
}

func (s *stretchFlags) given() bool { return s.period.name != "" || !s.from.IsZero() || !s.to.IsZero() }

func (s *stretchFlags) start() time.Time {
	if s.period.name != "" {
		return s.period.Start
	}
	return s.from.Time
}

func (s *stretchFlags) end() time.Time {
	if s.period.name != "" {
		return s.period.End
	}
	return s.to.Time
}
