package main

import (
	"context"
	"time"

	"github.com/auditflow/auditflow/audit"
	"github.com/auditflow/auditflow/cmd/internal/upkeep"
	"github.com/auditflow/auditflow/internal/terminal"
	"github.com/auditflow/auditflow/store/archive"
	"github.com/auditflow/auditflow/store/postgres"
)

// filing is where the archive has a record, or, when the archive was not asked,
// where the catalogue says that its time is.
type filing struct {
	Bucket     string    `json:"bucket,omitempty"`
	Period     string    `json:"period"`
	Manifest   string    `json:"manifest"` // its object
	ArchivedAt time.Time `json:"archived_at"`
	// Segments are the objects that hold rows of its time; it is in one of them.
	Segments []string `json:"segments"`
}

// lookBeyond completes an explanation with what is to be known of the archive, of
// holds and of deletions. It is asked where the database has no row.
func (p *program) lookBeyond(ctx context.Context, e *explanation, store *postgres.Store, s settings, ids []string) {
	k := &keeping{regime: regime{settings: s}}
	if e.databaseErr == nil {
		k.store = store
	}
	if e.elsewhere() {
		e.archiveErr = p.lookInArchive(ctx, e, k, ids)
		if e.archiveErr != nil && archive.Class(e.archiveErr) != archive.ClassAltered {
			e.Archive = unreachable
		}
	}
	if k.store != nil {
		e.databaseErr = e.remember(ctx, k)
	}
}

// elsewhere tells that the row is not in the database, and may have been.
func (e *explanation) elsewhere() bool {
	switch e.State {
	case stateUnknown, stateGone, stateStored:
		return true
	}
	return false
}

// lookInArchive looks for the record by its ids. When it was created is known of
// a delivery; else every file is asked, of which little more than the index is
// read.
func (p *program) lookInArchive(ctx context.Context, e *explanation, k *keeping, ids []string) error {
	e.Archive = notAsked
	if k.archive.URL == "" {
		return nil
	}
	bucket, err := p.openBucket(ctx, k.archive)
	if err != nil {
		return err
	}
	defer bucket.Close()
	k.bucket = bucket
	e.Archive = answered
	if e.ID != "" {
		ids = append(ids, e.ID)
	}
	for _, id := range ids {
		for row, err := range k.bucket.Read(ctx, e.created(), e.createdBefore(), id) {
			if err != nil {
				return err
			}
			return e.file(ctx, k, row)
		}
	}
	return nil
}

// file notes where in the archive the record is.
func (e *explanation) file(ctx context.Context, k *keeping, r *audit.Persisted) error {
	e.place(row{Record: r.Record, PersistedAt: r.PersistedAt})
	e.State = stateArchived
	inventory, err := k.inventory(ctx)
	if err != nil {
		return err
	}
	entry, err := r.Entry()
	if err != nil {
		return err
	}
	key := entry.Key()
	e.Filed = filings(inventory, func(s audit.Segment) bool { return s.First.Compare(key) <= 0 && key.Compare(s.Last) <= 0 })
	for i := range e.Filed {
		e.Filed[i].Bucket = upkeep.Shown(k.archive.URL)
	}
	return nil
}

// filings are the manifests with segments that may have the record.
func filings(inventory []stock, may func(audit.Segment) bool) (all []filing) {
	for _, s := range inventory {
		for _, a := range s.manifests {
			f := filing{Period: a.Period, Manifest: a.Object, ArchivedAt: a.ArchivedAt}
			for _, segment := range a.Segments {
				if may(segment) {
					f.Segments = append(f.Segments, segment.Object)
				}
			}
			if len(f.Segments) > 0 {
				all = append(all, f)
			}
		}
	}
	return all
}

// remember asks the database what it knows beside rows: where the catalogue says
// that the record's time is archived, whether anything of that time was deleted,
// and which holds hold the record.
func (e *explanation) remember(ctx context.Context, k *keeping) error {
	if e.record != nil {
		holds, err := k.store.Holds(ctx, false)
		if err != nil {
			return err
		}
		for _, h := range holds {
			if h.Matches(e.record) {
				e.Holds = append(e.Holds, h)
			}
		}
	}
	created := e.created()
	if created.IsZero() || e.State == stateLive || len(e.Quarantined) > 0 || e.State == stateDelivering {
		return nil
	}
	tombstones, err := k.store.Tombstones(ctx, 0)
	if err != nil {
		return err
	}
	for _, t := range tombstones {
		if (audit.Period{Start: t.Start, End: t.End}).Contains(created) {
			e.Tombstones = append(e.Tombstones, t)
		}
	}
	if e.Archive != notAsked {
		return nil
	}
	catalogue := keeping{regime: k.regime, store: k.store}
	inventory, err := catalogue.inventory(ctx)
	e.Filed = filings(inventory, func(s audit.Segment) bool {
		return !created.Before(s.First.CreatedAt) && !created.After(s.Last.CreatedAt)
	})
	return err
}

// created is when the execution was created, as its row or its delivery says;
// zero when neither is known.
func (e *explanation) created() time.Time {
	switch {
	case e.Row != nil:
		return e.Row.CreatedAt
	case e.Delivery != nil:
		return e.Delivery.CreatedAt
	}
	return time.Time{}
}

// createdBefore is the end of that microsecond, zero when it is not known.
func (e *explanation) createdBefore() time.Time {
	if at := e.created(); !at.IsZero() {
		return at.Add(time.Microsecond)
	}
	return time.Time{}
}

// tellFiled tells where it is in the archive, or may be.
func (e *explanation) tellFiled(page *page, at func(time.Time) string) {
	for _, f := range e.Filed {
		page.line("bucket", f.Bucket)
		page.line("period", f.Period)
		page.line("manifest", f.Manifest)
		for _, object := range f.Segments {
			page.line("segment", object)
		}
		page.line("archived", at(f.ArchivedAt))
	}
	if len(e.Filed) > 1 || len(e.Filed) == 1 && len(e.Filed[0].Segments) > 1 {
		page.say(terminal.Dim, "it is in one of these: they hold rows of the same time")
	}
}

// tellArchive tells what became of asking the archive for what is not in the
// database.
func (e *explanation) tellArchive(page *page, at func(time.Time) string) {
	switch {
	case e.State == stateArchived:
	case e.Archive == unreachable:
		page.say(terminal.Red, "the archive did not answer, see below")
	case e.Archive == answered && e.archiveErr != nil:
		page.say(terminal.Red, "the archive has something of its time that is not as it was written, see below")
	case e.Archive == answered:
		page.say("", "not in the archive")
	case e.Archive == notAsked && len(e.Filed) > 0:
		page.say(terminal.Yellow, "the catalogue says that records of its time are archived; to look there: --bucket-url")
		e.tellFiled(page, at)
	case e.Archive == notAsked:
		page.say(terminal.Dim, "the archive was not asked: nobody said where it is (--bucket-url)")
	}
}

// tellKept tells of deletions and holds.
func (e *explanation) tellKept(page *page, at func(time.Time) string) {
	page.section("Deleted")
	for _, t := range e.Tombstones {
		page.line(string(t.What), t.Name+", "+at(t.DeletedAt)+": "+t.Why)
	}
	page.section("Held")
	for _, h := range e.Holds {
		page.line("hold "+numbers([]int64{h.ID}), string(h.Kind)+" "+what(h)+": "+h.Reason)
	}
}
