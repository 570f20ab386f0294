package activities

import (
	"context"
	"fmt"
	"iter"
	"slices"
	"strings"
	"time"

	"go.temporal.io/sdk/temporal"

	"github.com/auditflow/auditflow/audit"
	"github.com/auditflow/auditflow/audit/lifecycle"
	"github.com/auditflow/auditflow/internal/failpoint"
)

// Exported is what went into the bucket and is not named by a manifest yet.
type Exported struct {
	// Base is the manifest after which the next one must come.
	Base     Base            `json:"base"`
	Segments []audit.Segment `json:"segments,omitempty"`
	Rows     int64           `json:"rows"`
}

// Base is the last manifest of a period when it was compared with the database;
// zero when there was none.
type Base struct {
	Number int    `json:"number,omitempty"`
	SHA256 string `json:"manifest_sha256,omitempty"`
}

func baseOf(known []audit.Archived) (b Base) {
	if n := len(known); n > 0 {
		b = Base{known[n-1].Number, known[n-1].SHA256}
	}
	return b
}

// ExportPeriod copies the rows of a partition that the archive does not have into
// its bucket and reads them back. Nothing is archived by that until a manifest
// names it, see [Maintain.PublishManifest].
func (m *Maintain) ExportPeriod(ctx context.Context, p Period) (done Exported, err error) {
	defer contain(&err)
	ctx, b := begin(ctx)
	defer b.end()
	if len(b.sofar().Segments) == 0 { // else an earlier attempt has looked
		missing, err := m.looksMissing(ctx, p, b)
		if err != nil || !missing {
			return done, m.failure("compare "+p.Partition+" with the archive", err)
		}
	}
	done, err = m.export(ctx, p, b)
	return done, m.failure("archive "+p.Partition, err)
}

// looksMissing tells whether it is worth reading whole rows.
func (m *Maintain) looksMissing(ctx context.Context, p Period, b *beat) (bool, error) {
	known, err := m.adopt(ctx, p.Name())
	if err != nil {
		return false, err
	}
	b.tell(func(p *Progress) { p.Base = baseOf(known) })
	filed, _, err := m.filed(ctx)
	if err != nil || len(lifecycle.Overlapping(p.period(), filed)) == 0 {
		return true, err
	}
	found, err := m.compare(ctx, p)
	if err != nil {
		return false, err
	}
	return found.Missing > 0, alteredIn(p.Partition, found)
}

func (m *Maintain) compare(ctx context.Context, p Period) (lifecycle.Comparison, error) {
	return lifecycle.Compare(m.Partitions.Entries(ctx, p.Partition, p.Before), m.Archive.Entries(ctx, p.Start, p.End))
}

func alteredIn(partition string, c lifecycle.Comparison) error {
	if c.Altered == 0 {
		return nil
	}
	return unproven("%d rows of %s are in the archive with another digest, so one of the two was altered: %s",
		c.Altered, partition, strings.Join(c.AlteredIDs, ", "))
}

// export writes what is missing, from where an earlier attempt ended.
func (m *Maintain) export(ctx context.Context, p Period, b *beat) (done Exported, err error) {
	before := b.sofar()
	var after audit.Key
	from := p.Start
	if n := len(before.Segments); n > 0 {
		after = before.Segments[n-1].Last
		from = after.CreatedAt
	}
	rows := missing(m.Partitions.Export(ctx, p.Partition, after, p.Before), m.Archive.Entries(ctx, from, p.End))
	read := func(s audit.Segment) {
		b.tell(func(p *Progress) { p.Segments, p.Rows = append(p.Segments, s), p.Rows+s.Rows })
	}
	done.Base = before.Base
	if done.Segments, err = m.Archive.Write(ctx, p.period(), rows, before.Segments, read); err != nil {
		return done, err
	}
	for _, s := range done.Segments {
		done.Rows += s.Rows
	}
	failpoint.Hit("export.written")
	return done, nil
}

