package postgres_test

import (
	"sync"
	"testing"
	"time"

	"github.com/auditflow/auditflow/audit"
	"github.com/auditflow/auditflow/store/postgres"
)

func TestTheRetentionInForceIsTheLastThatWasConfirmed(t *testing.T) {
	t.Parallel()
	address := database(t)
	store, conn := open(t, postgres.Config{URL: address}), connect(t, address)
	none, err := store.ConfirmedRetention(t.Context())
	must(t, err)
	equal(t, "at first", none, audit.Retention{})

	day := 24 * time.Hour
	first := audit.Retention{Mode: audit.RetainPartitions, Live: 90 * day, ConfirmedBy: "ann", ConfirmedAt: at(2025, 1, 1)}
	second := audit.Retention{Mode: audit.RetainRows, Live: 30*day + time.Hour, Archive: 7 * 366 * day, ConfirmedBy: "bob", ConfirmedAt: at(2024, 1, 1)}
	for _, r := range []audit.Retention{first, second} {
		must(t, store.ConfirmRetention(t.Context(), r))
		again := r
		again.ConfirmedBy, again.ConfirmedAt = "carol", time.Time{}
		must(t, store.ConfirmRetention(t.Context(), again))
		got, err := store.ConfirmedRetention(t.Context())
		must(t, err)
		equal(t, "in force", got, r)
	}
	equal(t, "history", count(t, conn, "auditflow_retention"), 2)

	for what, r := range map[string]audit.Retention{
		"an unknown mode": {Mode: "moon", ConfirmedBy: "ann"},
		"a negative age":  {Mode: audit.RetainRows, Live: -1 * time.Hour, ConfirmedBy: "ann"},
	} {
		equal(t, what, postgres.Class(store.ConfirmRetention(t.Context(), r)), postgres.ClassData)
	}
	refused(t, store.ConfirmRetention(t.Context(), audit.Retention{Mode: audit.RetainAll}), "confirmed_by: is required")
}

func TestARetentionThatManyConfirmAtOnceIsWrittenOnce(t *testing.T) {
	t.Parallel()
	address := database(t)
	store, conn := open(t, postgres.Config{URL: address}), connect(t, address)
	other := connect(t, address)
	execute(t, other, `BEGIN; LOCK TABLE auditflow_retention IN SHARE MODE`) // so that they meet
	var wait sync.WaitGroup
	errs := make(chan error, 8)
	for range cap(errs) {
		wait.Go(func() {
			errs <- store.ConfirmRetention(t.Context(), audit.Retention{Mode: audit.RetainRows, Live: time.Hour, ConfirmedBy: "a worker"})
		})
	}
	until(t, conn, `SELECT count(*) = 8 FROM pg_locks JOIN pg_stat_activity USING (pid)
		WHERE NOT granted AND datname = current_database()`)
	execute(t, other, `COMMIT`)
	wait.Wait()
	close(errs)
	for err := range errs {
		must(t, err)
	}
	equal(t, "history", count(t, conn, "auditflow_retention"), 1)
}
