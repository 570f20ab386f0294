package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/spf13/cobra"

	"github.com/auditflow/auditflow/audit"
	"github.com/auditflow/auditflow/store/postgres"
	"github.com/auditflow/auditflow/test/tool"
	"github.com/auditflow/auditflow/test/world"
)

// serverSettings are about memory and checkpoints. What decides on plans is as
// PostgreSQL ships it.
//
//nolint:gochecknoglobals // a list of constants
var serverSettings = []string{"shared_buffers=2GB", "max_wal_size=16GB", "checkpoint_timeout=30min", "wal_compression=on"}

// lessLog spares the log of what is loaded, which no query sees.
//
//nolint:gochecknoglobals // a list of constants
var lessLog = []string{"wal_level=minimal", "max_wal_senders=0"}

// queryBench is the benchmark of the queries.
type queryBench struct {
	scope
	dir      string // keeps the data for another run; empty means a temporary one
	only     string // regular expression
	limits   budget
	out      string // of the figures
	findOut  string
	screen   io.Writer
	progress *progress
}

func benchQueriesCommand(out io.Writer) *cobra.Command {
	b := queryBench{screen: out, progress: newProgress(out), limits: fullBudget}
	cmd := &cobra.Command{
		Use:   "bench-queries",
		Short: "Measure every query, with and without partitions",
		Long: `Starts a PostgreSQL of its own and generates records, makes the same rows in one
table without partitions and with the same indexes, and measures each query on
both in turn. Then auditctl, as a process of its own, streams up to a million of
them.

Exit code 0: every query of ours stayed within its bound (95 of 100 runs below
100 ms, 500 ms for aggregates), and so did auditctl (first row in less than
200 ms, less than 64 MiB of memory). 1: not all did. The queries of the seed are
measured as printed and have no bound. The figures are written in any case.`,
		Example: `  go run ./test/load bench-queries --rows 10000000
  go run ./test/load bench-queries --rows 1000000 --dir out/bench --only report_  # and again, with the same data`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return b.run(cmd.Context()) },
	}
	b.flags(cmd, 1_000_000)
	flags := cmd.Flags()
	flags.StringVar(&b.dir, "dir", "", "directory for the data; a second run with the same rows, days and seed finds it there (default: a temporary one)")
	flags.StringVar(&b.only, "only", "", "measure only queries whose name matches this regular expression; \"stream\" is auditctl's")
	flags.StringVar(&b.out, "out", "out/queries.json", "file for the figures, as JSON")
	flags.StringVar(&b.findOut, "find-out", "out/find.json", "file for the figures of auditctl find, as JSON")
	return cmd
}

func (b *queryBench) run(ctx context.Context) (err error) {
	only, err := regexp.Compile(b.only)
	if err != nil {
		return fmt.Errorf("--only: %w", err)
	}
	d, err := b.dataset()
	if err != nil {
		return err
	}
	w, err := world.Start(ctx, world.Options{
		Dir: b.dir, PostgreSQL: true, PostgresSettings: slices.Concat(serverSettings, lessLog),
		Progress: func(format string, args ...any) { say(b.screen, "  "+format, args...) },
	})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, w.Stop()) }()
	d, err = b.prepare(ctx, w.Postgres.URL, d)
	if err != nil {
		return err
	}
	faults, err := b.queries(ctx, w.Postgres.URL, d, only)
	if err != nil {
		return err
	}
	if only.MatchString("stream") {
		slow, err := b.stream(ctx, w.Postgres.URL, d)
		if err != nil {
			return err
		}
		faults = append(faults, slow...)
	}
	if len(faults) > 0 {
		return fmt.Errorf("not within its bound: %s", strings.Join(faults, ", "))
	}
	return nil
}

