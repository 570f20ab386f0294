package main

import (
	"context"
	"fmt"
	"time"

	"github.com/auditflow/auditflow/audit"
	"github.com/auditflow/auditflow/audit/lifecycle"
	"github.com/auditflow/auditflow/workflows"
)

// Outages begin on one day in sixty and last up to a month: nothing runs, and
// what was missed is caught up with only if the schedule's window reaches back.
const (
	outageBegins  = 17 // of a thousand days
	longestOutage = 30
)

// live goes through the days.
func (s *simulation) live(ctx context.Context) error {
	first := s.now
	last := first.AddDate(s.config.Years, 0, 0)
	if err := s.run(ctx, workflows.ScheduleCreatePartitions); err != nil { // somebody starts the worker
		return err
	}
	outage, lasted := 0, 0
	for day := first; day.Before(last); day = day.AddDate(0, 0, 1) {
		s.now = day
		if outage == 0 && s.happens(outageBegins) {
			outage = 1 + s.chance.IntN(longestOutage)
			lasted = outage
		}
		if outage > 0 {
			outage--
			s.OutageDays++
		} else if err := s.maintain(ctx, lasted); err != nil {
			return err
		} else {
			lasted = 0
		}
		s.now = day.Add(12 * time.Hour)
		if err := s.day(ctx); err != nil {
			return err
		}
		if err := s.turn(ctx, first, day); err != nil {
			return err
		}
	}
	return s.finish(ctx)
}

// maintain is the runs of a day, after so many days without any.
func (s *simulation) maintain(ctx context.Context, missed int) error {
	day := s.now
	for _, schedule := range s.plan.Schedules() {
		// The first thing after an outage are the runs that were missed: of those
		// that must not overlap and do the same, one.
		if missed > 0 && time.Duration(missed)*lifecycle.Day <= schedule.CatchUp {
			if err := s.run(ctx, schedule.ID); err != nil {
				return err
			}
		}
	}
	at := map[string]time.Duration{
		workflows.ScheduleCreatePartitions: 7 * time.Minute, workflows.ScheduleTier: 77 * time.Minute,
		workflows.ScheduleArchive: 137 * time.Minute, workflows.ScheduleRetention: 257 * time.Minute,
	}
	for _, id := range workflows.Tasks() {
		s.now = day.Add(at[id])
		if id == workflows.ScheduleTier { // there are no tablespaces
			continue
		}
		if id != workflows.ScheduleCreatePartitions && s.weekly(day) && missed == 0 {
			continue
		}
		if err := s.run(ctx, id); err != nil {
			return err
		}
	}
	return nil
}

// weekly tells that nothing is archived or deleted on a day, because somebody has
// chosen to do that on Mondays only: in three years of four.
func (s *simulation) weekly(day time.Time) bool {
	daily := day.Year()%4 == 2 && !s.config.Mondays
	return !daily && !s.trouble.over && day.Weekday() != time.Monday
}

// day is what people and clusters do.
func (s *simulation) day(ctx context.Context) error {
	if err := s.recordToday(ctx); err != nil {
		return err
	}
	return s.people(ctx)
}

// turn is what happens at the end of a month and of a year.
func (s *simulation) turn(ctx context.Context, first, day time.Time) error {
	tomorrow := day.AddDate(0, 0, 1)
	if tomorrow.Day() != 1 {
		return nil
	}
	if err := s.census(ctx); err != nil {
		return err
	}
	if tomorrow.Month() != time.January {
		return nil
	}
	year := tomorrow.Year() - first.Year()
	if s.config.Screen != nil {
		fmt.Fprintf(s.config.Screen, "  year %2d: %5d records, %4d runs, %3d partitions dropped, %6d checks, %d complaints\n",
			year, len(s.books.records), s.Runs, s.PartitionsDropped, s.FindableChecks, len(s.Complaints))
	}
	// Intervals change in the life of a trail: weeks for a year, months again.
	switch {
	case year%4 == 1 && s.config.Years > 1:
		return s.repartition(ctx, audit.Weekly, 13)
	case year%4 == 2:
		return s.repartition(ctx, audit.Monthly, 3)
	}
	return nil
}

// finish ends all trouble, lets maintenance catch up, and looks for every record:
// for all of them at once, and for each tenth as somebody does who asks for it.
func (s *simulation) finish(ctx context.Context) error {
	s.trouble.over = true
	s.now = s.now.AddDate(0, 0, 1)
	for range 2 {
		if err := s.maintain(ctx, 0); err != nil {
			return err
		}
	}
	if err := s.census(ctx); err != nil {
		return err
	}
	for i := 0; i < len(s.books.records); i += 10 {
		if err := s.lookUp(ctx, s.books.records[i]); err != nil {
			return err
		}
	}
	return s.restoredLeft(ctx)
}
