package main

import (
	"context"
	"time"

	"github.com/auditflow/auditflow/audit"
)

// census looks for all records at once, and for rows that are there twice; some
// it looks up one by one.
func (s *simulation) census(ctx context.Context) error {
	live, err := s.liveRows(ctx)
	if err != nil {
		return err
	}
	archived, err := s.archivedRows(ctx)
	if err != nil {
		return err
	}
	for _, r := range s.books.records {
		if r.gone {
			continue
		}
		s.FindableChecks++
		if live[r.entry.ID] != r.entry && archived[r.entry.ID] != r.entry || s.happens(5) {
			if err := s.lookUp(ctx, r); err != nil {
				return err
			}
		}
	}
	return nil
}

// liveRows are those that the audit table has.
func (s *simulation) liveRows(ctx context.Context) (map[[16]byte]audit.Entry, error) {
	all, err := s.keeper.Partitions(ctx)
	if err != nil {
		return nil, err
	}
	live := map[[16]byte]audit.Entry{}
	for _, p := range all {
		if p.State != audit.PartitionAttached {
			continue
		}
		for e, err := range s.keeper.Entries(ctx, p.Name, time.Time{}) {
			if err != nil {
				return nil, err
			}
			if _, twice := live[e.ID]; twice {
				s.Double++
				s.complain("row %s is in the database twice", e.Key().ID)
			}
			live[e.ID] = e
		}
	}
	return live, nil
}

// archivedRows are those that manifests name.
func (s *simulation) archivedRows(ctx context.Context) (map[[16]byte]audit.Entry, error) {
	archived, err := s.archivedWithin(ctx, time.Time{}, time.Time{})
	if err != nil {
		return nil, err
	}
	periods, err := s.bucket.Periods(ctx)
	if err != nil {
		return nil, err
	}
	rows := -len(archived) // Entries tells of each once
	for _, p := range periods {
		manifests, err := s.bucket.Manifests(ctx, p.Suffix())
		if err != nil {
			return nil, err
		}
		for _, m := range manifests {
			rows += int(m.Rows)
		}
	}
	if rows != 0 {
		s.Double += rows
		s.complain("%d rows are in the archive more than once", rows)
	}
	return archived, nil
}

// archivedWithin are those of a stretch of time; of all times when it has no end.
func (s *simulation) archivedWithin(ctx context.Context, start, end time.Time) (map[[16]byte]audit.Entry, error) {
	archived := map[[16]byte]audit.Entry{}
	for e, err := range s.bucket.Entries(ctx, start, end) {
		if err != nil {
			return nil, err
		}
		archived[e.ID] = e
	}
	return archived, nil
}
