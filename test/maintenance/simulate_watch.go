package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/auditflow/auditflow/activities"
	"github.com/auditflow/auditflow/audit"
	"github.com/auditflow/auditflow/store/postgres"
	"github.com/auditflow/auditflow/workflows"
)

// watch is what a table held before a step that deletes.
type watch struct {
	table string
	rows  map[[16]byte]audit.Entry
}

// look remembers what is about to be deleted.
func (s *simulation) look(ctx context.Context, c *attempt) error {
	s.watch = watch{}
	if c.name != workflows.ActivityDropPartition && c.name != workflows.ActivityDeleteRows {
		return nil
	}
	table, _ := c.subject()
	rows, err := s.rowsOf(ctx, table)
	s.watch = watch{table, rows}
	return err
}

// rowsOf reads a table past everything; none if there is no such table.
func (s *simulation) rowsOf(ctx context.Context, table string) (map[[16]byte]audit.Entry, error) {
	rows := map[[16]byte]audit.Entry{}
	var there bool
	if err := s.owner.QueryRow(ctx, `SELECT to_regclass($1) IS NOT NULL`, table).Scan(&there); err != nil || !there {
		return rows, err
	}
	for e, err := range s.keeper.Entries(ctx, table, time.Time{}) {
		if err != nil {
			return nil, err
		}
		rows[e.ID] = e
	}
	return rows, nil
}

// check is what can be seen after a step: whether what it deleted was proven, and
// whether records can be found, above all those that it was about.
func (s *simulation) check(ctx context.Context, c *attempt) error {
	_, subject := c.subject()
	concerned := s.books.within(subject)
	switch c.name {
	case workflows.ActivityDropPartition, workflows.ActivityDeleteRows:
		if err := s.checkDeleted(ctx, subject); err != nil {
			return err
		}
	case workflows.ActivityDeletePeriod:
		if err := s.checkPeriod(ctx, c, concerned); err != nil {
			return err
		}
	}
	sample := concerned
	if len(sample) > 2 {
		at := s.chance.IntN(len(sample) - 1)
		sample = sample[at : at+2]
	}
	if len(s.books.records) > 0 {
		sample = append(sample[:len(sample):len(sample)], s.books.records[s.chance.IntN(len(s.books.records))])
	}
	for _, r := range sample {
		if err := s.lookUp(ctx, r); err != nil {
			return err
		}
	}
	return nil
}

