package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"time"

	"github.com/spf13/cobra"

	"github.com/auditflow/auditflow/test/tool"
)

func main() { os.Exit(tool.Run(command(os.Stdout, os.Stderr), os.Args[1:], os.Stdout, os.Stderr)) }

func command(out, errs io.Writer) *cobra.Command {
	root := &cobra.Command{
		Use:   "faults",
		Short: "Prove that nothing is lost, nothing is there twice and nothing leaks, whatever breaks",
		Long: `Raises etcd, kube-apiserver, Temporal and PostgreSQL, all of which write to disk what
they say they have written, and auditflow as processes; loads them, does harm, heals
it, and compares what should be there with what is. docs/reliability.md tells how.

Run this from the root of the module, after "make tools".`,
	}
	root.AddCommand(runCommand(out, errs), soakCommand(out, errs), listCommand(out), failpointsCommand(out), reportCommand(out))
	return root
}

// options are what runs have in common.
type options struct {
	faults []int
	quick  bool
	seed   uint64
	outage time.Duration
	store  string
	from   string
	dir    string
	format string
	path   string
}

func (o *options) flags(cmd *cobra.Command) {
	flags := cmd.Flags()
	flags.Uint64Var(&o.seed, "seed", 0, "of all that is left to chance; 0: one is chosen and told")
	flags.StringVar(&o.store, "temporal", temporalSQLite, "where Temporal keeps its state: sqlite, or postgres as in production (a server of its own; \"tools/build.sh temporal-server\" first)")
	flags.StringVar(&o.dir, "dir", "", "directory for data and logs of the servers, which are kept; default: a temporary one")
	flags.StringVarP(&o.format, "output", "o", "text", "text, or json for the report on standard output")
	flags.StringVar(&o.path, "report", "out/faults.json", "file for the report, as JSON")
}

func runCommand(out, errs io.Writer) *cobra.Command {
	var o options
	cmd := &cobra.Command{
		Use:   "run",
		Short: "Inject faults one after the other; exit code 1 unless every expectation is met",
		Args:  cobra.NoArgs,
		RunE:  func(cmd *cobra.Command, _ []string) error { return o.run(cmd.Context(), out, errs) },
	}
	o.flags(cmd)
	cmd.Flags().IntSliceVar(&o.faults, "fault", nil, "numbers of the matrix, as in 1,7; default: all")
	cmd.Flags().BoolVar(&o.quick, "quick", false, "a selection, each for a short while (< 10 min)")
	cmd.Flags().DurationVar(&o.outage, "outage", 0, "how long PostgreSQL is away for long, Temporal and both for half of it (default 10m, quick 20s)")
	cmd.Flags().StringVar(&o.from, "from", "", "commit or tag whose programs fault 33 upgrades from and goes back to (default: the last tag before this commit; if there is none, the commit before)")
	return cmd
}

func (o *options) run(ctx context.Context, out, errs io.Writer) error {
	chosen, err := choose(o.faults, o.quick)
	if err != nil {
		return err
	}
	r, say, err := o.runner(errs)
	if err != nil {
		return err
	}
	began, result := time.Now(), report{Seed: r.seed}
	for i := range chosen {
		f := &chosen[i]
		if f.why != "" {
			say("fault %d, %s: %s", f.number, f.name, f.why)
			result.NotInjected = append(result.NotInjected, notInjected{f.number, f.name, f.why})
			continue
		}
		say("fault %d, %s: %s", f.number, f.name, f.injection)
		figures := r.one(ctx, f)
		result.add(figures)
		figures.tell(say)
		result.Seconds = tenths(time.Since(began))
		if err := tool.WriteFigures(o.path, result); err != nil { // what is known is kept, whatever comes
			return err
		}
		if ctx.Err() != nil {
			break
		}
	}
	return errors.Join(r.lower(ctx), o.finish(out, &result), ctx.Err())
}

func (o *options) runner(errs io.Writer) (*runner, func(string, ...any), error) {
	if o.format != "text" && o.format != "json" {
		return nil, nil, fmt.Errorf("--output %s: want text or json", o.format)
	}
	if _, err := storeOf(o.store); err != nil {
		return nil, nil, err
	}
	if o.seed == 0 {
		o.seed = rand.Uint64() >> 12 // which fits into a number of JSON
	}
	if o.outage == 0 {
		o.outage = 10 * time.Minute
		if o.quick {
			o.outage = 20 * time.Second
		}
	}
	began := time.Now()
	say := func(format string, args ...any) {
		fmt.Fprintf(errs, "%6.1f s  "+format+"\n", append([]any{time.Since(began).Seconds()}, args...)...)
	}
	say("seed %d", o.seed)
	return &runner{seed: o.seed, quick: o.quick, outage: o.outage, store: o.store, from: o.from, dir: o.dir, say: say}, say, nil
}

func (o *options) finish(out io.Writer, r *report) error {
	if err := tool.WriteFigures(o.path, r); err != nil {
		return err
	}
	if o.format == "json" {
		enc := json.NewEncoder(out)
		enc.SetIndent("", "  ")
		if err := enc.Encode(r); err != nil {
			return err
		}
	} else {
		fmt.Fprintf(out, "%d faults, %d kills, %d completions: %d lost, %d twice, %d leaked, %d acknowledged and not there (seed %d)\n",
			len(r.Faults), r.Kills, r.Completions, r.Lost, r.Duplicates, r.Leaked, r.Absent, r.Seed)
	}
	return r.verdict()
}

// tell says how a fault went.
func (f figures) tell(say func(string, ...any)) {
	word := "met"
	if !f.Met {
		word = "NOT MET"
	}
	say("  %s: %d runs, %d kills, %d completions, %d acknowledged: %d lost, %d twice, %d leaked, %d absent; the last row %.1f s after healing (%.0f s)",
		word, f.Runs, f.Kills, f.Completions, f.Acknowledged, f.Lost, f.Duplicates, f.Leaked, f.Absent, f.Delay, f.Seconds)
	for _, c := range f.Complaints {
		say("    %s", c)
	}
	if f.Error != "" {
		say("    %s", f.Error)
	}
}

func listCommand(out io.Writer) *cobra.Command {
	return &cobra.Command{
		Use: "list", Short: "The matrix: what is expected, how it is injected, or why it cannot be", Args: cobra.NoArgs,
		Run: func(*cobra.Command, []string) { list(out) },
	}
}

func failpointsCommand(out io.Writer) *cobra.Command {
	return &cobra.Command{
		Use: "failpoints", Short: "Every failpoint in the code, and the faults that kill somebody there", Args: cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error { return listFailpoints(out, ".") },
	}
}

func reportCommand(out io.Writer) *cobra.Command {
	return &cobra.Command{
		Use: "report [FILE...]", Short: "The table of docs/reliability.md, from one report or several",
		Long: `The table of docs/reliability.md, from one report or several (default: out/faults.json).

All that was tried counts in the sums. Of a fault that is in several reports the
last file's line is shown; the others are told below the table if they met less.`,
		RunE: func(_ *cobra.Command, args []string) error {
			if len(args) == 0 {
				args = []string{"out/faults.json"}
			}
			var all report
			for _, path := range args {
				r, err := readReport(path)
				if err != nil {
					return fmt.Errorf("%s: %w", path, err)
				}
				all.join(r)
			}
			all.markdown(out)
			return nil
		},
	}
}
