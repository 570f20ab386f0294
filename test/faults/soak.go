package main

import (
	"context"
	"io"
	"sync"
	"time"

	"github.com/spf13/cobra"
)

func soakCommand(out, errs io.Writer) *cobra.Command {
	var o options
	var minutes int
	cmd := &cobra.Command{
		Use: "soak", Short: "Random faults, overlapping, and random kills of every process", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return o.soak(cmd.Context(), time.Duration(minutes)*time.Minute, out, errs)
		},
	}
	o.flags(cmd)
	cmd.Flags().IntVar(&minutes, "minutes", 60, "how long")
	return cmd
}

// round is how long a soak goes on before the judge speaks: he would have too much
// to read otherwise, and the API server too much to hold.
const round = 10 * time.Minute

func (o *options) soak(ctx context.Context, lasting time.Duration, out, errs io.Writer) error {
	r, say, err := o.runner(errs)
	if err != nil {
		return err
	}
	began, result := time.Now(), report{Seed: r.seed}
	for left := lasting; left > 0 && ctx.Err() == nil; left = lasting - time.Since(began) {
		f := soaking(min(round, left))
		say("%s of everything at once", min(round, left).Round(time.Second))
		figures := r.one(ctx, &f)
		figures.tell(say)
		result.add(figures)
		result.Seconds = tenths(time.Since(began))
		r.seed++ // another round is another one
		if !figures.Met {
			break
		}
	}
	if err := r.lower(ctx); err != nil {
		return err
	}
	return o.finish(out, &result)
}

// soaking is a fault of all of them.
func soaking(lasting time.Duration) fault {
	return fault{
		name: "soak", expectation: "lost 0, duplicates 0, leaked 0, acknowledged and absent 0",
		injection: "blows on every process and wire, at random and overlapping", load: usual(),
		inject: func(ctx context.Context, t *trial) error {
			ctx, cancel := context.WithTimeout(ctx, lasting)
			defer cancel()
			var wait sync.WaitGroup
			for _, victim := range t.victims() {
				wait.Go(func() { t.torment(ctx, victim) })
			}
			wait.Wait()
			return nil
		},
	}
}

// victim is somebody whom one blow hits at a time.
type victim struct {
	name string
	// pause is about how long it is left alone between two blows.
	pause time.Duration
	blows []func(ctx context.Context, t *trial) error
}

func (t *trial) victims() []victim {
	var all []victim
	for _, p := range t.programs() {
		all = append(all, victim{p.Name, 6 * time.Second, []func(context.Context, *trial) error{
			func(_ context.Context, t *trial) error { t.kill(p); t.runs.Add(1); return p.Launch() },
			func(_ context.Context, t *trial) error { t.kill(p); t.runs.Add(1); return p.Launch() },
			func(ctx context.Context, t *trial) error {
				return freeze(ctx, t, p, t.between(time.Second, 12*time.Second))
			},
		}})
	}
	wires := func(w *wire) []func(context.Context, *trial) error {
		return []func(context.Context, *trial) error{
			harming(w, toxic{"limit_data", "downstream", 1, map[string]int{"bytes": 0}}, 300*time.Millisecond),
			harming(w, toxic{"reset_peer", "upstream", 1, map[string]int{"timeout": 20}}, 300*time.Millisecond),
			harming(w, toxic{"latency", "downstream", 1, map[string]int{"latency": 500, "jitter": 100}}, 15*time.Second),
			harming(w, toxic{"bandwidth", "upstream", 1, map[string]int{"rate": 20}}, 10*time.Second),
		}
	}
	return append(all,
		victim{"PostgreSQL", 20 * time.Second, []func(context.Context, *trial) error{
			crashPostgres, crashPostgres,
			func(ctx context.Context, t *trial) error {
				return stopPostgres(ctx, t, t.between(time.Second, 20*time.Second))
			},
		}},
		victim{"Temporal", 30 * time.Second, []func(context.Context, *trial) error{
			func(ctx context.Context, t *trial) error { return killTemporal(ctx, t, t.between(0, 5*time.Second)) },
			func(ctx context.Context, t *trial) error { return stopTemporal(ctx, t, t.between(0, 20*time.Second)) },
		}},
		victim{"Kubernetes", 30 * time.Second, []func(context.Context, *trial) error{
			func(ctx context.Context, t *trial) error { return killAPIServer(ctx, t, t.between(0, 5*time.Second)) },
			func(ctx context.Context, t *trial) error { return killEtcd(ctx, t, t.between(0, 5*time.Second)) },
		}},
		victim{"the wire to PostgreSQL", 15 * time.Second, wires(t.database)},
		victim{"the wire to Temporal", 20 * time.Second, wires(t.engine)},
	)
}

func harming(w *wire, harm toxic, lasting time.Duration) func(context.Context, *trial) error {
	return func(ctx context.Context, t *trial) error { return spoiled(ctx, t, w, harm, lasting) }
}

// torment deals blows until ctx ends, each of which is made good before the next.
func (t *trial) torment(ctx context.Context, v victim) {
	for rest(ctx, t.between(v.pause/2, v.pause*3/2)) == nil {
		blow := v.blows[t.intN(len(v.blows))]
		// A server that does not come back while others are away is started at the end.
		if err := blow(ctx, t); err != nil && ctx.Err() == nil {
			t.say("    %s: %v", v.name, err)
		}
	}
}
