package main

import (
	"context"
	"fmt"
	"time"

	"github.com/auditflow/auditflow/audit"
	"github.com/auditflow/auditflow/audit/lifecycle"
)

// traffic is what comes from clusters.
type traffic struct {
	made    int
	pending []delivery // under way, as their workflows tell
}

type delivery struct {
	audit.Record
	arrives time.Time
}

// InFlight is what Temporal is asked for; see [activities.Deliveries].
func (t *traffic) InFlight(_ context.Context, start, end time.Time) (n int64, err error) {
	for _, d := range t.pending {
		if (audit.Period{Start: start, End: end}).Contains(d.CreatedAt) {
			n++
		}
	}
	return n, nil
}

// latest is how long executions wait for somebody's approval. So much of the past
// has its partitions, as today has.
const latest = 60

// recordToday stores what a day brings: mostly of today, some that waited for
// approval, some that come again after years, and a few from before any horizon.
func (s *simulation) recordToday(ctx context.Context) error {
	var today, late, again []audit.Record
	for range s.chance.IntN(2*s.config.Daily + 1) {
		today = append(today, s.execution(s.now.Add(-time.Duration(s.chance.Int64N(int64(12*time.Hour))))))
	}
	if s.happens(300) {
		r := s.execution(s.ago(latest))
		if s.happens(300) { // its delivery takes a while
			s.traffic.pending = append(s.traffic.pending, delivery{r, s.now.AddDate(0, 0, 1+s.chance.IntN(10))})
		} else {
			late = append(late, r)
		}
	}
	if s.happens(100) && len(s.books.records) > 0 {
		again = append(again, s.books.records[s.chance.IntN(len(s.books.records))].Record)
	}
	if s.happens(20) {
		again = append(again, s.execution(s.ago(400)))
	}
	again = append(again, s.traffic.arriving(s.now)...)
	if err := s.append(ctx, today, true); err != nil {
		return err
	}
	if err := s.append(ctx, late, true); err != nil {
		return err
	}
	return s.append(ctx, again, false)
}

// ago is a moment of the last days, not before anything began.
func (s *simulation) ago(days int) time.Time {
	at := s.now.Add(-time.Duration(s.chance.Int64N(int64(days) * int64(lifecycle.Day))))
	if began := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC); at.Before(began) {
		return began
	}
	return at
}

// arriving takes what is delivered by now.
func (t *traffic) arriving(now time.Time) (records []audit.Record) {
	kept := t.pending[:0]
	for _, d := range t.pending {
		if d.arrives.After(now) {
			kept = append(kept, d)
			continue
		}
		records = append(records, d.Record)
	}
	t.pending = kept
	return records
}

// append stores records as deliveries do. When it is promised that they find
// their partitions, creating one is as bad as failing.
func (s *simulation) append(ctx context.Context, records []audit.Record, promised bool) error {
	if len(records) == 0 {
		return nil
	}
	before, err := s.partitions(ctx)
	if err != nil {
		return err
	}
	s.Inserts += len(records)
	receipts, err := s.writer.Append(ctx, records)
	if err != nil {
		s.refuse(records, promised, err)
		return nil
	}
	for _, receipt := range receipts {
		if receipt.Outcome != audit.OutcomeStored && receipt.Outcome != audit.OutcomeDuplicate {
			return fmt.Errorf("record %s: %s", receipt.ID, receipt.Outcome)
		}
	}
	after, err := s.partitions(ctx)
	if err != nil {
		return err
	}
	switch made := after - before; {
	case made > 0 && promised:
		s.InsertsWithoutPartition += len(records)
		s.complain("%d partitions had to be created for records of %s", made, records[0].CreatedAt.Format(time.DateOnly))
	case made > 0:
		s.PartitionsByInserts += made
	}
	return s.books.enter(records)
}

// refuse is what becomes of records that were not taken: their deliveries try
// again tomorrow.
func (s *simulation) refuse(records []audit.Record, promised bool, err error) {
	if promised {
		s.InsertsWithoutPartition += len(records)
	}
	s.complain("%d records were refused: %v", len(records), err)
	for _, r := range records {
		s.traffic.pending = append(s.traffic.pending, delivery{r, s.now.AddDate(0, 0, 1)})
	}
}

func (s *simulation) partitions(ctx context.Context) (n int, err error) {
	err = s.owner.QueryRow(ctx, `SELECT count(*) FROM pg_inherits WHERE inhparent = 'kubernetes_execution_audit'::regclass`).Scan(&n)
	return n, err
}
