package worker

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"go.temporal.io/api/serviceerror"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/worker"
	"go.temporal.io/sdk/workflow"
)

// Deployment is a version of a Temporal worker deployment: Temporal gives its
// workers only what is routed to that version. The zero value is none; then any
// worker of the task queue may get any task.
type Deployment struct {
	Name    string // no dots
	BuildID string
}

// options has running workflows go over to whichever version is current, with
// their next task: a delivery that waits for PostgreSQL would otherwise wait for a
// worker that has long been replaced. That all versions understand all histories
// is what the replay tests are for.
func (d Deployment) options() worker.DeploymentOptions {
	if d.Name == "" {
		return worker.DeploymentOptions{}
	}
	return worker.DeploymentOptions{
		UseVersioning:             true,
		Version:                   worker.WorkerDeploymentVersion{DeploymentName: d.Name, BuildID: d.BuildID},
		DefaultVersioningBehavior: workflow.VersioningBehaviorAutoUpgrade,
	}
}

// Announce makes the first version that a deployment ever has the current one:
// without one, nobody would take tasks. Whoever deploys the next decides when it
// gets how much. It says which version is current and returns; it tries until then.
func (d Deployment) Announce(ctx context.Context, c client.Client, log *slog.Logger) {
	if d.Name == "" {
		return
	}
	log = log.With("deployment", d.Name, "build_id", d.BuildID)
	for pause := 100 * time.Millisecond; ; pause = min(2*pause, time.Minute) {
		current, err := d.announce(ctx, c)
		switch {
		case err == nil && current == d.BuildID:
			log.Info("this version is current: it gets tasks")
			return
		case err == nil:
			log.Warn("another version is current: this one gets no tasks but those that are ramped to it", "current_build_id", current,
				"cure", fmt.Sprintf("temporal worker deployment set-current-version --deployment-name %s --build-id %s", d.Name, d.BuildID))
			return
		case ctx.Err() != nil:
			return
		case pause > time.Second: // a version is known a moment after its first poll
			log.Warn("whether this version is current is not known", "retry_in", pause.String(), "error", err)
		}
		select {
		case <-ctx.Done():
			return
		case <-time.After(pause):
		}
	}
}

// announce returns the build id of the current version, "" where unversioned
// workers are.
func (d Deployment) announce(ctx context.Context, c client.Client) (current string, err error) {
	ctx, cancel := context.WithTimeout(ctx, 30*time.Second)
	defer cancel()
	handle := c.WorkerDeploymentClient().GetHandle(d.Name)
	is, err := handle.Describe(ctx, client.WorkerDeploymentDescribeOptions{})
	if err != nil {
		return "", fmt.Errorf("describe the deployment: %w", err)
	}
	routing := is.Info.RoutingConfig
	switch {
	case routing.CurrentVersion != nil:
		return routing.CurrentVersion.BuildID, nil
	case !routing.CurrentVersionChangedTime.IsZero(): // somebody went back to workers without a version
		return "", nil
	}
	_, err = handle.SetCurrentVersion(ctx, client.WorkerDeploymentSetCurrentVersionOptions{BuildID: d.BuildID, ConflictToken: is.ConflictToken})
	var faster *serviceerror.FailedPrecondition
	if errors.As(err, &faster) {
		return "", fmt.Errorf("another process changed the deployment meanwhile, or this one does not poll yet: %w", err)
	}
	if err != nil {
		return "", fmt.Errorf("make the first version current: %w", err)
	}
	return d.BuildID, nil
}
