package main

import (
	"context"
	"fmt"
	"time"

	"go.temporal.io/sdk/client"

	"github.com/auditflow/auditflow/test/world"
)

// byVersions upgrades the worker as docs/architecture.md tells, "Versions of
// workers": both releases are versions of one deployment, the newer gets half of the
// tasks, then all, then the older gets all again. In the end no version is current.
func (u *upgrade) byVersions(ctx context.Context, t *trial) error {
	s, err := u.versioned(t)
	if err != nil {
		return err
	}
	if err := u.start(ctx, s.before, releaseBefore); err != nil {
		return err
	}
	deployment := t.temporal.WorkerDeploymentClient().GetHandle(t.name)
	if err := until(ctx, 5*time.Minute, "the first version to make itself current", briefly(func(ctx context.Context) error {
		return isCurrent(ctx, deployment, releaseBefore)
	})); err != nil {
		return err
	}
	if err := u.only(ctx, t, s, s.before, t.product.Worker); err != nil {
		return err
	}
	if err := u.start(ctx, s.this, releaseThis); err != nil {
		return err
	}
	if err := u.ramp(ctx, t, s, deployment); err != nil {
		return err
	}
	if err := route(ctx, deployment, releaseThis); err != nil {
		return err
	}
	if err := u.only(ctx, t, s, s.this, s.before); err != nil {
		return err
	}
	if err := u.start(ctx, s.before, releaseBefore); err != nil {
		return err
	}
	if err := route(ctx, deployment, releaseBefore); err != nil {
		return err
	}
	if err := u.only(ctx, t, s, s.before, s.this); err != nil {
		return err
	}
	return route(ctx, deployment, "") // those without a version
}

// versioned are the worker of either release as a version of one deployment.
func (u *upgrade) versioned(t *trial) (s seat, err error) {
	s.family = u.seats[0].family
	for _, w := range []struct {
		program *world.Program
		release string
		at      **world.Program
	}{{u.seats[0].before, releaseBefore, &s.before}, {t.product.Worker, releaseThis, &s.this}} {
		p, err := w.program.Replica("worker-version-" + w.release)
		if err != nil {
			return s, err
		}
		section := fmt.Sprintf("worker: {deployment: %s, build_id: %s}\nkeyset_file:", t.name, w.release)
		if err := t.reconfigure(p, "keyset_file:", section); err != nil {
			return s, err
		}
		*w.at, u.extra = p, append(u.extra, p)
	}
	return s, nil
}

// ramp gives this release half of the tasks and waits until both work.
func (u *upgrade) ramp(ctx context.Context, t *trial, s seat, deployment client.WorkerDeploymentHandle) error {
	if err := until(ctx, 5*time.Minute, "half of the tasks to go to this release", briefly(func(ctx context.Context) error {
		_, err := deployment.SetRampingVersion(ctx, client.WorkerDeploymentSetRampingVersionOptions{BuildID: releaseThis, Percentage: 50})
		return err // it is known a moment after its first poll
	})); err != nil {
		return err
	}
	t.runs.Add(1)
	return u.work(ctx, t, s, s.this, s.before)
}

// only leaves the work to one worker: the other is killed with deliveries under way.
func (u *upgrade) only(ctx context.Context, t *trial, s seat, stays, goes *world.Program) error {
	if err := u.leaveUnfinished(ctx, t); err != nil {
		return err
	}
	t.kill(goes)
	t.database.mend(ctx)
	t.runs.Add(1)
	return u.work(ctx, t, s, stays)
}

// route makes a version the current one; "" are workers without a version.
func route(ctx context.Context, deployment client.WorkerDeploymentHandle, version string) error {
	return until(ctx, 5*time.Minute, fmt.Sprintf("version %q to be current", version), briefly(func(ctx context.Context) error {
		if isCurrent(ctx, deployment, version) == nil {
			return nil
		}
		_, err := deployment.SetCurrentVersion(ctx, client.WorkerDeploymentSetCurrentVersionOptions{BuildID: version})
		return err
	}))
}

func isCurrent(ctx context.Context, deployment client.WorkerDeploymentHandle, version string) error {
	is, err := deployment.Describe(ctx, client.WorkerDeploymentDescribeOptions{})
	if err != nil {
		return err
	}
	id, v := "", is.Info.RoutingConfig.CurrentVersion
	if v != nil {
		id = v.BuildID
	}
	if id != version {
		return fmt.Errorf("it is %q", id)
	}
	return nil
}

// briefly bounds one attempt: a server under load may forget a question.
func briefly(try func(ctx context.Context) error) func(ctx context.Context) error {
	return func(ctx context.Context) error {
		ctx, cancel := context.WithTimeout(ctx, 20*time.Second)
		defer cancel()
		return try(ctx)
	}
}
