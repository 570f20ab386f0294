package world

import (
	"context"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"
)

// queryRow runs one statement on a fresh connection and returns its one value as text.
func queryRow(t *testing.T, url, sql string) string {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(context.Background())
	var value string
	if err := conn.QueryRow(t.Context(), sql).Scan(&value); err != nil {
		t.Fatalf("%s: %v", sql, err)
	}
	return value
}

// execute runs statements that return nothing.
func execute(t *testing.T, url, sql string) {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(context.Background())
	if _, err := conn.Exec(t.Context(), sql); err != nil {
		t.Fatalf("%s: %v", sql, err)
	}
}

func TestPostgresKeepsWhatItAcknowledged(t *testing.T) {
	server := shared.Postgres // not parallel: others see the server away
	execute(t, server.URL, `CREATE TABLE kept (n int); INSERT INTO kept VALUES (1)`)

	if err := server.Stop(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := server.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got := queryRow(t, server.URL, `UPDATE kept SET n = 2 WHERE n = 1 RETURNING n::text`); got != "2" {
		t.Errorf("after Stop and Start: %s", got)
	}

	if err := server.Kill(); err != nil {
		t.Fatal(err)
	}
	if err := server.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got := queryRow(t, server.URL, `SELECT n::text FROM kept`); got != "2" {
		t.Errorf("after Kill and Start: %s, want 2", got)
	}
}

func TestPostgresDatabasesAreCopiesOfTheirTemplate(t *testing.T) {
	ctx, server := t.Context(), shared.Postgres
	template, err := server.NewDatabase(ctx, "")
	if err != nil {
		t.Fatal(err)
	}
	execute(t, template, `CREATE TABLE t AS SELECT 'copied' AS word`)
	name := template[strings.LastIndex(template, "/")+1 : strings.Index(template, "?")]
	for range 3 {
		url, err := server.NewDatabase(ctx, name)
		if err != nil {
			t.Fatal(err)
		}
		if got := queryRow(t, url, `SELECT word FROM t`); got != "copied" {
			t.Errorf("in the copy: %q", got)
		}
	}
}

func TestPostgresIsConfiguredLikeAProductionServer(t *testing.T) {
	for setting, want := range map[string]string{
		"fsync": "on", "synchronous_commit": "on", "full_page_writes": "on",
		"server_encoding": "UTF8", "TimeZone": "UTC", "max_connections": "200",
	} {
		if got := queryRow(t, shared.Postgres.URL, "SHOW "+setting); got != want {
			t.Errorf("%s is %q, want %q", setting, got, want)
		}
	}
}
