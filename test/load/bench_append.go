package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strconv"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/spf13/cobra"

	"github.com/auditflow/auditflow/audit"
	"github.com/auditflow/auditflow/store/postgres"
	"github.com/auditflow/auditflow/test/tool"
	"github.com/auditflow/auditflow/test/world"
)

//nolint:gochecknoglobals // a list of constants
var callerCounts = []int{1, 8, 64}

// appendBench compares the ways to write records.
type appendBench struct {
	scope
	rounds   int
	each     time.Duration
	out      string
	screen   io.Writer
	progress *progress
}

func benchAppendCommand(out io.Writer) *cobra.Command {
	b := appendBench{screen: out, progress: newProgress(out)}
	cmd := &cobra.Command{
		Use:   "bench-append",
		Short: "Measure Append beside INSERT and COPY",
		Long: `Starts a PostgreSQL of its own (it syncs to disk, as in production), with monthly
partitions and all indexes, and writes new records of 2 KiB into them: with Append,
1 and 100 at a time; with plain prepared INSERTs; with COPY, 100 at a time and as
one long stream; each from 1, 8 and 64 callers. They take turns, round after round,
so that a disk that slows down slows all of them, and each turn begins after a
checkpoint.

Exit code 0: Append of 100 rows reached 0.6 times the rows per second of COPY.
1: it did not. The figures are written in any case.`,
		Example: "  go run ./test/load bench-append --rounds 5 --each 3s",
		Args:    cobra.NoArgs,
		RunE:    func(cmd *cobra.Command, _ []string) error { return b.run(cmd.Context()) },
	}
	b.flags(cmd, 200_000)
	flags := cmd.Flags()
	flags.Lookup("rows").Usage = "how many records are in the table before"
	flags.IntVar(&b.rounds, "rounds", 3, "how often each has its turn")
	flags.DurationVar(&b.each, "each", 2*time.Second, "how long a turn is")
	flags.StringVar(&b.out, "out", "out/append.json", "file for the figures, as JSON")
	return cmd
}

func (b *appendBench) run(ctx context.Context) (err error) {
	d, err := b.dataset()
	if err != nil {
		return err
	}
	w, err := world.Start(ctx, world.Options{
		PostgreSQL: true, PostgresSettings: serverSettings,
		Progress: func(format string, args ...any) { say(b.screen, "  "+format, args...) },
	})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, w.Stop()) }()
	with, err := b.prepare(ctx, w.Postgres.URL, d)
	if err != nil {
		return err
	}
	defer with.store.Close()
	defer with.db.Close()

	from := &source{prepared: prepare(d), taken: new(atomic.Int64), now: d.until}
	results, err := b.compare(ctx, with, from, newMeter(w.Postgres.DataDir))
	if err != nil {
		return err
	}
	figures := appendFiguresOf(results)
	b.tell(results, figures)
	if err := tool.WriteFigures(b.out, figures); err != nil {
		return err
	}
	return figures.verdict()
}

// prepare brings the table to where it is in the middle of its life: some
// months are there, and the next one as well.
func (b *appendBench) prepare(ctx context.Context, url string, d dataset) (*writers, error) {
	most := callerCounts[len(callerCounts)-1]
	store, err := postgres.Open(ctx, postgres.Config{URL: url, MaxConns: int32(most)})
	if err != nil {
		return nil, err
	}
	if err := store.Migrate(ctx); err != nil {
		return nil, err
	}
	f := fill{url: url, interval: audit.Monthly, data: d, progress: b.progress}
	if err := f.run(ctx); err != nil {
		return nil, fmt.Errorf("generate: %w", err)
	}
	if _, err := store.EnsurePeriod(ctx, audit.PeriodOf(audit.Monthly, d.until.AddDate(0, 1, 0))); err != nil {
		return nil, err
	}
	config, err := pgxpool.ParseConfig(url)
	if err != nil {
		return nil, err
	}
	config.MaxConns = int32(most)
	db, err := pgxpool.NewWithConfig(ctx, config)
	return &writers{store, db}, err
}

// compare gives every cell its turn in every round, each round beginning with
// another one. The first round is not counted: connections are made, statements
// prepared.
func (b *appendBench) compare(ctx context.Context, with *writers, from *source, cpu meter) ([]*cell, error) {
	var cells []*cell
	for _, callers := range callerCounts {
		for _, w := range contenders() {
			cells = append(cells, &cell{writer: w, callers: callers})
		}
	}
	b.progress.begin("turns", len(cells)*(b.rounds+1))
	defer b.progress.end()
	for round := range b.rounds + 1 {
		for i := range cells {
			c := cells[(i+4*round)%len(cells)]
			limit := b.each
			if round == 0 {
				limit = b.each / 8
			}
			turn := cell{writer: c.writer, callers: c.callers}
			if err := turn.run(ctx, with, from, cpu, limit); err != nil {
				return nil, err
			}
			if round > 0 {
				c.rows, c.took, c.cpu = c.rows+turn.rows, c.took+turn.took, c.cpu.plus(turn.cpu)
			}
			b.progress.add(1)
		}
	}
	return cells, nil
}

func (b *appendBench) tell(cells []*cell, f appendFigures) {
	say(b.screen, "\n  writer            callers    rows/s   client ms/row   server ms/row")
	for _, c := range cells {
		callers := strconv.Itoa(c.callers)
		cost := f.CPU[c.writer.name][callers]
		say(b.screen, "  %-16s %8d %9.0f %15.3f %15.3f", c.writer.name, c.callers, c.rate(), cost.Client, cost.Server)
	}
	say(b.screen, "\n  Append of %d rows to COPY of as many, and to one long COPY:", batch)
	for _, callers := range callerCounts {
		key := strconv.Itoa(callers)
		say(b.screen, "  %8d callers: %.2f, %.2f", callers, f.ToCopy[key], f.ToStream[key])
	}
}
