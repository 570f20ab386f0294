package main

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"os"
	"path/filepath"
	"time"

	"go.temporal.io/sdk/temporal"

	"github.com/auditflow/auditflow/activities"
	"github.com/auditflow/auditflow/audit"
	"github.com/auditflow/auditflow/workflows"
)

// trouble is what goes wrong in a run, of a thousand steps so many. On a bad day
// almost nothing succeeds.
type trouble struct {
	over     bool
	perMille int
	dead     bool // nobody goes on with this run any more
	provoked bool // whatever becomes of the run, we had a part in it
	fatal    error
}

func (t *trouble) begin(s *simulation) {
	t.dead, t.provoked, t.perMille = false, false, 12
	switch {
	case t.over:
		t.perMille = 0
	case s.happens(15):
		t.perMille = 500
	}
}

// stop ends the simulation: it cannot see any more.
func (t *trouble) stop(err error) error {
	t.fatal = errors.Join(t.fatal, err)
	t.dead = true
	return errDead
}

var (
	errInjected = errors.New("injected")
	errDead     = temporal.NewNonRetryableApplicationError("the worker is gone", "dead", nil)
)

// strike tells whether something goes wrong now.
func (s *simulation) strike() error {
	switch {
	case s.trouble.dead:
		return errDead
	case !s.trouble.over && s.happens(s.trouble.perMille):
		s.Faults++
		s.trouble.provoked = true
		return errInjected
	case !s.trouble.over && s.happens(4):
		s.Faults++
		s.trouble.provoked, s.trouble.dead = true, true
		return errDead
	}
	return nil
}

// before is what happens before a step has any effect.
func (s *simulation) before(ctx context.Context, c *attempt) error {
	if s.trouble.dead {
		return errDead
	}
	if !s.trouble.over && c.name != workflows.ActivityCountRun && s.happens(40) {
		s.trouble.provoked = true // a hold refuses, a late row is in the way
		_, subject := c.subject()
		if err := s.meanwhile(ctx, subject); err != nil {
			return s.trouble.stop(err)
		}
	}
	if err := s.strike(); err != nil {
		return err
	}
	if err := s.look(ctx, c); err != nil {
		return s.trouble.stop(err)
	}
	return nil
}

// after is what happens when a step has had its effect, or has not: everything
// that can be seen is looked at, and then the answer may get lost.
func (s *simulation) after(ctx context.Context, c *attempt) error {
	s.Activities++
	if err := s.check(ctx, c); err != nil {
		return s.trouble.stop(fmt.Errorf("after %s: %w", c.name, err))
	}
	return s.strike()
}

// sabotage alters or takes away a file that is about to be verified, of a period
// whose rows all are still in the database.
func (s *simulation) sabotage(ctx context.Context, c *attempt, first bool) (repair func() error, err error) {
	if c.name != workflows.ActivityVerifyPeriod || s.trouble.over || !first || !s.happens(100) {
		return nil, nil
	}
	period := c.args[0].Interface().(activities.Period)
	archived, err := s.keeper.Archived(ctx, period.Name())
	if err != nil || len(archived) == 0 {
		return nil, err
	}
	segments := archived[s.chance.IntN(len(archived))].Segments
	file := filepath.Join(s.files, filepath.FromSlash(segments[s.chance.IntN(len(segments))].Object))
	content, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	s.Sabotages++
	s.trouble.provoked = true
	if s.happens(300) {
		err = os.Remove(file)
	} else {
		altered := append([]byte(nil), content...)
		altered[s.chance.IntN(len(altered))] ^= 1 << s.chance.IntN(8)
		err = os.WriteFile(file, altered, 0o600)
	}
	return func() error { return os.WriteFile(file, content, 0o600) }, err
}

// caught checks that what was altered was found.
func (s *simulation) caught(c *attempt, repaired error, succeeded bool) {
	if repaired != nil {
		s.trouble.fatal = errors.Join(s.trouble.fatal, repaired)
	}
	if succeeded {
		s.DroppedUnverified++
		partition, _ := c.subject()
		s.complain("an altered file of %s was found intact", partition)
	}
}

// shake lets a call of a store fail before or after it had its effect.
func (s *simulation) shake(do func() error) error {
	if err := s.strike(); err != nil {
		return err
	}
	if err := do(); err != nil {
		return err
	}
	return s.strike()
}

// database has another name where it is embedded than its method Partitions.
type database = activities.Partitions

// shakyPartitions is the database, which fails now and then.
type shakyPartitions struct {
	database
	s *simulation
}

// NoteArchived implements [activities.Partitions], as the others do.
func (p shakyPartitions) NoteArchived(ctx context.Context, a audit.Archived) error {
	return p.s.shake(func() error { return p.database.NoteArchived(ctx, a) })
}

// NoteVerified may fail.
func (p shakyPartitions) NoteVerified(ctx context.Context, period string, at time.Time) error {
	return p.s.shake(func() error { return p.database.NoteVerified(ctx, period, at) })
}

// NoteDeleted may fail.
func (p shakyPartitions) NoteDeleted(ctx context.Context, period string) error {
	return p.s.shake(func() error { return p.database.NoteDeleted(ctx, period) })
}

// Detach may fail.
func (p shakyPartitions) Detach(ctx context.Context, partition string) error {
	return p.s.shake(func() error { return p.database.Detach(ctx, partition) })
}

// Drop may fail.
func (p shakyPartitions) Drop(ctx context.Context, partition string, want int64, t audit.Tombstone) error {
	return p.s.shake(func() error { return p.database.Drop(ctx, partition, want, t) })
}

// WriteTombstone may fail.
func (p shakyPartitions) WriteTombstone(ctx context.Context, t audit.Tombstone) error {
	return p.s.shake(func() error { return p.database.WriteTombstone(ctx, t) })
}

// shakyArchive is the bucket, which fails now and then.
type shakyArchive struct {
	activities.Archive
	s *simulation
}

// Write may fail, also when some segments are written.
func (a shakyArchive) Write(ctx context.Context, p audit.Period, rows iter.Seq2[*audit.Persisted, error], done []audit.Segment, report func(audit.Segment)) (all []audit.Segment, err error) {
	some := func(yield func(*audit.Persisted, error) bool) {
		n, end := 0, -1
		if !a.s.trouble.over && a.s.happens(50) {
			a.s.Faults++
			a.s.trouble.provoked = true
			end = a.s.chance.IntN(3 * segmentRows)
		}
		for row, err := range rows {
			if n == end {
				yield(nil, errInjected)
				return
			}
			if !yield(row, err) {
				return
			}
			n++
		}
	}
	err = a.s.shake(func() error { all, err = a.Archive.Write(ctx, p, some, done, report); return err })
	return all, err
}

// Publish may fail.
func (a shakyArchive) Publish(ctx context.Context, m audit.Manifest) (archived audit.Archived, err error) {
	err = a.s.shake(func() error { archived, err = a.Archive.Publish(ctx, m); return err })
	return archived, err
}

// Delete may fail.
func (a shakyArchive) Delete(ctx context.Context, period string) error {
	return a.s.shake(func() error { return a.Archive.Delete(ctx, period) })
}
