package main

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strconv"
	"time"

	"github.com/spf13/cobra"

	"github.com/auditflow/auditflow/audit"
	"github.com/auditflow/auditflow/audit/lifecycle"
	"github.com/auditflow/auditflow/internal/terminal"
	"github.com/auditflow/auditflow/workflows"
)

func (p *program) archiveCommand() *cobra.Command {
	return group(&cobra.Command{
		Use: "archive", Short: "the Parquet files in the bucket: list, and archive now",
		Long: `Old records are copied into Parquet files in a bucket, period by period. A row is
archived when a manifest names the file that holds it, which was read back before.
What is in the archive can be checked (auditctl verify), brought back (auditctl
restore) and queried with any tool that reads Parquet.`,
		Example: "  auditctl archive list\n  auditctl archive run --dry-run",
	}, p.archiveList(), p.archiveRun())
}

func (p *program) archiveList() *cobra.Command {
	cmd := &cobra.Command{
		Use: "list", Short: "what the archive has, by period",
		Long: `Lists the periods in the archive: rows, bytes and number of files (segments), in how
many manifests, when the last one was written, and when all of it was last read back
and found intact.

The database has a catalogue of the manifests, and the bucket the manifests
themselves; KNOWN TO tells who knows a period. One that only the bucket knows was
being archived, or belongs to another database; of one that only the catalogue
knows something was taken away: auditctl verify tells what. Works with either
alone: without a database only the bucket is listed, and the other way round.`,
		Example: "  auditctl archive list --bucket-url s3://audit?region=eu-central-1\n  auditctl archive list -o csv > archive.csv",
		Args:    cobra.NoArgs,
	}
	cmd.RunE = p.keep(needs{wantsBucket: true}, func(ctx context.Context, k *keeping, _ *cobra.Command, _ []string) error {
		if k.store == nil && k.bucket == nil {
			return usage("where is the archive? Say the database (%s), the bucket (--bucket-url, %s), or both", variableDatabase, variableBucket)
		}
		inventory, err := k.inventory(ctx)
		if err != nil {
			return err
		}
		n, err := list(p.out, filedSheet(p.out.zone), all(inventory))
		if err == nil && n == 0 && p.out.forPeople() {
			p.tell("Nothing is archived.")
		}
		return err
	})
	return cmd
}

// stock is what the archive has of one period.
type stock struct {
	Period     string    `json:"period"`
	From       time.Time `json:"from"`
	To         time.Time `json:"to"`
	Rows       int64     `json:"rows"`
	Bytes      int64     `json:"bytes"`
	Segments   int       `json:"segments"`
	Manifests  int       `json:"manifests"`
	ArchivedAt time.Time `json:"archived_at,omitzero"`
	VerifiedAt time.Time `json:"verified_at,omitzero"`
	KnownTo    string    `json:"known_to"`

	inCatalogue, inBucket bool
	// deleting is set when a tombstone says that it is gone, and it is not, quite.
	deleting  bool
	manifests []audit.Archived // the catalogue's, or else the bucket's
	known     []audit.Archived // the catalogue's
}

// inventory is what the catalogue and the bucket have, as far as they are at
// hand, in the order of time.
func (k *keeping) inventory(ctx context.Context) ([]stock, error) {
	periods := map[string]*stock{}
	at := func(name string) *stock {
		if periods[name] == nil {
			periods[name] = &stock{Period: name}
		}
		return periods[name]
	}
	if k.store != nil {
		if err := k.fromCatalogue(ctx, at); err != nil {
			return nil, err
		}
	}
	if k.bucket != nil {
		there, err := k.bucket.Periods(ctx)
		if err != nil {
			return nil, err
		}
		for _, period := range there {
			s := at(period.Suffix())
			s.From, s.To = period.Start, period.End
			if err := k.fromBucket(ctx, s); err != nil {
				return nil, err
			}
		}
	}
	return k.sorted(periods), nil
}

func (k *keeping) fromCatalogue(ctx context.Context, at func(string) *stock) error {
	archived, err := k.store.Archived(ctx, "")
	if err != nil {
		return err
	}
	tombstones, err := k.store.Tombstones(ctx, 0)
	if err != nil {
		return err
	}
	for _, a := range archived {
		s := at(a.Period)
		s.inCatalogue, s.known = true, append(s.known, a)
		s.add(a)
	}
	for _, f := range lifecycle.File(archived, tombstones) {
		at(f.Period).deleting = f.Deleted
	}
	return nil
}

// fromBucket reads the manifests of a period that the catalogue does not know.
// What is wrong with them is for verify to tell.
func (k *keeping) fromBucket(ctx context.Context, s *stock) error {
	s.inBucket = true
	if s.inCatalogue {
		return nil
	}
	manifests, err := k.bucket.Manifests(ctx, s.Period)
	if err != nil && !isAltered(err) {
		return err
	}
	for _, a := range manifests {
		s.add(a)
	}
	return nil
}

