package main

import (
	"context"
	"fmt"
	"sync"

	"golang.org/x/sync/errgroup"

	"github.com/auditflow/auditflow/test/world"
)

// atOnce bounds the executions in flight: enough to overlap, few enough that
// the lag is that of the product and not of a crowd.
const atOnce = 5

// finished is an execution whose end the executor saw acknowledged.
type finished struct {
	scenario   scenario
	completion world.Completion
}

// runAll runs the scenarios in their order, atOnce at a time, and returns them in
// the order in which they ended. It tells progress after each.
func runAll(ctx context.Context, e *world.Executor, all []scenario, progress func(done int)) ([]finished, error) {
	var mu sync.Mutex
	var done []finished
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(atOnce)
	for _, s := range all {
		group.Go(func() error {
			completion, err := s.run(ctx, e)
			if err != nil {
				return fmt.Errorf("run %s: %w", s.name, err)
			}
			mu.Lock()
			defer mu.Unlock()
			done = append(done, finished{s, completion})
			progress(len(done))
			return nil
		})
	}
	err := group.Wait()
	return done, err
}
