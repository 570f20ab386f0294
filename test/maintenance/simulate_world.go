package main

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/url"
	"os"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/prometheus/client_golang/prometheus"

	"github.com/auditflow/auditflow/activities"
	"github.com/auditflow/auditflow/audit"
	"github.com/auditflow/auditflow/audit/lifecycle"
	"github.com/auditflow/auditflow/store/archive"
	"github.com/auditflow/auditflow/store/postgres"
	"github.com/auditflow/auditflow/test/world"
	"github.com/auditflow/auditflow/workflows"
)

// simulation is a trail, what is done to it, and what is known about it from
// outside. One goroutine at a time uses it: workflows in the test environment
// run one step after the other.
type simulation struct {
	config simulationConfig
	simulationFigures

	chance *rand.Rand
	now    time.Time
	plan   workflows.Maintenance

	url    string            // of the database, as its owner
	stores []*postgres.Store // to be closed in the end
	writer *postgres.Store   // of deliveries
	keeper *postgres.Store   // of maintenance, and of whoever looks something up
	owner  *pgxpool.Pool     // looks past all of that
	bucket *archive.Archive
	files  string // where the bucket is
	steps  *activities.Maintain

	books   books
	traffic traffic
	trouble trouble
	watch   watch
}

// segmentRows makes periods of several segments.
const segmentRows = 60

func openSimulation(ctx context.Context, c simulationConfig) (s *simulation, closeAll func() error, err error) {
	w, err := world.Start(ctx, world.Options{PostgreSQL: true, PostgresSettings: []string{
		"fsync=off", // nothing is killed here, and thousands of days are short
		"full_page_writes=off", "synchronous_commit=off",
	}})
	if err != nil {
		return nil, nil, err
	}
	s = &simulation{
		config: c, chance: rand.New(rand.NewPCG(c.Seed, 20)), url: w.Postgres.URL,
		now: time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC), plan: policies(c),
	}
	s.Years, s.Seed = c.Years, c.Seed
	closeAll = func() error {
		for _, store := range s.stores {
			store.Close()
		}
		if s.owner != nil {
			s.owner.Close()
		}
		if s.bucket != nil {
			_ = s.bucket.Close()
		}
		return errors.Join(w.Stop(), os.RemoveAll(s.files))
	}
	if err := s.open(ctx); err != nil {
		return nil, nil, errors.Join(err, closeAll())
	}
	return s, closeAll, nil
}

// policies are the product's defaults, with the seed's seven years in the
// archive, or half of the time when that would never end.
func policies(c simulationConfig) workflows.Maintenance {
	const year = 366 * lifecycle.Day
	plan := workflows.Defaults()
	plan.Retention.Mode = c.Mode
	plan.Retention.ArchiveAfter = lifecycle.Age(7 * year)
	if c.Years < 8 {
		plan.Retention.ArchiveAfter = lifecycle.Age(time.Duration(c.Years) * year / 2)
	}
	return plan
}

func (s *simulation) open(ctx context.Context) (err error) {
	if s.owner, err = pgxpool.New(ctx, s.url); err != nil {
		return err
	}
	if s.writer, err = s.connect(ctx, "", audit.Monthly); err != nil {
		return err
	}
	if err := s.writer.Migrate(ctx); err != nil {
		return err
	}
	if _, err := s.owner.Exec(ctx, "CREATE ROLE maintainer LOGIN IN ROLE auditflow_maintainer"); err != nil {
		return err
	}
	if s.keeper, err = s.connect(ctx, "maintainer", audit.Monthly); err != nil {
		return err
	}
	if s.files, err = os.MkdirTemp("", "auditflow-simulation-"); err != nil {
		return err
	}
	if s.bucket, err = archive.Open(ctx, archive.Config{URL: "file://" + s.files, SegmentRows: segmentRows}); err != nil {
		return err
	}
	s.steps = &activities.Maintain{
		Partitions: shakyPartitions{s.keeper, s}, Archive: shakyArchive{s.bucket, s}, Deliveries: &s.traffic,
		ErrorClass: errorClass, Metrics: activities.NewMaintenanceMetrics(prometheus.NewRegistry(), workflows.Tasks()...),
	}
	return nil
}

func (s *simulation) connect(ctx context.Context, login string, interval audit.Interval) (*postgres.Store, error) {
	as, err := url.Parse(s.url)
	if err != nil {
		return nil, fmt.Errorf("the URL of the database: %w", err)
	}
	if login != "" {
		as.User = url.User(login)
	}
	store, err := postgres.Open(ctx, postgres.Config{URL: as.String(), Interval: interval})
	if err == nil {
		s.stores = append(s.stores, store)
	}
	return store, err
}

// repartition changes the interval, as an operator does who restarts everything.
func (s *simulation) repartition(ctx context.Context, interval audit.Interval, ahead int) (err error) {
	s.plan.Create.Interval, s.plan.Create.Ahead = interval, ahead
	s.writer, err = s.connect(ctx, "", interval)
	return err
}

// errorClass is what the worker tells Temporal.
func errorClass(err error) string {
	var refused *postgres.RefusedError
	var database *postgres.Error
	switch {
	case errors.As(err, &refused):
		return activities.TypeRefused
	case errors.As(err, &database):
		return postgres.Class(err)
	}
	return archive.Class(err)
}

// happens is true so many times in a thousand.
func (s *simulation) happens(perMille int) bool { return s.chance.IntN(1000) < perMille }

const maxComplaints = 20

// complain notes what must not be.
func (s *simulation) complain(format string, args ...any) {
	if len(s.Complaints) == maxComplaints {
		return
	}
	text := s.now.Format(time.DateOnly) + ": " + fmt.Sprintf(format, args...)
	s.Complaints = append(s.Complaints, text)
	if s.config.Screen != nil {
		fmt.Fprintf(s.config.Screen, "  %s\n", text)
	}
}
