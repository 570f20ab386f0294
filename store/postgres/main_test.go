package postgres_test

import (
	"context"
	"fmt"
	"net/url"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"go.uber.org/goleak"

	"github.com/auditflow/auditflow/store/postgres"
	"github.com/auditflow/auditflow/test/world"
)

// server is shared by all tests; each has a database of its own, cloned from
// template, which is migrated.
var (
	server   *world.Postgres
	template string
)

func TestMain(m *testing.M) {
	code, err := run(m)
	if code == 0 && err == nil {
		err = goleak.Find() // the servers are gone by now
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		code = 1
	}
	os.Exit(code)
}

func run(m *testing.M) (code int, err error) {
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
	defer cancel()
	w, err := world.Start(ctx, world.Options{PostgreSQL: true})
	if err != nil {
		return 0, err
	}
	defer func() {
		if stopErr := w.Stop(); err == nil {
			err = stopErr
		}
	}()
	server = w.Postgres
	if template, err = migratedDatabase(ctx); err != nil {
		return 0, err
	}
	return m.Run(), nil
}

func migratedDatabase(ctx context.Context) (name string, err error) {
	address, err := server.NewDatabase(ctx, "")
	if err != nil {
		return "", err
	}
	store, err := postgres.Open(ctx, postgres.Config{URL: address})
	if err != nil {
		return "", err
	}
	defer store.Close()
	parsed, err := url.Parse(address)
	if err != nil {
		return "", err
	}
	return strings.TrimPrefix(parsed.Path, "/"), store.Migrate(ctx)
}

// database returns the URL of a migrated database without partitions.
func database(t testing.TB) string {
	t.Helper()
	address, err := server.NewDatabase(t.Context(), template)
	must(t, err)
	return address
}

func emptyDatabase(t testing.TB) string {
	t.Helper()
	address, err := server.NewDatabase(t.Context(), "")
	must(t, err)
	return address
}

// open opens a store on a database; settings go into the URL's query.
func open(t testing.TB, config postgres.Config, settings ...string) *postgres.Store {
	t.Helper()
	for _, s := range settings {
		config.URL += "&" + s
	}
	store, err := postgres.Open(t.Context(), config)
	must(t, err)
	t.Cleanup(store.Close)
	return store
}

// connect is a connection beside the store's, to look at what it did.
func connect(t testing.TB, address string) *pgx.Conn {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), address)
	must(t, err)
	t.Cleanup(func() { _ = conn.Close(context.Background()) })
	return conn
}

func execute(t testing.TB, conn *pgx.Conn, sql string, arguments ...any) {
	t.Helper()
	_, err := conn.Exec(t.Context(), sql, arguments...)
	must(t, err)
}

// column returns the first column of a query.
func column[T any](t testing.TB, conn *pgx.Conn, sql string, arguments ...any) []T {
	t.Helper()
	rows, err := conn.Query(t.Context(), sql, arguments...)
	must(t, err)
	values, err := pgx.CollectRows(rows, pgx.RowTo[T])
	must(t, err)
	return values
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