// missing are the rows that the archive has not.
func missing(rows iter.Seq2[*audit.Persisted, error], archived iter.Seq2[audit.Entry, error]) iter.Seq2[*audit.Persisted, error] {
	return func(yield func(*audit.Persisted, error) bool) {
		var row *audit.Persisted
		entries := func(yield func(audit.Entry, error) bool) {
			for r, err := range rows {
				var e audit.Entry
				if err == nil {
					row = r
					e, err = r.Entry()
				}
				if !yield(e, err) || err != nil {
					return
				}
			}
		}
		for match, err := range lifecycle.Merge(entries, archived) {
			if err == nil && match.Altered {
				err = unproven("row %s is in the archive with another digest", match.Key().ID)
			}
			if err != nil {
				yield(nil, err)
				return
			}
			if !match.Archived && !yield(row, nil) {
				return
			}
		}
	}
}

// Publication is what a manifest is made of.
type Publication struct {
	Period   Period    `json:"period"`
	Exported Exported  `json:"exported"`
	Now      time.Time `json:"now"`
}

// Published is a manifest that is in the bucket and in the catalogue.
type Published struct {
	Number int    `json:"number"`
	SHA256 string `json:"manifest_sha256"`
	Rows   int64  `json:"rows"`
	Bytes  int64  `json:"bytes"`
}

// PublishManifest names segments in a manifest and notes it in the catalogue. From
// then on their rows are archived.
func (m *Maintain) PublishManifest(ctx context.Context, in Publication) (p Published, err error) {
	defer contain(&err)
	ctx, b := begin(ctx)
	defer b.end()
	name := in.Period.Name()
	known, err := m.adopt(ctx, name)
	if err != nil {
		return p, m.failure("read the manifests of "+name, err)
	}
	published, again := naming(known, in.Exported.Segments)
	if !again {
		if baseOf(known) != in.Exported.Base {
			return p, outrun(name)
		}
		if published, err = m.publish(ctx, in); err != nil {
			return p, m.failure("publish a manifest of "+name, err)
		}
		m.Metrics.archived(published.Rows)
	}
	return Published{published.Number, published.SHA256, published.Rows, published.Bytes}, nil
}

func outrun(period string) error {
	return temporal.NewNonRetryableApplicationError("another run has archived rows of "+period+" meanwhile: look again", TypeOutrun, nil)
}

func (m *Maintain) publish(ctx context.Context, in Publication) (a audit.Archived, err error) {
	schema, err := m.Partitions.SchemaVersion(ctx)
	if err != nil {
		return a, err
	}
	period := in.Period.period()
	workflowID, runID := run(ctx)
	manifest := audit.Manifest{ // the archive knows the rest
		Period: period.Suffix(), Start: period.Start, End: period.End, Number: in.Exported.Base.Number + 1, Schema: schema,
		Segments: in.Exported.Segments, ArchivedAt: in.Now, ArchivedBy: strings.Trim(workflowID+" "+runID, " "),
	}
	if a, err = m.Archive.Publish(ctx, manifest); err != nil {
		return a, err
	}
	failpoint.Hit("export.published")
	return a, m.Partitions.NoteArchived(ctx, a)
}

// naming finds the manifest that names these segments: an attempt that was taken
// for failed had published it.
func naming(known []audit.Archived, segments []audit.Segment) (a audit.Archived, found bool) {
	for _, a := range known {
		if slices.Equal(a.Segments, segments) {
			return a, true
		}
	}
	return a, false
}

// adopt returns the manifests of a period in the bucket, and puts those that the
// catalogue does not know into it: whoever published them died before it could.
// One that only the catalogue knows is a fault: either the archive lost it, or
// this is another bucket.
func (m *Maintain) adopt(ctx context.Context, period string) ([]audit.Archived, error) {
	there, err := m.Archive.Manifests(ctx, period)
	if err != nil {
		return nil, err
	}
	noted, err := m.Partitions.Archived(ctx, period)
	if err != nil {
		return nil, err
	}
	byDigest := map[string]bool{}
	for _, a := range there {
		byDigest[a.SHA256] = true
	}
	for _, a := range noted {
		if !byDigest[a.SHA256] {
			return nil, unproven("manifest %d of %s is in the catalogue and not in the bucket: is this the right bucket? auditctl verify tells more", a.Number, period)
		}
		delete(byDigest, a.SHA256)
	}
	for _, a := range there {
		if !byDigest[a.SHA256] {
			continue
		}
		if err := m.Partitions.NoteArchived(ctx, a); err != nil {
			return nil, fmt.Errorf("note manifest %d: %w", a.Number, err)
		}
	}
	return there, nil
}
