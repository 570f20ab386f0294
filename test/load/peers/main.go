package main

import (
	"context"
	"flag"
	"fmt"
	"log/slog"
	"os"

	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/riverqueue/river"
	"github.com/riverqueue/river/riverdriver/riverpgxv5"
	"github.com/riverqueue/river/rivermigrate"

	"github.com/auditflow/auditflow/test/load/turn"
)

func main() {
	if err := run(context.Background(), os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string) error {
	flags := flag.NewFlagSet("peers", flag.ContinueOnError)
	url := flags.String("database-url", "", "PostgreSQL of the audit trail")
	role := flags.String("role", "", "producer, worker")
	if err := flags.Parse(args); err != nil {
		return err
	}
	db, err := pgxpool.New(ctx, *url)
	if err != nil {
		return err
	}
	defer db.Close()
	if err := migrate(ctx, db); err != nil {
		return err
	}
	switch *role {
	case "producer":
		return produce(ctx, db)
	case "worker":
		return work(ctx, db, *url)
	}
	return fmt.Errorf("there is no role %q", *role)
}

// schema is where River has its tables, in the database of the trail.
const schema = "river"

func migrate(ctx context.Context, db *pgxpool.Pool) error {
	conn, err := db.Acquire(ctx)
	if err != nil {
		return err
	}
	defer conn.Release()
	// Producer and worker may be started at once.
	if _, err := conn.Exec(ctx, `SELECT pg_advisory_lock(7001)`); err != nil {
		return err
	}
	defer func() { _, _ = conn.Exec(context.WithoutCancel(ctx), `SELECT pg_advisory_unlock(7001)`) }()
	if _, err := conn.Exec(ctx, `CREATE SCHEMA IF NOT EXISTS `+schema); err != nil {
		return err
	}
	migrator, err := rivermigrate.New(riverpgxv5.New(db), &rivermigrate.Config{Schema: schema, Logger: quiet()})
	if err != nil {
		return err
	}
	_, err = migrator.Migrate(ctx, rivermigrate.DirectionUp, nil)
	return err
}

func quiet() *slog.Logger {
	return slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelWarn}))
}

// produce inserts jobs as it is told.
func produce(ctx context.Context, db *pgxpool.Pool) error {
	client, err := river.NewClient(riverpgxv5.New(db), &river.Config{Schema: schema, Logger: quiet()})
	if err != nil {
		return err
	}
	p := &producer{client}
	return turn.Serve(ctx, map[string]turn.Work{
		"river_single": p.single, "river_insert_100": p.many, "river_100_in_a_job": p.together,
	}, os.Stdin, os.Stdout)
}
