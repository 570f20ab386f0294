package main

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/auditflow/auditflow/test/faults/judge"
)

// load is what goes on while a fault does. The zero value is none.
type load struct {
	// label tells the names of two loads of one trial apart.
	label string
	// writers end executions in the cluster, as fast as the API server takes them but
	// for the pause of each.
	writers int
	pause   time.Duration
	// deletes: an execution ends as soon as it is held, and is deleted at once.
	deletes bool
	// clients post batches of records of this size, each with a pause between them.
	clients int
	batch   int
	rhythm  time.Duration
	// keyed: each batch has an Idempotency-Key, with which all of it is posted again.
	keyed bool
	// wait: clients post one record at a time and wait until it is persisted.
	wait bool
	// age of the records that clients post.
	age time.Duration
	// atLeast so many completions there must be before the load ends.
	atLeast int
}

// usual is a load that two processors take with all servers and the product on them,
// and have something left for what heals: some 80 completions a second.
func usual() load {
	return load{writers: 2, pause: 20 * time.Millisecond, clients: 2, batch: 40, rhythm: 2 * time.Second, atLeast: 1000}
}

// run loads until told to stop, and then until everything that it has begun is
// done, for which it takes at most so long.
func (l load) run(ctx context.Context, t *trial, stop <-chan struct{}) error {
	group, ctx := errgroup.WithContext(ctx)
	var serial atomic.Int64
	for n := range l.writers {
		w := writer{load: l, trial: t, number: n, serial: &serial}
		group.Go(func() error { return w.run(ctx, stop) })
	}
	for n := range l.clients {
		c := newPoster(l, t, n, &serial)
		group.Go(func() error { return c.run(ctx, stop) })
	}
	return group.Wait()
}

func stopped(stop <-chan struct{}) bool {
	select {
	case <-stop:
		return true
	default:
		return false
	}
}

// persistence is how long somebody goes on who was not answered, once the load is
// told to stop: by then everything runs again.
const persistence = 3 * time.Minute

var errUnanswered = errors.New("nobody answered")

// persist tries until it is done or, after the load was told to stop, for
// [persistence].
func persist(ctx context.Context, stop <-chan struct{}, what string, try func(ctx context.Context) error) error {
	var since time.Time
	for {
		attempt, cancel := context.WithTimeout(ctx, 20*time.Second)
		err := try(attempt)
		cancel()
		if err == nil {
			return nil
		}
		if since.IsZero() && stopped(stop) {
			since = time.Now()
		}
		if ctx.Err() != nil || !since.IsZero() && time.Since(since) > persistence {
			return fmt.Errorf("%s: %w: %w", what, errUnanswered, err)
		}
		if err := rest(ctx, 100*time.Millisecond); err != nil {
			return err
		}
	}
}

// author makes the executions of one load.
func (t *trial) author(name string, serial int) judge.Execution {
	x := judge.Execution{Name: name, Action: "scale-deployment", Success: serial%10 != 0}
	x.Output, x.Secret = t.secrets.text(serial, name)
	return x
}

// beside runs a second load for as long as something lasts.
func (t *trial) beside(ctx context.Context, l load, do func(context.Context) error) error {
	stop := make(chan struct{})
	loaded := make(chan error, 1)
	go func() { loaded <- l.run(ctx, t, stop) }()
	err := do(ctx)
	if err == nil {
		err = t.revive(ctx) // or the load cannot end
	}
	close(stop)
	return errors.Join(err, <-loaded)
}
