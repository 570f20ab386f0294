package main

import (
	"context"
	"fmt"
	"iter"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/auditflow/auditflow/audit"
	"github.com/auditflow/auditflow/internal/terminal"
)

func (p *program) restoreCommand() *cobra.Command {
	cmd := p.restoreRun()
	cmd.AddCommand(p.restoreList(), p.restoreExpire())
	return cmd
}

// wish is what somebody wants back.
type wish struct {
	within stretchFlags
	id     string
	keep   span
	reason string
	by     string
	dry    bool
}

func (p *program) restoreRun() *cobra.Command {
	w := wish{keep: span(30 * day)}
	cmd := &cobra.Command{
		Use: "restore [PERIOD]", Short: "bring records back from the archive, for a while",
		Long: `Brings records back from the archive into the table kubernetes_execution_audit_archive,
as they were: those of a period, of a stretch of created_at (--from, --to), or one
record (--id). Every file and every row is checked against its digest while it is
read; if anything is not as it was written, nothing is restored.

auditctl show and explain find restored records, and so does SQL on the view
kubernetes_execution_audit_all. After --keep they are taken away again by the next
run of retention, or by auditctl restore expire; the archive keeps them.

--dry-run tells how many records of which periods would be read, and how many bytes.
Needs a login with role auditflow_maintainer. Exit code 1 if the archive has none of
it, or if something in it is altered.`,
		Example: `  auditctl restore 2025_01 --reason 'audit of the year 2025' --keep 90d
  auditctl restore --from 2025-03-01 --to 2025-03-08 --reason 'incident 811' --dry-run
  auditctl restore --id 5b0d6fe9-1f9b-5a58-9d5f-6d1c9e7d3c11 --reason 'question of J. Doe'
  auditctl restore list`,
		Args: cobra.MaximumNArgs(1), ValidArgsFunction: cobra.NoFileCompletions,
	}
	w.within.flags(cmd)
	f := cmd.Flags()
	f.StringVar(&w.id, "id", "", "only the record with this id (UUID); with a period it is found faster")
	f.Var(&w.keep, "keep", "for how long: 12h, 30d, 8w")
	f.StringVar(&w.reason, "reason", "", "why (required)")
	byFlag(cmd, &w.by)
	dryRunFlag(cmd, &w.dry)
	cmd.MarkFlagsRequiredTogether("from", "to")
	cmd.MarkFlagsMutuallyExclusive("period", "from")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		if err := w.check(args); err != nil {
			return err
		}
		return p.keep(needs{database: true, bucket: true}, func(ctx context.Context, k *keeping, _ *cobra.Command, _ []string) error {
			return p.restore(ctx, k, w)
		})(cmd, args)
	}
	return cmd
}

// check completes what the flags say by the argument.
func (w *wish) check(args []string) error {
	if len(args) == 1 {
		if w.within.given() {
			return usage("say the time in one way: a period, or --from and --to")
		}
		if err := w.within.period.Set(args[0]); err != nil {
			return usage("%q: %w", args[0], err)
		}
	}
	w.id = strings.ToLower(w.id)
	switch {
	case w.id == "" && !w.within.given():
		return usage("say what to restore: a period, --from and --to, or --id")
	case w.id != "" && !isUUID(w.id):
		return usage("--id: %q is not the id of a record, which is a UUID", w.id)
	case w.within.given() && !w.within.start().Before(w.within.end()):
		return usage("--to must come after --from")
	case w.keep == 0:
		return usage("--keep: for how long? It cannot be for ever")
	case w.reason == "" && !w.dry:
		return usage("--reason is required: whoever finds the records has to know why they are back")
	}
	return nil
}

// portion is what has to be read of one period.
type portion struct {
	Period   string `json:"period"`
	Rows     int64  `json:"rows"` // of the segments; the ends may hold others, too
	Bytes    int64  `json:"bytes"`
	Segments int    `json:"segments"`
}

// portions are the segments that may have rows of a stretch. Of a single record
// each is asked, but hardly more than its index is read.
func portions(inventory []stock, start, end time.Time) (all []portion) {
	for _, s := range inventory {
		part := portion{Period: s.Period}
		for _, a := range s.manifests {
			for _, segment := range a.Segments {
				if segment.First.CreatedAt.Before(end) && !segment.Last.CreatedAt.Before(start) {
					part.Segments++
					part.Rows += segment.Rows
					part.Bytes += segment.Bytes
				}
			}
		}
		if part.Segments > 0 {
			all = append(all, part)
		}
	}
	return all
}

