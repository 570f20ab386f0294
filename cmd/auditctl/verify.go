package main

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/auditflow/auditflow/audit"
	"github.com/auditflow/auditflow/internal/terminal"
	"github.com/auditflow/auditflow/store/archive"
)

func (p *program) verifyCommand() *cobra.Command {
	return &cobra.Command{
		Use: "verify [PERIOD...]", Short: "read all of the archive and tell whether it is what was written",
		Long: `Reads every file of the archive, or of some periods: the chain of manifests, the
SHA-256 of each file, and of each row the digest that was written with it, computed
anew. Says of each period

  intact   all of it is there, as it was written
  altered  something is not what was written
  missing  something that must be there is not

and below it every fault, by object. Periods are those that the bucket has anything
of, and those in the catalogue of the database. Without a database (only
--bucket-url) the catalogue is not asked: that the last manifests of a period, or all
of a period, were taken away can then not be found out.

That a period is intact is noted in the catalogue (verified_at), if the login may.
Live rows are not looked at. Exit code 0 if all is intact, else 1.`,
		Example: `  auditctl verify
  auditctl verify 2025_01 2025_02 --bucket-url 's3://audit?region=eu-central-1'
  auditctl verify -o json | jq -r 'select(.verdict != "intact") | .faults[]'`,
		ValidArgsFunction: cobra.NoFileCompletions,
		RunE: p.keep(needs{bucket: true}, func(ctx context.Context, k *keeping, _ *cobra.Command, args []string) error {
			return p.verify(ctx, k, args)
		}),
	}
}

func (p *program) verify(ctx context.Context, k *keeping, only []string) error {
	if k.store == nil {
		p.tell("The catalogue is not asked: no database was said. What was taken away with its manifest is not missed.")
	}
	inventory, err := k.inventory(ctx)
	if err != nil {
		return err
	}
	if inventory, err = choose(inventory, only); err != nil {
		return err
	}
	v := &verification{program: p, keeping: k}
	_, err = list(p.out, findingSheet(), func(yield func(examined, error) bool) {
		for _, s := range inventory {
			for _, line := range v.examine(ctx, s) {
				if !yield(line, nil) {
					return
				}
			}
			if v.failed != nil {
				yield(examined{}, v.failed)
				return
			}
		}
	})
	if err != nil {
		return err
	}
	if len(inventory) == 0 && p.out.forPeople() {
		p.tell("The archive is empty.")
	}
	if v.wrong > 0 {
		return no("%d of %s not intact", v.wrong, plural(int64(len(inventory)), "period"))
	}
	return nil
}

// choose takes out of the inventory what was asked for.
func choose(inventory []stock, only []string) ([]stock, error) {
	if len(only) == 0 {
		return inventory, nil
	}
	var chosen []stock
	for _, name := range only {
		i := slices.IndexFunc(inventory, func(s stock) bool { return s.Period == name })
		if i < 0 {
			return nil, &noError{answer: fmt.Sprintf("the archive has no period %s", name), hint: "Hint: auditctl archive list tells which there are."}
		}
		chosen = append(chosen, inventory[i])
	}
	return chosen, nil
}

// verification goes through the periods.
type verification struct {
	*program
	*keeping
	wrong   int
	unnoted bool // that nothing can be noted has been told
	failed  error
}

// examine reads one period; what cannot be read at all is an error, the rest is
// a finding. People see each fault on a line of its own.
func (v *verification) examine(ctx context.Context, s stock) []examined {
	if v.passedOver(s) {
		return nil
	}
	bar := v.progress(s.Period, s.Rows, s.Bytes)
	finding, err := v.bucket.Verify(ctx, s.Period, s.known, bar.rows)
	bar.done()
	if err != nil {
		v.failed = err
		return nil
	}
	if finding.Verdict != audit.Intact {
		v.wrong++
	} else if v.failed = v.note(ctx, s, finding.At); v.failed != nil {
		return nil
	}
	lines := []examined{{Finding: finding}}
	if !v.out.forPeople() {
		return lines
	}
	for _, fault := range finding.Faults {
		lines = append(lines, examined{fault: fault})
	}
	return lines
}

