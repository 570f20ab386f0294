package main

import (
	"context"
	"slices"
	"time"

	"github.com/auditflow/auditflow/audit"
)

// people place holds and release them, and have records restored.
func (s *simulation) people(ctx context.Context) error {
	if len(s.books.records) == 0 {
		return nil
	}
	if s.happens(30) {
		if err := s.hold(ctx, s.books.records[s.chance.IntN(len(s.books.records))]); err != nil {
			return err
		}
	}
	for i := 0; i < len(s.books.holds); i++ {
		if h := s.books.holds[i]; h.until.Before(s.now) {
			if _, err := s.keeper.ReleaseHold(ctx, h.ID, "counsel"); err != nil {
				return err
			}
			s.books.holds = slices.Delete(s.books.holds, i, i+1)
			i--
		}
	}
	if s.happens(25) {
		return s.restore(ctx)
	}
	return nil
}

// hold holds a record, and others with it, for days or for years.
func (s *simulation) hold(ctx context.Context, r *remembered) error {
	h := audit.Hold{Reason: "inquiry", PlacedBy: "counsel", PlacedAt: s.now}
	switch s.chance.IntN(4) {
	case 0:
		h.Kind, h.Value = audit.HoldID, r.ID
	case 1:
		h.Kind, h.Value = audit.HoldWorkflow, r.WorkflowRef
	case 2:
		h.Kind, h.Value = audit.HoldNamespace, r.TargetNamespace
	default:
		h.Kind, h.Start = audit.HoldPeriod, r.CreatedAt
		h.End = r.CreatedAt.Add(time.Duration(1 + s.chance.Int64N(int64(72*time.Hour))))
	}
	placed, err := s.keeper.PlaceHold(ctx, h)
	if err != nil {
		return err
	}
	s.Holds++
	days := 5 + s.chance.IntN(200)
	if s.happens(60) {
		days = 1000 + s.chance.IntN(2000)
	}
	s.books.holds = append(s.books.holds, heldUntil{placed, s.now.AddDate(0, 0, days)})
	return nil
}

// restore brings something back for a month at most: a record or two days.
func (s *simulation) restore(ctx context.Context) error {
	r := s.books.records[s.chance.IntN(len(s.books.records))]
	if r.gone {
		return nil
	}
	wanted := audit.Restore{
		Start: r.CreatedAt, End: r.CreatedAt.Add(48 * time.Hour), Reason: "question", RestoredBy: "auditor",
		RestoredAt: s.now, ExpiresAt: s.now.AddDate(0, 0, 1+s.chance.IntN(30)),
	}
	if s.happens(500) {
		wanted.Record = r.ID
	}
	s.Restores++
	_, err := s.keeper.Restore(ctx, wanted, s.bucket.Read(ctx, wanted.Start, wanted.End, wanted.Record))
	return err
}

// restoredLeft counts what is still there when nobody wants anything any more.
func (s *simulation) restoredLeft(ctx context.Context) error {
	if _, err := s.steps.ExpireRestores(ctx, s.now.AddDate(0, 0, 60)); err != nil {
		return err
	}
	return s.owner.QueryRow(ctx, `SELECT count(*) FROM kubernetes_execution_audit_archive`).Scan(&s.RestoredLeft)
}

// meanwhile is what others do between two steps of a run, to the very stretch of
// time that the next step is about.
func (s *simulation) meanwhile(ctx context.Context, subject audit.Period) error {
	there := s.books.within(subject)
	switch n := s.chance.IntN(4); {
	case n == 0 && subject.Start.Before(subject.End):
		created := subject.Start.Add(time.Duration(s.chance.Int64N(int64(subject.End.Sub(subject.Start)))))
		return s.append(ctx, []audit.Record{s.execution(created)}, false)
	case n == 1 && len(there) > 0:
		return s.append(ctx, []audit.Record{there[s.chance.IntN(len(there))].Record}, false)
	case n == 2 && len(there) > 0:
		return s.hold(ctx, there[s.chance.IntN(len(there))])
	case n == 3:
		return s.append(ctx, []audit.Record{s.execution(s.now)}, true)
	}
	return nil
}