// prepare fills both tables, unless a run before this one did.
func (b *queryBench) prepare(ctx context.Context, url string, d dataset) (dataset, error) {
	store, err := postgres.Open(ctx, postgres.Config{URL: url})
	if err != nil {
		return d, err
	}
	defer store.Close()
	if err := store.Migrate(ctx); err != nil {
		return d, err
	}
	db, err := openPool(ctx, url)
	if err != nil {
		return d, err
	}
	defer db.Close()
	if there, ok := b.reusable(ctx, db); ok {
		say(b.screen, "  the rows are there, %s", ago(there.until))
		return there, nil
	}
	f := fill{url: url, interval: audit.Monthly, data: d, progress: b.progress}
	if err := f.run(ctx); err != nil {
		return d, fmt.Errorf("generate: %w", err)
	}
	if err := flatten(ctx, db, b.progress); err != nil {
		return d, fmt.Errorf("make the table without partitions: %w", err)
	}
	if _, err := db.Exec(ctx, `CHECKPOINT`); err != nil {
		return d, err
	}
	return d, b.remember(ctx, db, d)
}

// memory is kept as the comment on the second schema once all rows are there.
type memory struct {
	Rows, Days int
	Seed       uint64
	Until      time.Time
}

func (b *queryBench) remember(ctx context.Context, db *pgxpool.Pool, d dataset) error {
	text, err := json.Marshal(memory{d.rows, d.days, d.seed, d.until})
	if err != nil {
		return err
	}
	_, err = db.Exec(ctx, `COMMENT ON SCHEMA `+flatSchema+` IS '`+string(text)+`'`)
	return err
}

// reusable returns the data set that is there, if it is the one we want; when
// it ends matters only if --until says so.
func (b *queryBench) reusable(ctx context.Context, db *pgxpool.Pool) (d dataset, ok bool) {
	var text string
	var m memory
	err := db.QueryRow(ctx, `SELECT obj_description(oid, 'pg_namespace') FROM pg_namespace WHERE nspname = $1`, flatSchema).Scan(&text)
	if err != nil || json.Unmarshal([]byte(text), &m) != nil || m.Rows != b.rows || m.Days != b.days || m.Seed != b.seed {
		return d, false
	}
	d, err = newDataset(m.Rows, m.Days, m.Seed, m.Until)
	return d, err == nil && (b.until == "" || b.until == m.Until.Format(time.RFC3339))
}

// queries measures all of them and writes the figures, also of those that
// missed their bound, whose names it returns.
func (b *queryBench) queries(ctx context.Context, url string, d dataset, only *regexp.Regexp) (faults []string, err error) {
	partitioned, closePartitioned, err := openTable(ctx, url)
	if err != nil {
		return nil, err
	}
	defer closePartitioned()
	other, err := flatURL(url)
	if err != nil {
		return nil, err
	}
	flat, closeFlat, err := openTable(ctx, other)
	if err != nil {
		return nil, err
	}
	defer closeFlat()

	seed, err := seedQuestions(ctx)
	if err != nil {
		return nil, err
	}
	values := newSamples(d)
	var all []measured
	say(b.screen, "\n%s", queryHeader)
	for _, q := range append(questions(), seed...) {
		if !only.MatchString(q.name) {
			continue
		}
		m, err := measure(ctx, q, b.limits, partitioned, flat, values)
		if err != nil {
			return nil, err
		}
		say(b.screen, "%s", m.line())
		all = append(all, m)
	}
	return missed(all), tool.WriteFigures(b.out, figuresOf(d.rows, all))
}

func openTable(ctx context.Context, url string) (*table, func(), error) {
	store, err := postgres.Open(ctx, postgres.Config{URL: url})
	if err != nil {
		return nil, nil, err
	}
	config, err := pgxpool.ParseConfig(url)
	if err != nil {
		return nil, nil, err
	}
	config.MaxConns = 1
	config.ConnConfig.DefaultQueryExecMode = pgx.QueryExecModeExec // as psql would ask
	db, err := pgxpool.NewWithConfig(ctx, config)
	if err != nil {
		return nil, nil, err
	}
	return &table{store, db}, func() { store.Close(); db.Close() }, nil
}

func ago(t time.Time) string { return fmt.Sprintf("until %s ago", time.Since(t).Round(time.Minute)) }
