package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"path/filepath"

	"github.com/go-logr/logr"
	"github.com/spf13/cobra"
	"sigs.k8s.io/controller-runtime/pkg/log"

	"github.com/auditflow/auditflow/test/tool"
	"github.com/auditflow/auditflow/test/world"
)

// backlogBench delivers what has piled up, in batches and one by one.
type backlogBench struct {
	batched, single int // records
	size            int
	out             string
	screen          io.Writer
}

func benchBacklogCommand(out io.Writer) *cobra.Command {
	b := backlogBench{screen: out}
	cmd := &cobra.Command{
		Use:   "bench-backlog",
		Short: "Measure how a backlog is delivered, in batches and one by one",
		Long: `Starts a world of its own and lets executions complete while neither controller nor
worker runs; their Jobs are gone by then. The controller is started first: it hands
all of them over to Temporal. Once it has, the worker is started, and delivers them.
So both halves work on a backlog, the controller on objects, the worker on workflows,
and neither waits for the other; the processor time is that from the controller's
start to the last row, of the controller, the worker, Temporal (one process on
SQLite) and PostgreSQL with all its processes. The API server is not counted: it
costs the same either way. Marking goes on after the last row; it is told apart. What
is asked of the API server for each record is read from its own metrics.

This is done twice, one by one (audit_batch_size: 1) first, then in batches. Both
times a start of both programs is part of the figure, which favours the larger
number of records a little.

Exit code 0: every execution has its row. 1: some are lost. The figures are written
in any case.`,
		Example: "  go run ./test/load bench-backlog --records 2000 --single 500",
		Args:    cobra.NoArgs,
		RunE:    func(cmd *cobra.Command, _ []string) error { return b.run(cmd.Context()) },
	}
	flags := cmd.Flags()
	flags.IntVar(&b.batched, "records", 5000, "how many are delivered in batches")
	flags.IntVar(&b.single, "single", 1000, "how many are delivered one by one")
	flags.IntVar(&b.size, "size", 100, "audit_batch_size")
	flags.StringVar(&b.out, "out", "out/backlog.json", "file for the figures, as JSON")
	return cmd
}

func (b *backlogBench) run(ctx context.Context) error {
	log.SetLogger(logr.Discard()) // our own client has nothing to say
	single, batched, err := b.measure(ctx)
	if err != nil {
		return err
	}
	figures := backlogFiguresOf(single, batched)
	b.tell(single, batched, figures)
	if err := tool.WriteFigures(b.out, figures); err != nil {
		return err
	}
	if figures.Lost > 0 {
		return fmt.Errorf("%d executions have no row", figures.Lost)
	}
	return nil
}

// measure delivers two backlogs in a world of their own.
func (b *backlogBench) measure(ctx context.Context) (single, batched outcome, err error) {
	w, err := world.Start(ctx, world.Options{
		Kubernetes: true, Temporal: true, PostgreSQL: true, PostgresSettings: serverSettings,
		Progress: func(format string, args ...any) { say(b.screen, "  "+format, args...) },
	})
	if err != nil {
		return single, batched, err
	}
	defer func() { err = errors.Join(err, w.Stop()) }()
	if err := w.Kube.InstallCRDs(ctx, filepath.Join("deploy", "crd")); err != nil {
		return single, batched, err
	}
	if single, err = b.deliver(ctx, w, "single", b.single, 1); err != nil {
		return single, batched, fmt.Errorf("one by one: %w", err)
	}
	if batched, err = b.deliver(ctx, w, "batched", b.batched, b.size); err != nil {
		return single, batched, fmt.Errorf("in batches: %w", err)
	}
	return single, batched, nil
}

// deliver lets executions complete in a namespace of their own, and delivers them.
func (b *backlogBench) deliver(ctx context.Context, w *world.World, namespace string, records, size int) (o outcome, err error) {
	product, err := w.NewProduct(ctx, world.ProductOptions{Controller: []string{fmt.Sprintf("audit_batch_size: %d", size)}})
	if err != nil {
		return o, err
	}
	left, err := newBacklog(ctx, w, product, namespace)
	if err != nil {
		return o, err
	}
	defer left.close()
	say(b.screen, "\n  %s: %d executions complete", namespace, records)
	if err := left.fill(ctx, records); err != nil {
		return o, err
	}
	say(b.screen, "  %s: the controller starts, then the worker", namespace)
	defer func() { err = errors.Join(err, product.Stop(context.WithoutCancel(ctx))) }()
	if o, err = left.deliver(ctx); err != nil {
		return o, err
	}
	return o, left.clear(ctx)
}

func (b *backlogBench) tell(single, batched outcome, f backlogFigures) {
	say(b.screen, "\n  processor time, ms per record      controller   worker  Temporal  PostgreSQL       all    records a second")
	for _, o := range []struct {
		name string
		outcome
	}{{"one by one", single}, {"in batches", batched}} {
		say(b.screen, "  %-33s %11.2f %8.2f %9.2f %11.2f %9.2f %17.0f", o.name, o.per(o.cpu.controller), o.per(o.cpu.worker),
			o.per(o.cpu.temporal), o.per(o.cpu.postgres), o.per(o.cpu.all()), o.rate())
	}
	say(b.screen, "\n  requests to the API server per record in batches: %s", batched.requests)
	say(b.screen, "\n  %d records in %d workflows; one by one costs %.1f times as much, %.1f times without the controller; lost: %d",
		batched.records, batched.workflows, f.Ratio, f.RatioWithoutController, f.Lost)
}
