package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/auditflow/auditflow/audit"
	"github.com/auditflow/auditflow/store/postgres"
	"github.com/auditflow/auditflow/test/world"
)

// server is shared by all tests; each has a database of its own.
var server *world.Postgres

func TestMain(m *testing.M) {
	code, err := withServer(m)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		code = 1
	}
	os.Exit(code)
}

func withServer(m *testing.M) (code int, err error) {
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
	defer cancel()
	w, err := world.Start(ctx, world.Options{PostgreSQL: true, PostgresSettings: []string{"shared_buffers=96MB"}})
	if err != nil {
		return 0, err
	}
	defer func() {
		if stopErr := w.Stop(); err == nil {
			err = stopErr
		}
	}()
	server = w.Postgres
	return m.Run(), nil
}

func TestAServerTakesSettingsBeyondThoseOfTheWorld(t *testing.T) {
	t.Parallel()
	equal(t, "setting", one[string](t, connect(t, server.URL), `SHOW shared_buffers`), "96MB")
}

// until ends the data sets of all tests, in the middle of a month.
var until = time.Date(2026, 2, 18, 15, 30, 0, 0, time.UTC)

// database returns the URL of a migrated database without partitions.
func database(t testing.TB) string {
	t.Helper()
	url, err := server.NewDatabase(t.Context(), "")
	must(t, err)
	must(t, openStore(t, url).Migrate(t.Context()))
	return url
}

func openStore(t testing.TB, url string) *postgres.Store {
	t.Helper()
	store, err := postgres.Open(t.Context(), postgres.Config{URL: url})
	must(t, err)
	t.Cleanup(store.Close)
	return store
}

func connect(t testing.TB, url string) *pgxpool.Pool {
	t.Helper()
	pool, err := openPool(t.Context(), url)
	must(t, err)
	t.Cleanup(pool.Close)
	return pool
}

func records(t testing.TB, rows, days int, seed uint64) dataset {
	t.Helper()
	d, err := newDataset(rows, days, seed, until)
	must(t, err)
	return d
}

// filled is a database with a data set in it.
func filled(t testing.TB, d dataset, workers int) (url string) {
	t.Helper()
	url = database(t)
	f := fill{url: url, data: d, workers: workers, interval: audit.Monthly, progress: newProgress(io.Discard)}
	must(t, f.run(t.Context()))
	return url
}

// one returns the only value of a query.
func one[T any](t testing.TB, db *pgxpool.Pool, sql string, arguments ...any) T {
	t.Helper()
	rows, err := db.Query(t.Context(), sql, arguments...)
	must(t, err)
	value, err := pgx.CollectExactlyOneRow(rows, pgx.RowTo[T])
	must(t, err)
	return value
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func equal[T comparable](t testing.TB, what string, got, want T) {
	t.Helper()
	if got != want {
		t.Errorf("%s: got %v, want %v", what, got, want)
	}
}