// passedOver tells of a period that the catalogue has reason not to vouch for.
// Without a catalogue nobody can know, and all that is missing is missing.
func (v *verification) passedOver(s stock) bool {
	switch {
	case s.deleting:
		v.tell("%s is passed over: its deletion was begun, and retention finishes it.", s.Period)
		return true
	case v.store == nil || s.inCatalogue:
	case s.Manifests == 0:
		v.tell("%s is passed over: no manifest names its files, so they are not archived (yet).", s.Period)
		return true
	default:
		v.tell("%s is not in the catalogue: its archiving was cut short, or it is of another database.", s.Period)
	}
	return false
}

// note remembers when a period was found intact, if the login may.
func (v *verification) note(ctx context.Context, s stock, at time.Time) error {
	if v.store == nil || !s.inCatalogue {
		return nil
	}
	if at.IsZero() {
		at = v.now()
	}
	err := v.store.NoteVerified(ctx, s.Period, at)
	if isForbidden(err) {
		if !v.unnoted {
			v.tell("That they are intact is not noted in the catalogue: the login may not (auditflow_maintainer may).")
		}
		v.unnoted = true
		return nil
	}
	return err
}

// isAltered tells errors about what is in the archive from those on the way to it.
func isAltered(err error) bool {
	class := archive.Class(err)
	return class == archive.ClassAltered || class == archive.ClassNotFound
}

// examined is a finding, or, for people, one of its faults on a line below it.
type examined struct {
	audit.Finding
	fault string
}

func findingSheet() sheet[examined] {
	text := func(title string, right bool, value func(*examined) string) column[examined] {
		return column[examined]{terminal.Column{Title: title, Right: right}, func(e *examined) terminal.Cell {
			if e.fault != "" {
				return terminal.Cell{}
			}
			return terminal.Cell{Text: value(e)}
		}}
	}
	columns := []column[examined]{
		text("PERIOD", false, func(e *examined) string { return e.Period }),
		{terminal.Column{Title: "VERDICT"}, func(e *examined) terminal.Cell {
			return terminal.Cell{Text: string(e.Verdict), Paint: verdictPaint(e.Verdict)}
		}},
		text("ROWS", true, func(e *examined) string { return grouped(e.Rows) }),
		text("READ", true, func(e *examined) string { return mebibytes(float64(e.Bytes)) }),
		{terminal.Column{Title: "FAULTS", Least: 30}, func(e *examined) terminal.Cell {
			if e.fault != "" {
				return terminal.Cell{Text: e.fault, Paint: terminal.Red}
			}
			return terminal.Cell{Text: faultCount(e), Paint: terminal.Dim}
		}},
	}
	var periods, rows, bytes int64
	return sheet[examined]{
		table: columns, wide: columns, csv: findingFields(),
		count: func(e *examined) {
			if e.fault == "" {
				periods, rows, bytes = periods+1, rows+e.Rows, bytes+e.Bytes
			}
		},
		totals: func(int64) string {
			return fmt.Sprintf("%s, %s, %s read", plural(periods, "period"), plural(rows, "row"), mebibytes(float64(bytes)))
		},
	}
}

func findingFields() []field[examined] {
	return []field[examined]{
		{"period", func(e *examined) any { return e.Period }},
		{"verdict", func(e *examined) any { return string(e.Verdict) }},
		{"rows", func(e *examined) any { return e.Rows }},
		{"bytes", func(e *examined) any { return e.Bytes }},
		{"faults", func(e *examined) any { return strings.Join(e.Faults, "; ") }},
		{"unlisted", func(e *examined) any { return strings.Join(e.Unlisted, "; ") }},
		{"at", func(e *examined) any { return e.At }},
	}
}

func faultCount(e *examined) string {
	var parts []string
	if n := len(e.Faults); n > 0 {
		parts = append(parts, plural(int64(n), "fault"))
	}
	if n := len(e.Unlisted); n > 0 {
		parts = append(parts, plural(int64(n), "file")+" that no manifest names")
	}
	return strings.Join(parts, ", ")
}

func verdictPaint(v audit.Verdict) terminal.Paint {
	if v == audit.Intact {
		return terminal.Green
	}
	return terminal.Red
}
