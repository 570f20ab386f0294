package main

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/auditflow/auditflow/test/world"
)

// Faults of an upgrade. The database is migrated by this tree: the release before
// must be able to live on it.
func upgradeFaults() []fault {
	return []fault{{
		number: 33, name: "upgraded and rolled back under load",
		expectation: "both releases work side by side: lost 0, duplicates 0, and every history is understood by both",
		injection:   "worker, controller and HTTP door exchanged for those of the release before (--from) and back, one started beside the other, which ends by SIGTERM and by SIGKILL by turns, 10 times; then by versions of a worker deployment",
		load:        load{writers: 1, pause: 50 * time.Millisecond, clients: 1, batch: 10, rhythm: time.Second, atLeast: 500},
		prepare:     buildEarlier, inject: upgrades, heal: latest,
		settled: func(ctx context.Context, t *trial) error {
			return errors.Join(t.nothingStartedTwice(ctx), t.allUnderstood(ctx))
		},
	}}
}

// A release is one of the two whose programs are exchanged.
const (
	releaseBefore = "before"
	releaseThis   = "this"
)

// seat is a place that one of two programs fills, or both for a moment.
type seat struct {
	this, before *world.Program
	// family is of the metric that counts what such a program has done.
	family string
}

// upgrade is what a trial knows of the programs of two releases.
type upgrade struct {
	seats    []seat // in the order in which they are exchanged
	extra    []*world.Program
	releases map[int]string // of processes, by their id, with which their identity ends
}

func upgrades(ctx context.Context, t *trial) (err error) {
	u := &upgrade{releases: map[int]string{}}
	t.upgrade = u
	for _, s := range []seat{
		{this: t.product.Worker, family: "auditflow_records_total"},
		{this: t.product.Controller, family: "auditflow_batch_records_count"},
		{this: t.product.API, family: "auditflow_http_records_total"},
	} {
		if s.before, err = s.this.ReplicaOf(s.this.Name+"-before", t.others); err != nil {
			return err
		}
		u.releases[s.this.PID()] = releaseThis
		u.seats, u.extra = append(u.seats, s), append(u.extra, s.before)
	}
	for n := range sooner(t, 10, 2) {
		t.say("  there and back %d …", n+1)
		for _, to := range []string{releaseBefore, releaseThis} {
			for _, s := range u.seats {
				if err := u.exchange(ctx, t, s, to, n%2 == 1); err != nil {
					return err
				}
			}
		}
	}
	if err := t.whole(ctx, 5*time.Minute); err != nil {
		return err
	}
	t.say("  by versions …")
	return u.byVersions(ctx, t)
}

// exchange has a program of one release take the place of the other's. What it
// leaves unfinished the next one has to go on with: PostgreSQL cannot be reached
// for a moment before a worker goes, so that there is some.
func (u *upgrade) exchange(ctx context.Context, t *trial, s seat, to string, killed bool) error {
	comes, goes := s.this, s.before
	if to == releaseBefore {
		comes, goes = s.before, s.this
	}
	if err := u.start(ctx, comes, to); err != nil {
		return err
	}
	t.attend(u.doors())
	if err := u.work(ctx, t, s, comes, goes); err != nil {
		return err
	}
	if goes == t.product.API || comes == t.product.API {
		t.attend([]string{comes.URL}) // as a Service does, which tells nobody of who is about to go
	}
	if s.this == t.product.Worker {
		if err := u.leaveUnfinished(ctx, t); err != nil {
			return err
		}
	}
	if err := end(ctx, t, goes, killed); err != nil {
		return err
	}
	t.database.mend(ctx)
	t.runs.Add(1)
	return u.work(ctx, t, s, comes)
}

func end(ctx context.Context, t *trial, p *world.Program, killed bool) error {
	if killed {
		t.kill(p)
		return nil
	}
	return p.Stop(ctx)
}

// start runs a program and remembers of which release its process is.
func (u *upgrade) start(ctx context.Context, p *world.Program, release string) error {
	if err := p.Start(ctx); err != nil {
		return err
	}
	u.releases[p.PID()] = release
	return nil
}

// doors are those that are open.
func (u *upgrade) doors() (addresses []string) {
	s := u.seats[len(u.seats)-1]
	for _, p := range []*world.Program{s.this, s.before} {
		if p.Running() {
			addresses = append(addresses, p.URL)
		}
	}
	return addresses
}

// leaveUnfinished has deliveries that wait for PostgreSQL, in the middle of their
// workflows.
func (u *upgrade) leaveUnfinished(ctx context.Context, t *trial) error {
	if err := t.database.spoil(toxic{Kind: "reset_peer", Stream: "upstream", Toxicity: 1, Attributes: map[string]int{"timeout": 0}}); err != nil {
		return err
	}
	return rest(ctx, 1500*time.Millisecond)
}

// work complains unless each of some programs does something from now on.
func (u *upgrade) work(ctx context.Context, t *trial, s seat, programs ...*world.Program) error {
	already := make([]float64, len(programs))
	for i, p := range programs {
		var err error
		if already[i], err = total(ctx, p.URL, s.family); err != nil {
			return err
		}
	}
	for i, p := range programs {
		err := until(ctx, 45*time.Second, p.Name+" to do something", func(ctx context.Context) error {
			done, err := total(ctx, p.URL, s.family)
			if err == nil && done <= already[i] {
				err = fmt.Errorf("%s is %.0f", s.family, done)
			}
			return err
		})
		if ctx.Err() != nil {
			return err
		}
		if err != nil {
			t.complain("%v", err)
		}
	}
	return nil
}

// latest leaves this tree's programs alone on the stage.
func latest(_ context.Context, t *trial) error {
	if t.upgrade == nil {
		return nil
	}
	for _, p := range t.upgrade.extra {
		t.kill(p)
	}
	t.attend(nil)
	return nil
}

// allUnderstood looks at the histories of the trial and at what the workers have
// said: no release may fail to understand a history, and some histories must have
// been handed from one to the other, or nothing was shown.
func (t *trial) allUnderstood(ctx context.Context) error {
	h, err := t.histories(ctx)
	if err != nil {
		return err
	}
	t.figure("histories", float64(h.read))
	t.figure("histories_of_both_releases", float64(h.shared))
	for _, release := range []string{releaseBefore, releaseThis} {
		t.figure("workflows_started_by_"+release, float64(h.started[release]))
		t.figure("workflow_tasks_by_"+release, float64(h.tasks[release]))
		if h.started[release] == 0 || h.tasks[release] == 0 {
			t.complain("release %q started %d workflows and answered %d tasks", release, h.started[release], h.tasks[release])
		}
	}
	if h.shared == 0 {
		t.complain("no history was begun by one release and gone on with by the other")
	}
	for _, cause := range slices.Sorted(maps.Keys(h.failed)) {
		t.complain("%d workflow tasks failed: %s", h.failed[cause], cause)
	}
	return t.noneMisunderstood()
}
