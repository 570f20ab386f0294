package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/auditflow/auditflow/audit"

	"github.com/auditflow/auditflow/test/tool"
	"github.com/auditflow/auditflow/test/world"
)

const module = "github.com/auditflow/auditflow"

// benchSettings are about memory, checkpoints, and what a line of the server's log
// begins with; all else is as PostgreSQL ships it.
//
//nolint:gochecknoglobals // a list of constants
var benchSettings = []string{"shared_buffers=1GB", "max_wal_size=16GB", "checkpoint_timeout=30min", "wal_compression=on", "log_line_prefix=%m [%p] %e "}

// bench measures what maintenance costs and proves what it promises.
type bench struct {
	rows     int // of the period that is archived
	lockRows int // in the table while writers are watched
	rounds   int // of archiving, in turn with COPY
	years    int // simulated; 0 for none
	seed     uint64
	only     []string
	out      string
	screen   io.Writer
	progress *ticker

	dir   string // of this run, removed at its end
	load  string // the program that generates rows
	world *world.World
}

// The parts of the benchmark, by the names that --only takes.
const (
	partLocks      = "locks"
	partSpeed      = "speed"
	partSimulation = "simulation"
)

func benchCommand(out io.Writer) *cobra.Command {
	b := bench{screen: out, progress: newTicker(out)}
	cmd := &cobra.Command{
		Use:   "bench",
		Short: "Measure maintenance under load, and the archive",
		Long: `Starts a PostgreSQL of its own and measures
  locks       how long writers at full speed wait for locks that maintenance holds
              or wants, while a reader keeps a snapshot open; beside pg_partman,
              where it is installed
  speed       a period of --rows rows archived beside COPY TO STDOUT of the same
              rows: time, bytes, memory; read back, restored, read by DuckDB
  simulation  --years of a simulated clock, with outages

Exit code 0: every bound was kept. 1: not all were; those that were not are named.
The figures are written in any case. docs/performance.md tells how to read them.`,
		Example: `  go run ./test/maintenance bench --rows 10000000
  go run ./test/maintenance bench --rows 50000 --lock-rows 20000 --only locks,speed`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return b.run(cmd.Context()) },
	}
	cmd.AddCommand(archiveCommand(out))
	flags := cmd.Flags()
	flags.IntVar(&b.rows, "rows", 1_000_000, "how many records the archived period has")
	flags.IntVar(&b.lockRows, "lock-rows", 150_000, "how many records, of a year, are in the table that is written to")
	flags.IntVar(&b.rounds, "rounds", 3, "how often the period is archived, in turn with COPY")
	flags.IntVar(&b.years, "years", 2, "how many years are simulated; ten take 10 to 20 minutes")
	flags.Uint64Var(&b.seed, "seed", 1, "of the records, the writers and the simulation")
	flags.StringSliceVar(&b.only, "only", nil, "parts to do, of locks, speed and simulation (default: all)")
	flags.StringVar(&b.out, "out", "out/maintenance.json", "file for the figures, as JSON")
	return cmd
}

// run does the parts and writes what they found, also of those that missed a
// bound.
func (b *bench) run(ctx context.Context) (err error) {
	parts, err := b.parts()
	if err != nil {
		return err
	}
	if b.dir, err = os.MkdirTemp("", "auditflow-bench-"); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(b.dir)) }()
	f := &figures{}
	for _, part := range parts {
		say(b.screen, "\n%s", part.title)
		began := time.Now()
		if err := part.measure(ctx, f); err != nil {
			return fmt.Errorf("%s: %w", part.name, err)
		}
		f.Seconds += seconds(time.Since(began))
	}
	if err := tool.WriteFigures(b.out, f); err != nil {
		return err
	}
	say(b.screen, "\n%s", b.out)
	return f.verdict()
}

type part struct {
	name, title string
	measure     func(context.Context, *figures) error
}

func (b *bench) parts() (chosen []part, err error) {
	all := []part{
		{partLocks, "writers beside maintenance", b.inWorld(b.measureLocks)},
		{partSpeed, fmt.Sprintf("a period of %d rows, archived", b.rows), b.inWorld(b.measureSpeed)},
		{partSimulation, fmt.Sprintf("%d years", b.years), b.simulate},
	}
	left := map[string]bool{}
	for _, name := range b.only {
		left[name] = true
	}
	for _, p := range all {
		if len(b.only) == 0 || left[p.name] {
			chosen = append(chosen, p)
		}
		delete(left, p.name)
	}
	for name := range left {
		return nil, fmt.Errorf("--only: there is no part %q; want %s, %s or %s", name, partLocks, partSpeed, partSimulation)
	}
	if b.rows < 1 || b.lockRows < 1 || b.rounds < 1 {
		return nil, errors.New("--rows, --lock-rows, --rounds: want at least one of each")
	}
	return chosen, nil
}

// inWorld gives a part a PostgreSQL of its own, and the generator.
func (b *bench) inWorld(measure func(context.Context, *figures) error) func(context.Context, *figures) error {
	return func(ctx context.Context, f *figures) (err error) {
		if b.load == "" {
			path := filepath.Join(b.dir, "load")
			if out, err := exec.CommandContext(ctx, "go", "build", "-o", path, module+"/test/load").CombinedOutput(); err != nil {
				return fmt.Errorf("build the generator: %w: %s", err, out)
			}
			b.load = path
		}
		b.world, err = world.Start(ctx, world.Options{
			PostgreSQL: true, PostgresSettings: benchSettings,
			Progress: func(format string, args ...any) { say(b.screen, "  "+format, args...) },
		})
		if err != nil {
			return err
		}
		defer func() { err = errors.Join(err, b.world.Stop()) }()
		return measure(ctx, f)
	}
}

// generate fills the audit table of a database with records of the last days
// before an instant.
func (b *bench) generate(ctx context.Context, address string, rows, days int, until time.Time) error {
	cmd := exec.CommandContext(ctx, b.load, "generate", "--rows", strconv.Itoa(rows), "--days", strconv.Itoa(days),
		"--seed", strconv.FormatUint(b.seed, 10), "--until", until.Format(time.RFC3339))
	cmd.Env = append(os.Environ(), "AUDITFLOW_DATABASE_URL="+address)
	var complaint strings.Builder
	cmd.Stdout, cmd.Stderr = b.screen, &complaint
	if err := cmd.Run(); err != nil {
		return fmt.Errorf("generate records: %w: %s", err, complaint.String())
	}
	return nil
}

// simulate lives through the years, as the command of that name does.
func (b *bench) simulate(ctx context.Context, f *figures) error {
	if b.years == 0 {
		return nil
	}
	lived, err := simulate(ctx, simulationConfig{
		Years: b.years, Seed: b.seed, Mode: audit.RetainPartitions, Daily: 3, Screen: b.screen,
	})
	if err != nil {
		return err
	}
	f.Simulation = lived
	if err := lived.bad(); err != nil {
		f.miss("simulation: %v", err)
	}
	return nil
}
