package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"time"

	"github.com/go-logr/logr"
	"github.com/spf13/cobra"
	"sigs.k8s.io/controller-runtime/pkg/log"

	"github.com/auditflow/auditflow/test/tool"
	"github.com/auditflow/auditflow/test/world"
)

// startBench starts the controller on a crowd of objects that are marked already,
// and some that are not.
type startBench struct {
	objects int
	out     string
	screen  io.Writer
}

// startFigures is out/start.json.
type startFigures struct {
	Objects   int `json:"objects"`
	Unmarked  int `json:"unmarked"`
	Delivered int `json:"delivered"` // of those unmarked, with row and mark
	// Touched counts the marked objects that are not as they were.
	Touched int     `json:"touched"`
	PeakRSS float64 `json:"peak_rss_mib"` // of the controller
	// EmptyRSS is the same of a controller that has found no object.
	EmptyRSS float64 `json:"peak_rss_mib_without_objects"`
	// Per10000 is what 10,000 objects add.
	Per10000 float64 `json:"mib_per_10000_objects"`
	// Seconds from the controller's start until the last one unmarked is marked.
	Seconds float64 `json:"seconds"`
	// LookedSeconds until every object has been looked at.
	LookedSeconds float64 `json:"looked_at_all_seconds"`
	ObjectBytes   int     `json:"object_bytes"` // one of them, as the API server sends it
}

// mostMemory is what the controller may take, however many objects there are
// up to 50,000.
const mostMemory = 200 // MiB

func benchStartCommand(out io.Writer) *cobra.Command {
	b := startBench{screen: out}
	cmd := &cobra.Command{
		Use:   "bench-start",
		Short: "Measure how the controller starts where there are many objects",
		Long: `Starts a world of its own and fills it with executions that ended, 99 of 100 with
the mark that they are persisted; then starts worker and controller and measures how
much memory the controller takes at most (VmHWM), and how long it takes until those
without mark are delivered and marked. Afterwards every marked object must have the
resource version it had: nobody touched it. One execution is created through the API
server and cloned in etcd. Before that the controller is started without any, so that
what 10,000 objects add can be told.

Exit code 0: all are delivered, none was touched, and the controller took less than
200 MiB. 1: not so. The figures are written in any case.`,
		Example: "  go run ./test/load bench-start --objects 5000",
		Args:    cobra.NoArgs,
		RunE:    func(cmd *cobra.Command, _ []string) error { return b.run(cmd.Context()) },
	}
	flags := cmd.Flags()
	flags.IntVar(&b.objects, "objects", 50_000, "how many executions there are; 1 of 100 is not marked")
	flags.StringVar(&b.out, "out", "out/start.json", "file for the figures, as JSON")
	return cmd
}

func (b *startBench) run(ctx context.Context) error {
	if b.objects < 100 {
		return errors.New("--objects: want at least 100")
	}
	log.SetLogger(logr.Discard()) // our own client has nothing to say
	f, err := b.figures(ctx)
	if err != nil {
		return err
	}
	b.tell(f)
	return errors.Join(tool.WriteFigures(b.out, f), f.verdict())
}

// figures measures in a world of its own.
func (b *startBench) figures(ctx context.Context) (f startFigures, err error) {
	w, err := world.Start(ctx, world.Options{
		Kubernetes: true, Temporal: true, PostgreSQL: true,
		Progress: func(format string, args ...any) { say(b.screen, "  "+format, args...) },
	})
	if err != nil {
		return f, err
	}
	defer func() { err = errors.Join(err, w.Stop()) }()
	if err := w.Kube.InstallCRDs(ctx, filepath.Join("deploy", "crd")); err != nil {
		return f, err
	}
	product, err := w.NewProduct(ctx, world.ProductOptions{})
	if err != nil {
		return f, err
	}
	empty, err := b.empty(ctx, product)
	if err != nil {
		return f, err
	}
	c, err := newCrowd(ctx, w, b.objects)
	if err != nil {
		return f, err
	}
	defer c.db.Close()
	began := time.Now()
	if err := c.gather(ctx); err != nil {
		return f, err
	}
	say(b.screen, "\n  %d objects of %d bytes, %d of them unmarked (%.1f s)", b.objects, c.objectBytes, len(c.unmarked), time.Since(began).Seconds())
	if f, err = b.measure(ctx, product, c); err != nil {
		return f, err
	}
	f.EmptyRSS, f.Per10000 = empty, (f.PeakRSS-empty)*10_000/float64(b.objects)
	return f, nil
}

// empty is the memory of a controller that found no object, at most.
func (b *startBench) empty(ctx context.Context, product *world.Product) (mib float64, err error) {
	if err := product.Controller.Start(ctx); err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, product.Controller.Stop(context.WithoutCancel(ctx))) }()
	return peakMiB(product.Controller)
}

// measure starts the product, the worker first: it is the controller that counts.
func (b *startBench) measure(ctx context.Context, product *world.Product, c *crowd) (f startFigures, err error) {
	defer func() { err = errors.Join(err, product.Stop(context.WithoutCancel(ctx))) }()
	if err := product.Worker.Start(ctx); err != nil {
		return f, err
	}
	began := time.Now()
	if err := product.Controller.Start(ctx); err != nil {
		return f, err
	}
	f = startFigures{Objects: b.objects, Unmarked: len(c.unmarked), ObjectBytes: c.objectBytes}
	err = patiently(ctx, func() (bool, error) {
		f.Delivered, err = c.delivered(ctx)
		return f.Delivered == f.Unmarked, err
	})
	if err != nil {
		return f, fmt.Errorf("%d of %d are delivered: %w", f.Delivered, f.Unmarked, err)
	}
	f.Seconds = seconds(began)
	// What is listed at the start comes after what changes, so some wait still.
	err = patiently(ctx, func() (bool, error) {
		n, err := reconciled(ctx, product.Controller.URL)
		return n >= b.objects, err
	})
	if err != nil {
		return f, fmt.Errorf("until all objects were looked at: %w", err)
	}
	f.LookedSeconds = seconds(began)
	if f.Touched, err = c.touched(ctx); err != nil {
		return f, err
	}
	f.PeakRSS, err = peakMiB(product.Controller)
	return f, err
}

func peakMiB(p *world.Program) (float64, error) {
	peak, err := p.PeakMemory()
	return float64(peak*10>>20) / 10, err
}

func seconds(since time.Time) float64 { return float64(time.Since(since).Milliseconds()) / 1000 }

func (b *startBench) tell(f startFigures) {
	say(b.screen, "  %d of %d delivered after %.1f s, all looked at after %.1f s", f.Delivered, f.Unmarked, f.Seconds, f.LookedSeconds)
	say(b.screen, "  marked objects touched: %d; the controller's memory at most: %.1f MiB, may be %d", f.Touched, f.PeakRSS, mostMemory)
	say(b.screen, "  without objects it takes %.1f MiB; 10,000 add %.1f", f.EmptyRSS, f.Per10000)
}

func (f startFigures) verdict() error {
	var faults []error
	if f.Delivered != f.Unmarked {
		faults = append(faults, fmt.Errorf("%d of %d objects were not delivered", f.Unmarked-f.Delivered, f.Unmarked))
	}
	if f.Touched > 0 {
		faults = append(faults, fmt.Errorf("%d marked objects were touched", f.Touched))
	}
	if f.PeakRSS >= mostMemory {
		faults = append(faults, fmt.Errorf("the controller took %.1f MiB, at least the %d it may", f.PeakRSS, mostMemory))
	}
	return errors.Join(faults...)
}
