package main

import (
	"context"
	"time"
)

// Faults of Temporal and of Kubernetes.
func serverFaults() []fault {
	return []fault{
		{
			number: 20, name: "Temporal away", expectation: "nothing is acknowledged meanwhile that is not safe; the controller tries again", quick: true, load: usual(),
			injection: "stopped for 5 minutes (half of --outage), then killed 80 times",
			inject: outage(func(ctx context.Context, t *trial) error {
				if err := stopTemporal(ctx, t, t.outage/2); err != nil {
					return err
				}
				for range sooner(t, 80, 3) {
					if err := rest(ctx, t.between(time.Second, 4*time.Second)); err != nil {
						return err
					}
					if err := killTemporal(ctx, t, t.between(0, time.Second)); err != nil {
						return err
					}
				}
				return nil
			}),
		},
		{
			number: 23, name: "Kubernetes API restarts", expectation: "watches end, caches are stale, nothing is missed", quick: true, outlasts: true,
			load:      load{writers: 3, pause: 10 * time.Millisecond, clients: 1, batch: 20, rhythm: time.Second, atLeast: 500},
			injection: "API server killed 40 times, etcd 20 times",
			inject: func(ctx context.Context, t *trial) error {
				for range sooner(t, 40, 3) {
					if err := rest(ctx, t.between(500*time.Millisecond, 4*time.Second)); err != nil {
						return err
					}
					if err := killAPIServer(ctx, t, t.between(0, time.Second)); err != nil {
						return err
					}
				}
				for range sooner(t, 20, 2) {
					if err := rest(ctx, t.between(500*time.Millisecond, 4*time.Second)); err != nil {
						return err
					}
					if err := killEtcd(ctx, t, t.between(0, time.Second)); err != nil {
						return err
					}
				}
				return nil
			},
		},
		{
			number: 24, name: "deleted as soon as it has ended", expectation: "the finalizer holds: missed 0", quick: true,
			load:      load{writers: 4, deletes: true, atLeast: 500},
			injection: "every execution ends as soon as it is held and is deleted at once, while the controller is killed 20 times where it lets go",
			inject: func(ctx context.Context, t *trial) error {
				if err := rest(ctx, sooner(t, 60*time.Second, 5*time.Second)); err != nil {
					return err
				}
				t.kill(t.product.Worker) // nothing is persisted meanwhile, so that Temporal is all that has the records
				return dieAt(ctx, t, t.product.Controller, "deliver.letting-go", sooner(t, 20, 3), 20)
			},
			failpoints: []string{"deliver.letting-go"},
		},
	}
}