// checkPeriod looks for each record of a period that may have left the archive.
func (s *simulation) checkPeriod(ctx context.Context, c *attempt, concerned []*remembered) error {
	removal := c.args[0].Interface().(activities.Removal)
	left, err := s.bucket.Manifests(ctx, removal.Decision.Period)
	if err != nil {
		return err
	}
	if len(left) == 0 {
		s.PeriodsDeleted++
	}
	archived, err := s.archivedWithin(ctx, removal.Decision.Start, removal.Decision.End)
	if err != nil {
		return err
	}
	for _, r := range concerned {
		s.FindableChecks++
		if archived[r.entry.ID] == r.entry {
			continue
		}
		_, err := s.keeper.Get(ctx, r.ID)
		if errors.Is(err, postgres.ErrNotFound) {
			err = s.miss(ctx, r)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// checkDeleted finds out whether the rows that a table has no longer are in the
// archive, at this moment.
func (s *simulation) checkDeleted(ctx context.Context, subject audit.Period) error {
	left, err := s.rowsOf(ctx, s.watch.table)
	if err != nil {
		return err
	}
	missing := map[[16]byte]audit.Entry{}
	for id, e := range s.watch.rows {
		if _, there := left[id]; !there {
			missing[id] = e
		}
	}
	tombstones, err := s.keeper.Tombstones(ctx, 0)
	if err != nil {
		return err
	}
	for _, t := range tombstones {
		if t.Name != s.watch.table || t.What == audit.DeletedArchive || len(missing) == 0 {
			continue
		}
		if t.What == audit.DeletedPartition {
			s.PartitionsDropped++
		}
		s.RowsDeleted += len(missing)
		return s.checkProven(ctx, subject, t, missing)
	}
	if len(missing) > 0 {
		s.DroppedUnverified++
		s.complain("%d rows of %s are gone without a tombstone", len(missing), s.watch.table)
	}
	return nil
}

// checkProven verifies what the tombstone names and reads every row back.
func (s *simulation) checkProven(ctx context.Context, subject audit.Period, t audit.Tombstone, missing map[[16]byte]audit.Entry) error {
	if t.What == audit.DeletedPartition && t.Rows != int64(len(missing)) {
		s.DroppedUnverified++
		s.complain("the tombstone of %s tells of %d rows, there were %d", t.Name, t.Rows, len(missing))
	}
	catalogue, err := s.keeper.Archived(ctx, "")
	if err != nil {
		return err
	}
	intact := false
	for _, a := range catalogue {
		if a.SHA256 != t.Manifest {
			continue
		}
		known, err := s.keeper.Archived(ctx, a.Period)
		if err != nil {
			return err
		}
		finding, err := s.bucket.Verify(ctx, a.Period, known, func(int64) {})
		if err != nil {
			return err
		}
		intact = finding.Verdict == audit.Intact
	}
	rows := len(missing)
	for row, err := range s.bucket.Read(ctx, subject.Start, subject.End, "") {
		if err != nil {
			return err
		}
		e, err := row.Entry()
		if err != nil {
			return err
		}
		if missing[e.ID] == e {
			delete(missing, e.ID)
		}
	}
	if !intact || len(missing) > 0 {
		s.DroppedUnverified++
		s.complain("%s is gone; its manifest is intact: %t, and %d of its %d rows are not in the archive", t.Name, intact, len(missing), rows)
	}
	return nil
}

// lookUp looks for a record as auditctl explain does: in the database, then in the
// archive.
func (s *simulation) lookUp(ctx context.Context, r *remembered) error {
	if r.gone {
		return nil
	}
	s.FindableChecks++
	row, err := s.keeper.Get(ctx, r.ID)
	found := row.Record
	if errors.Is(err, postgres.ErrNotFound) {
		err = nil
		for row, readErr := range s.bucket.Read(ctx, r.CreatedAt, r.CreatedAt.Add(time.Microsecond), r.ID) {
			if readErr != nil {
				return fmt.Errorf("look for %s in the archive: %w", r.ID, readErr)
			}
			found = row.Record
		}
	}
	if err != nil {
		return err
	}
	if found.ID == r.ID && found.Digest() == r.RecordSHA256 && found.RecordSHA256 == r.RecordSHA256 {
		return nil
	}
	if found.ID != "" {
		s.Lost++
		s.complain("record %s was found with another digest", r.ID)
		return nil
	}
	return s.miss(ctx, r)
}

// miss is of a record that was not found.
func (s *simulation) miss(ctx context.Context, r *remembered) error {
	all, err := s.keeper.Partitions(ctx)
	if err != nil {
		return err
	}
	for _, p := range all {
		if p.State == audit.PartitionAttached || !p.Period.Contains(r.CreatedAt) {
			continue
		}
		rows, err := s.rowsOf(ctx, p.Name)
		if err != nil {
			return err
		}
		if rows[r.entry.ID] == r.entry {
			s.OnlyDetached++
			return nil
		}
	}
	tombstones, err := s.keeper.Tombstones(ctx, 0)
	if err != nil {
		return err
	}
	r.gone = true // it is complained of once
	t, told := buried(&r.Record, tombstones)
	if !told {
		s.Lost++
		s.complain("record %s of %s is neither in the database nor in the archive", r.ID, r.CreatedAt.Format(time.DateOnly))
		return nil
	}
	if h, held := s.books.held(&r.Record); held || !inTime(t, s.plan.Retention.ArchiveAfter) {
		s.DeletedEarly++
		s.complain("%s left the archive with record %s, hold %d", t.Name, r.ID, h.ID)
	}
	return nil
}