func (p *program) restore(ctx context.Context, k *keeping, w wish) error {
	inventory, err := k.inventory(ctx)
	if err != nil {
		return err
	}
	start, end := w.within.start(), w.within.end()
	if !w.within.given() {
		start, end = extent(inventory)
	}
	parts := portions(inventory, start, end)
	switch {
	case len(parts) == 0:
		return &noError{answer: "the archive has nothing of it", hint: "Hint: auditctl archive list tells what it has; younger records are in the database."}
	case w.dry:
		return p.restorePlan(parts, w)
	}
	r := audit.Restore{
		Start: start, End: end, Record: w.id, Reason: w.reason, RestoredBy: or(w.by, whoami()), ExpiresAt: p.now().Add(time.Duration(w.keep)),
	}
	if w.id != "" {
		return p.restoreRecord(ctx, k, r)
	}
	var rows, bytes int64
	for _, part := range parts {
		rows, bytes = rows+part.Rows, bytes+part.Bytes
	}
	bar := p.progress("restoring", rows, bytes)
	r, err = k.store.Restore(ctx, r, counted(k.bucket.Read(ctx, start, end, ""), bar.rows))
	bar.done()
	if err != nil {
		return err
	}
	return p.restored(r)
}

// restoreRecord looks for one record, and restores no more of time than it needs.
func (p *program) restoreRecord(ctx context.Context, k *keeping, r audit.Restore) error {
	var found []*audit.Persisted
	for row, err := range k.bucket.Read(ctx, r.Start, r.End, r.Record) {
		if err != nil {
			return err
		}
		found = append(found, row)
	}
	if len(found) == 0 {
		return no("the archive has no record with the id %s", r.Record)
	}
	r.Start = found[0].CreatedAt
	r.End = found[len(found)-1].CreatedAt.Add(time.Microsecond)
	r, err := k.store.Restore(ctx, r, all(found))
	if err != nil {
		return err
	}
	return p.restored(r)
}

// extent is the time of which the archive has anything.
func extent(inventory []stock) (start, end time.Time) {
	for _, s := range inventory {
		if s.Manifests == 0 {
			continue
		}
		if start.IsZero() || s.From.Before(start) {
			start = s.From
		}
		if s.To.After(end) {
			end = s.To
		}
	}
	return start, end
}

// counted tells how many there have been.
func counted(rows iter.Seq2[*audit.Persisted, error], tell func(int64)) iter.Seq2[*audit.Persisted, error] {
	return func(yield func(*audit.Persisted, error) bool) {
		var n int64
		for row, err := range rows {
			if n++; n%1000 == 0 {
				tell(n)
			}
			if !yield(row, err) {
				return
			}
		}
	}
}

func (p *program) restored(r audit.Restore) error {
	return p.single(r, func(page *page) {
		page.title("Restore "+numbers([]int64{r.ID}), "done", terminal.Green)
		page.line("rows", grouped(r.Rows))
		page.line("created", bound(r.Start)+".."+bound(r.End))
		page.line("record", r.Record)
		page.line("table", "kubernetes_execution_audit_archive")
		page.line("until", instant(r.ExpiresAt, page.out.zone))
		page.line("reason", r.Reason)
		page.line("by", r.RestoredBy)
	})
}

func (p *program) restorePlan(parts []portion, w wish) error {
	type line = portion
	text := func(title string, right bool, value func(*line) string) column[line] {
		return column[line]{terminal.Column{Title: title, Right: right}, func(l *line) terminal.Cell { return terminal.Cell{Text: value(l)} }}
	}
	columns := []column[line]{
		text("PERIOD", false, func(l *line) string { return l.Period }),
		text("ROWS", true, func(l *line) string { return grouped(l.Rows) }),
		text("TO READ", true, func(l *line) string { return mebibytes(float64(l.Bytes)) }),
		text("SEGMENTS", true, func(l *line) string { return grouped(int64(l.Segments)) }),
	}
	var rows, bytes int64
	_, err := list(p.out, sheet[line]{
		table: columns, wide: columns,
		csv: []field[line]{
			{"period", func(l *line) any { return l.Period }},
			{"rows", func(l *line) any { return l.Rows }},
			{"bytes", func(l *line) any { return l.Bytes }},
			{"segments", func(l *line) any { return int64(l.Segments) }},
		},
		count: func(l *line) { rows, bytes = rows+l.Rows, bytes+l.Bytes },
		totals: func(int64) string {
			if w.id != "" {
				return fmt.Sprintf("one record is looked for among %s; little more than the indexes of %s are read", plural(rows, "row"), mebibytes(float64(bytes)))
			}
			return fmt.Sprintf("up to %s would be restored, %s read", plural(rows, "row"), mebibytes(float64(bytes)))
		},
	}, all(parts))
	return err
}
