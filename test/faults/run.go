package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	kubeclient "sigs.k8s.io/controller-runtime/pkg/client"

	v1 "github.com/auditflow/auditflow/api/v1"
)

// runner runs faults one after the other on a stage that they share, as long as
// they leave it in order.
type runner struct {
	seed   uint64
	quick  bool
	outage time.Duration
	store  string
	from   string
	dir    string
	say    func(format string, args ...any)

	stage *stage
	small bool // what the stage is like
}

// one runs a fault and returns its figures. That it could not be carried out is in
// them, too.
func (r *runner) one(ctx context.Context, f *fault) figures {
	began := time.Now()
	t, err := r.try(ctx, f)
	result := figuresOf(f, t, r.seed, err)
	result.Seconds = tenths(time.Since(began))
	leave := r.lower
	if err == nil && !f.outlasts && !f.small && result.Met && result.Completions <= crowd {
		leave = func(ctx context.Context) error { return r.clear(ctx, t) }
	}
	if left := leave(ctx); left != nil && result.Error == "" {
		result.Error, result.Met = left.Error(), false
	}
	return result
}

// crowd is how many executions are removed rather than left behind with their
// cluster: removing more takes longer than raising another stage.
const crowd = 3000

func (r *runner) try(ctx context.Context, f *fault) (t *trial, err error) {
	if err := r.raise(ctx, f); err != nil {
		return nil, err
	}
	t = newTrial(r.stage, f, r.seed, r.quick, r.say)
	t.outage, t.from = r.outage, r.from
	ns := &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: t.name}}
	if err := r.stage.executor.Client.Create(ctx, ns); err != nil {
		return t, fmt.Errorf("create namespace: %w", err)
	}
	if f.prepare != nil {
		if err := f.prepare(ctx, t); err != nil {
			return t, err
		}
	}
	unwatch, err := t.watch(ctx)
	if err != nil {
		return t, err
	}
	if err = t.ordeal(ctx); err == nil {
		err = t.conclude(ctx)
	}
	unwatch()
	return t, err
}

// raise makes sure that there is a stage that suits.
func (r *runner) raise(ctx context.Context, f *fault) (err error) {
	if r.stage != nil && r.small == f.small {
		return nil
	}
	if err := r.lower(ctx); err != nil {
		return err
	}
	r.say("starting the servers …")
	ctx, cancel := context.WithTimeout(ctx, 20*time.Minute) // most of it to build, where nothing is built yet
	defer cancel()
	r.stage, err = raise(ctx, r.store, r.dir, f.small, r.say)
	r.small = f.small
	return err
}

func (r *runner) lower(ctx context.Context) error {
	if r.stage == nil {
		return nil
	}
	st := r.stage
	r.stage = nil
	return st.lower(ctx)
}

// ordeal is the fault under load, from before it to after it is healed.
func (t *trial) ordeal(ctx context.Context) error {
	stop := make(chan struct{})
	loaded := make(chan error, 1)
	go func() { loaded <- t.fault.load.run(ctx, t, stop) }()
	err := t.harm(ctx, loaded)
	close(stop)
	select {
	case loading := <-loaded:
		return errors.Join(err, loading)
	case <-time.After(persistence + time.Minute):
		return errors.Join(err, errors.New("the load does not end"))
	}
}

// warm is how many completions there are before anything is done.
const warm = 20

func (t *trial) harm(ctx context.Context, loaded chan error) error {
	enough := func(n int) func(context.Context) error {
		return func(context.Context) error {
			select {
			case err := <-loaded:
				loaded <- err
				return fmt.Errorf("the load ended: %w", err)
			default:
			}
			if have := t.books.Completions(); have < n {
				return fmt.Errorf("there are %d", have)
			}
			return nil
		}
	}
	quota := t.fault.load.atLeast
	if err := until(ctx, time.Minute, "the load to begin", enough(min(warm, quota))); err != nil {
		return err
	}
	err := t.fault.inject(ctx, t)
	if t.fault.heal != nil {
		err = errors.Join(err, t.fault.heal(context.WithoutCancel(ctx), t))
	}
	revived := t.revive(context.WithoutCancel(ctx))
	t.healed = time.Now()
	if err = errors.Join(err, revived); err != nil {
		return err
	}
	return until(ctx, 5*time.Minute, fmt.Sprintf("%d completions", quota), enough(quota))
}

// conclude has the judge speak, and looks at what else was expected.
func (t *trial) conclude(ctx context.Context) (err error) {
	t.say("  %d completions, %d kills; waiting for their rows …", t.books.Completions(), t.kills.Load())
	if t.verdict, err = t.settle(ctx); err != nil {
		return err
	}
	if n := t.books.Unacknowledged(); n > 0 {
		t.complain("%d executions are persisted and not marked", n)
	}
	if t.fault.settled != nil {
		if err := t.fault.settled(ctx, t); err != nil {
			return err
		}
		if t.verdict, err = t.settle(ctx); err != nil { // it may have moved rows, into the archive for one
			return err
		}
	}
	for _, example := range t.verdict.Examples {
		t.complain("%s", example)
	}
	if err := t.provoke(ctx); err != nil {
		return err
	}
	t.leaked, err = t.leaks(ctx)
	return err
}

// clear removes the executions of a trial, lest the next ones have to carry them.
func (r *runner) clear(ctx context.Context, t *trial) error {
	if r.stage == nil {
		return nil
	}
	c := r.stage.executor.Client
	return until(ctx, 10*time.Minute, "the executions to be removed", func(ctx context.Context) error { // one request does not get far in its minute
		return c.DeleteAllOf(ctx, &v1.KubernetesExecution{}, kubeclient.InNamespace(t.name))
	})
}
