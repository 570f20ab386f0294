package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"github.com/go-logr/logr"
	"github.com/spf13/cobra"
	"sigs.k8s.io/controller-runtime/pkg/log"

	"github.com/auditflow/auditflow/audit"
	"github.com/auditflow/auditflow/test/load/price"
	"github.com/auditflow/auditflow/test/load/turn"
	"github.com/auditflow/auditflow/test/tool"
	"github.com/auditflow/auditflow/workflows"
)

func benchCommand(out, errs io.Writer) *cobra.Command {
	b := price.Bench{Screen: errs}
	var file string
	cmd := &cobra.Command{
		Use:   "bench",
		Short: "Measure what one record costs, beside its floor and its peers",
		Long: `Starts Temporal on a PostgreSQL of its own, and another PostgreSQL for the audit trail, and delivers records
in every way there is, in turns and rounds: one workflow per record, in natural batches, in one process; beside a
workflow that does nothing and beside what one would use instead. Whoever works is a process of its own, whose
processor time is read from /proc.

Exit code 0: all bounds are kept. 1: one is missed, or something failed. The figures are written in any case.`,
		Example: "  go run ./test/load bench --quick\n  go run ./test/load bench --only modes",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			log.SetLogger(logr.Discard())
			d, err := newDataset(chunkRows, 1, 1, time.Now())
			if err != nil {
				return err
			}
			b.Records = func(size, n int) []audit.Record { return prepareSized(d, size, n) }
			b.Controller = func(ctx context.Context) (price.Controller, error) { return measureController(ctx, errs) }
			figures, err := b.Run(cmd.Context())
			figures.Tell(out)
			return errors.Join(err, tool.WriteFigures(file, figures))
		},
	}
	flags := cmd.Flags()
	flags.BoolVar(&b.Quick, "quick", false, "2 minutes instead of 28, with the figures that come of it")
	flags.StringSliceVar(&b.Only, "only", nil, "some parts: "+strings.Join(price.Parts(), ", "))
	flags.StringVar(&b.Dir, "dir", "", "keep data and logs of the servers in this new directory")
	flags.StringVar(&file, "out", "out/bench.json", "file for the figures, as JSON")
	return cmd
}

// processCommand is for the processes of bench, and for nobody else.
func processCommand() *cobra.Command {
	var p price.Place
	cmd := &cobra.Command{
		Use: "process ROLE", Short: "work for a benchmark, as it is told on standard input", Hidden: true, Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error { return work(cmd.Context(), args[0], p) },
	}
	flags := cmd.Flags()
	flags.StringVar(&p.Temporal, "temporal", "", "address of Temporal")
	flags.StringVar(&p.Namespace, "namespace", "default", "namespace in Temporal")
	flags.StringVar(&p.KeysetFile, "keyset-file", "", "keys that seal records")
	flags.StringVar(&p.Service, "service", "", "address of the storage service")
	flags.StringVar(&p.DatabaseURL, "database-url", "", "PostgreSQL of the audit trail")
	return cmd
}

func work(ctx context.Context, role string, p price.Place) error {
	serve := func(ctx context.Context, works map[string]turn.Work) error {
		return turn.Serve(ctx, works, os.Stdin, os.Stdout)
	}
	roles := price.Roles()
	roles[price.RoleWriter], roles[price.RoleSeedClient], roles[price.RoleSeedService] = runWriter, runSeedClient, runSeedService
	run, known := roles[role]
	if !known {
		return fmt.Errorf("there is no role %q", role)
	}
	return run(ctx, p, serve)
}

// measureController delivers a backlog and starts on a crowd, as bench-backlog and
// bench-start do, each in a world of its own.
func measureController(ctx context.Context, screen io.Writer) (c price.Controller, err error) {
	const completions, singles, objects = 3000, 500, 50_000
	backlog := backlogBench{batched: completions, single: singles, size: workflows.DefaultBatchRecords, screen: screen}
	single, batched, err := backlog.measure(ctx)
	if err != nil {
		return c, fmt.Errorf("a backlog: %w", err)
	}
	if lost := single.lost + batched.lost; lost > 0 {
		return c, fmt.Errorf("a backlog: %d executions have no row", lost)
	}
	start := startBench{objects: objects, screen: screen}
	crowd, err := start.figures(ctx)
	if err != nil {
		return c, fmt.Errorf("a start on %d objects: %w", objects, err)
	}
	if crowd.Touched > 0 {
		return c, fmt.Errorf("a start on %d objects: %d marked ones were touched", objects, crowd.Touched)
	}
	return price.Controller{
		Completions: completions, CPUSingle: single.per(single.cpu.controller + single.marking), CPUBatched: batched.per(batched.cpu.controller + batched.marking),
		Requests: batched.requests, Objects: objects, PeakRSS: crowd.PeakRSS, EmptyRSS: crowd.EmptyRSS, Per10000: crowd.Per10000,
		Seconds: crowd.Seconds, LookedSeconds: crowd.LookedSeconds,
	}, nil
}