func (s *stock) add(a audit.Archived) {
	s.manifests = append(s.manifests, a)
	s.From, s.To, s.VerifiedAt = a.Start, a.End, a.VerifiedAt
	s.Rows += a.Rows
	s.Bytes += a.Bytes
	s.Segments += len(a.Segments)
	s.Manifests++
	if a.ArchivedAt.After(s.ArchivedAt) {
		s.ArchivedAt = a.ArchivedAt
	}
}

func (k *keeping) sorted(periods map[string]*stock) []stock {
	var all []stock
	for _, s := range periods {
		s.KnownTo = k.knownTo(s)
		all = append(all, *s)
	}
	slices.SortFunc(all, func(a, b stock) int {
		return cmp.Or(a.From.Compare(b.From), a.To.Compare(b.To), cmp.Compare(a.Period, b.Period))
	})
	return all
}

// Who knows a period, of those that were asked.
const (
	knownToBoth      = "both"
	knownToCatalogue = "only the catalogue"
	knownToBucket    = "only the bucket"
	knownToDeletion  = "being deleted"
)

func (k *keeping) knownTo(s *stock) string {
	switch {
	case s.deleting:
		return knownToDeletion
	case s.inCatalogue && s.inBucket:
		return knownToBoth
	case k.bucket == nil:
		return "the catalogue, the bucket was not asked"
	case k.store == nil:
		return "the bucket, the catalogue was not asked"
	case s.inCatalogue:
		return knownToCatalogue
	}
	return knownToBucket
}

func knownPaint(to string) terminal.Paint {
	switch to {
	case knownToCatalogue:
		return terminal.Red
	case knownToBucket, knownToDeletion:
		return terminal.Yellow
	case knownToBoth:
		return terminal.Green
	}
	return terminal.Dim
}

func filedSheet(in *time.Location) sheet[stock] {
	text := func(title string, right bool, value func(*stock) string) column[stock] {
		return column[stock]{terminal.Column{Title: title, Right: right}, func(s *stock) terminal.Cell { return terminal.Cell{Text: value(s)} }}
	}
	period := text("PERIOD", false, func(s *stock) string { return s.Period })
	from := text("FROM", false, func(s *stock) string { return bound(s.From) })
	to := text("TO", false, func(s *stock) string { return bound(s.To) })
	sizes := []column[stock]{
		text("ROWS", true, func(s *stock) string { return grouped(s.Rows) }),
		text("SIZE", true, func(s *stock) string { return mebibytes(float64(s.Bytes)) }),
		text("SEGMENTS", true, func(s *stock) string { return strconv.Itoa(s.Segments) }),
		text("MANIFESTS", true, func(s *stock) string { return strconv.Itoa(s.Manifests) }),
		text("ARCHIVED ("+in.String()+")", false, func(s *stock) string { return instant(s.ArchivedAt, in) }),
		text("VERIFIED ("+in.String()+")", false, func(s *stock) string { return instant(s.VerifiedAt, in) }),
		{terminal.Column{Title: "KNOWN TO", Least: 4}, func(s *stock) terminal.Cell {
			return terminal.Cell{Text: s.KnownTo, Paint: knownPaint(s.KnownTo)}
		}},
	}
	var rows, bytes int64
	return sheet[stock]{
		table: append([]column[stock]{period}, sizes...), wide: append([]column[stock]{period, from, to}, sizes...), csv: filedFields(),
		count: func(s *stock) { rows, bytes = rows+s.Rows, bytes+s.Bytes },
		totals: func(n int64) string {
			return fmt.Sprintf("%s, %s, %s", plural(n, "period"), plural(rows, "row"), mebibytes(float64(bytes)))
		},
	}
}

func filedFields() []field[stock] {
	return []field[stock]{
		{"period", func(s *stock) any { return s.Period }},
		{"from", func(s *stock) any { return s.From }},
		{"to", func(s *stock) any { return s.To }},
		{"rows", func(s *stock) any { return s.Rows }},
		{"bytes", func(s *stock) any { return s.Bytes }},
		{"segments", func(s *stock) any { return int64(s.Segments) }},
		{"manifests", func(s *stock) any { return int64(s.Manifests) }},
		{"archived_at", func(s *stock) any { return s.ArchivedAt }},
		{"verified_at", func(s *stock) any { return s.VerifiedAt }},
		{"known_to", func(s *stock) any { return s.KnownTo }},
	}
}

func (p *program) archiveRun() *cobra.Command {
	var dry bool
	cmd := &cobra.Command{
		Use: "run", Short: "archive now what is old enough and not archived",
		Long: `Has the worker copy what is older than maintenance.archive.after into the archive, as
far as it is not there yet. Triggers the schedule audit-archive and follows its run;
it can be watched in the Temporal UI as well, and goes on if this program ends.
Deletes nothing. Exit code 1 if any period failed; the others are archived then.

--dry-run tells of every partition whether it is due and why, by the configuration
given here. Which rows of those that are due are missing is found out by the run.`,
		Example: "  auditctl archive run --dry-run\n  auditctl archive run",
		Args:    cobra.NoArgs,
	}
	dryRunFlag(cmd, &dry)
	cmd.RunE = p.doOrPlan(&dry, workflows.ScheduleArchive, p.planArchive)
	return cmd
}
