package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/spf13/cobra"

	"github.com/auditflow/auditflow/test/load/fire"
	"github.com/auditflow/auditflow/test/tool"
	"github.com/auditflow/auditflow/test/world"
)

// httpBench is the HTTP door at saturation, killed now and then.
type httpBench struct {
	seconds, connections, kills int
	seed                        uint64
	out                         string
	screen                      io.Writer
}

func benchHTTPCommand(out io.Writer) *cobra.Command {
	b := httpBench{screen: out}
	cmd := &cobra.Command{
		Use:   "bench-http",
		Short: "Post to the HTTP door at saturation while it and the worker are killed",
		Long: `Starts Temporal's development server, a PostgreSQL that syncs to disk, cmd/api and
cmd/worker, and posts records of 2 KiB over so many connections, each as fast as
it is answered. Meanwhile api and worker are killed (SIGKILL) at random moments
and started again. A client that is refused waits as it is told; one that hears
nothing tries again. Afterwards every record that was answered 201 must have
exactly one row.

Exit code 0: it has. 1: some were lost or are there twice. The figures are written
in any case.`,
		Example: "  go run ./test/load bench-http --seconds 10 --kills 2",
		Args:    cobra.NoArgs,
		RunE:    func(cmd *cobra.Command, _ []string) error { return b.run(cmd.Context()) },
	}
	flags := cmd.Flags()
	flags.IntVar(&b.seconds, "seconds", 60, "how long the load lasts")
	flags.IntVar(&b.connections, "connections", 64, "how many clients post at once")
	flags.IntVar(&b.kills, "kills", -1, "how often api and worker are each killed (default: once every five seconds)")
	flags.Uint64Var(&b.seed, "seed", 1, "of the moments at which they are")
	flags.StringVar(&b.out, "out", "out/http.json", "file for the figures, as JSON")
	return cmd
}

func (b *httpBench) run(ctx context.Context) (err error) {
	if b.seconds < 1 || b.connections < 1 {
		return errors.New("--seconds and --connections: want at least 1")
	}
	if b.kills < 0 {
		b.kills = b.seconds / 5
	}
	w, err := world.Start(ctx, world.Options{
		Temporal: true, PostgreSQL: true,
		Progress: func(format string, args ...any) { say(b.screen, "  "+format, args...) },
	})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, w.Stop()) }()
	say(b.screen, "  building and starting auditflow …")
	product, err := w.NewProduct(ctx, world.ProductOptions{})
	if err != nil {
		return err
	}
	if err := product.Start(ctx); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, product.Stop(context.WithoutCancel(ctx))) }()
	figures, err := b.measure(ctx, product)
	if err != nil {
		return err
	}
	if err := tool.WriteFigures(b.out, figures); err != nil {
		return err
	}
	return figures.verdict()
}

// drainPatience is longer than anything that a delivery waits for once everything
// runs again: 20 s between attempts, 10 s for the task of a worker that died.
const drainPatience = time.Minute

func (b *httpBench) measure(ctx context.Context, product *world.Product) (f httpFigures, err error) {
	db, err := pgxpool.New(ctx, product.DatabaseURL)
	if err != nil {
		return f, err
	}
	defer db.Close()
	say(b.screen, "  %d s over %d connections, %d kills of api and worker each …", b.seconds, b.connections, b.kills)
	result, err := fire.Ordeal{
		Fire: fire.Fire{URL: product.API.URL, Token: product.Token, Run: "bench-http", Connections: b.connections},
		Door: product.API, Worker: product.Worker, Lasts: time.Duration(b.seconds) * time.Second, Kills: b.kills, Seed: b.seed,
	}.Run(ctx)
	if err != nil {
		return f, err
	}
	if err := ctx.Err(); err != nil {
		return f, err
	}
	say(b.screen, "  %d accepted; waiting for their rows …", result.Accepted())
	outcome, err := result.Settle(ctx, db, drainPatience)
	if err != nil {
		return f, err
	}
	f = httpFiguresOf(result, outcome)
	b.tell(f)
	return f, nil
}

func (b *httpBench) tell(f httpFigures) {
	say(b.screen, "\n  %d requests in %.1f s: %v", f.Requests, f.Seconds, f.Answers)
	say(b.screen, "  %d records accepted (%.0f/s), %d rows, %d lost, %d twice", f.Accepted, f.RecordsPerSecond, f.Rows, f.Lost, f.Duplicates)
	say(b.screen, "  answered 201 in p50 %.0f ms, p99 %.0f ms; nobody was for at most %.1f s", f.P50, f.P99, f.LongestGapSeconds)
	say(b.screen, "  killed: api %d times, worker %d times; peak RSS %d MiB and %d MiB; the last row came %.1f s after the load",
		f.KillsAPI, f.KillsWorker, f.PeakRSS, f.WorkerPeakRSS, f.DrainSeconds)
}

// httpFigures is out/http.json.
type httpFigures struct {
	Seconds           float64        `json:"seconds"`
	Requests          int            `json:"requests"`
	Answers           map[string]int `json:"answers"` // by status; none: nothing was heard
	Accepted          int            `json:"accepted"`
	Lost              int            `json:"lost"`
	Duplicates        int            `json:"duplicates"`
	Rows              int            `json:"rows"` // what was not answered may have arrived
	RecordsPerSecond  float64        `json:"records_per_second"`
	P50               float64        `json:"p50_ms"`
	P99               float64        `json:"p99_ms"`
	LongestGapSeconds float64        `json:"longest_gap_seconds"`
	DrainSeconds      float64        `json:"drain_seconds"`
	KillsAPI          int            `json:"kills_api"`
	KillsWorker       int            `json:"kills_worker"`
	PeakRSS           int64          `json:"peak_rss_mib"` // of the API's processes, the largest
	WorkerPeakRSS     int64          `json:"worker_peak_rss_mib"`
}

func httpFiguresOf(r fire.Result, o fire.Outcome) httpFigures {
	tenths := func(d time.Duration) float64 { return math.Round(10*d.Seconds()) / 10 }
	return httpFigures{
		Seconds: tenths(r.Took), Requests: r.Requests(), Answers: r.Answers,
		Accepted: r.Accepted(), Lost: o.Lost, Duplicates: o.Duplicates, Rows: o.Rows,
		RecordsPerSecond: math.Round(float64(r.Accepted()) / r.Took.Seconds()),
		P50:              milliseconds(r.Latency(50)), P99: milliseconds(r.Latency(99)),
		LongestGapSeconds: tenths(r.Gap), DrainSeconds: tenths(o.Drained),
		KillsAPI: r.Door.Times, KillsWorker: r.Worker.Times, PeakRSS: r.Door.Peak >> 20, WorkerPeakRSS: r.Worker.Peak >> 20,
	}
}

func (f httpFigures) verdict() error {
	switch {
	case f.Accepted == 0:
		return errors.New("not one record was accepted")
	case f.Lost > 0 || f.Duplicates > 0:
		return fmt.Errorf("of %d records that were answered 201, %d have no row; %d records have more than one", f.Accepted, f.Lost, f.Duplicates)
	}
	return nil
}
