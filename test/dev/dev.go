package main

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"time"
)

// pace is how often an execution begins in dev.
const pace = 2 * time.Second

// trickle lets executions of random kinds begin until ctx ends, and prints each
// when its row is there. Being told to end is no error.
func trickle(ctx context.Context, o options, s *screen) (err error) {
	st, err := raise(ctx, o.keep, s)
	if err != nil {
		if ctx.Err() != nil {
			return nil
		}
		return err
	}
	defer func() { err = errors.Join(err, st.close(ctx)) }()
	s.say("\na world to look at, until Ctrl-C:")
	st.addresses(s)
	s.say("  Metrics      %s/metrics (controller), %s/metrics (worker), %s/metrics (API)",
		st.product.Controller.URL, st.product.Worker.URL, st.product.API.URL)
	s.say("  Logs         %s", st.LogDir())
	s.say("\n%s", s.header())

	took := st.drip(ctx, s)
	s.say("\n%d executions persisted; lag p50 %.0f ms, p99 %.0f ms; stopping …",
		len(took), milliseconds(percentile(took, 50)), milliseconds(percentile(took, 99)))
	return nil
}

// drip starts executions at their pace and returns the lags of those that were
// persisted, when ctx has ended and none is in flight.
func (st *stage) drip(ctx context.Context, s *screen) []time.Duration {
	var mu sync.Mutex
	var lags []time.Duration
	var flying sync.WaitGroup
	ticks := time.NewTicker(pace)
	defer ticks.Stop()
	order := rand.Perm(len(st.kinds())) // each kind comes before one comes again
	for serial := 1; ctx.Err() == nil; serial++ {
		flying.Go(func() {
			l, err := st.one(ctx, order[serial%len(order)], serial)
			switch {
			case ctx.Err() != nil:
			case err != nil:
				s.say("  %s %v", s.paint(red, "✗"), err)
			default:
				s.say("%s", s.line(l))
				mu.Lock()
				defer mu.Unlock()
				lags = append(lags, l.lag)
			}
		})
		select {
		case <-ticks.C:
		case <-ctx.Done():
		}
	}
	flying.Wait()
	return lags
}

// kinds are those of the demonstration that need no other, with fresh secrets.
func (st *stage) kinds() []scenario {
	return slices.DeleteFunc(cases(st.executor.Client, &plants{}), func(c scenario) bool { return c.alone })
}

// one runs an execution of a kind and waits for its row.
func (st *stage) one(ctx context.Context, kind, serial int) (line, error) {
	c := st.kinds()[kind]
	c.name = fmt.Sprintf("%s-%s%d", c.name, random(lower, 2), serial) // an earlier run may have left its own
	completion, err := c.run(ctx, st.executor)
	if err != nil {
		return line{}, fmt.Errorf("run %s: %w", c.name, err)
	}
	var found []row
	err = await(ctx, "the row of "+c.name, func(ctx context.Context) (bool, error) {
		// Somebody may be trying what happens when PostgreSQL is away.
		found, err = rowsOf(ctx, st.db, string(completion.UID))
		return err == nil && len(found) > 0, nil
	})
	if err != nil {
		return line{}, err
	}
	return lineOf(finished{c, completion}, found[0]), nil
}
