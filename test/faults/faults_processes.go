package main

import (
	"context"
	"fmt"
	"time"

	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/api/workflowservice/v1"

	"github.com/auditflow/auditflow/test/world"
)

// Faults of the product's own processes.
func processFaults() []fault {
	once := func(ctx context.Context, t *trial) error { return t.nothingStartedTwice(ctx) }
	return []fault{
		{
			number: 1, name: "worker killed", expectation: "lost 0, duplicates 0", quick: true, load: usual(),
			injection: "SIGKILL every 0.2–2 s, 200 times; before it could answer that it has redacted, 20 times",
			inject:    killWorker, failpoints: []string{"deliver.redacted"},
		},
		{
			number: 2, name: "controller killed between start and mark", expectation: "same workflow id, no execution delivered by two workflows of its own",
			injection: "SIGKILL at 0.2–2 s, 120 times; at each step between hold and mark, 15 times",
			quick:     true, load: load{writers: 3, clients: 1, batch: 20, rhythm: time.Second, atLeast: 1000},
			inject: killController, settled: once, failpoints: controllerSteps(),
		},
		{
			number: 3, name: "worker killed after commit, before acknowledgement", expectation: "the retry inserts 0 rows",
			injection: "SIGKILL after the commit, 60 times; between two statements of one batch, 20 times",
			quick:     true, load: usual(),
			inject: killAfterCommit, failpoints: []string{"deliver.persisted", "deliver.stored"},
		},
		{
			number: 4, name: "HTTP door killed around its answer", expectation: "what was answered 201 has its row",
			injection: "SIGKILL at 0.2–2 s, 150 times; when the answer is ready and not yet written, 40 times; between members of a batch, 10 times",
			quick:     true, load: load{clients: 6, batch: 20, rhythm: 500 * time.Millisecond, atLeast: 2000},
			inject: killDoor, failpoints: []string{"deliver.batch-accepted", "deliver.accepted", "deliver.batch-member"},
		},
		{
			number: 25, name: "two controllers, the leader killed or frozen", expectation: "no effect twice",
			injection: "the leader is killed, then one is frozen for 30 s (SIGSTOP) and the other takes over, by turns",
			load:      usual(), inject: twoControllers, heal: oneController, settled: once,
		},
	}
}

func killWorker(ctx context.Context, t *trial) error {
	if err := killLoop(ctx, t, t.product.Worker, sooner(t, 200, 10), 200*time.Millisecond, 2*time.Second); err != nil {
		return err
	}
	return dieAt(ctx, t, t.product.Worker, "deliver.redacted", sooner(t, 20, 2), 5)
}

// controllerSteps lie between its first and its last word on an execution.
func controllerSteps() []string {
	return []string{"deliver.holding", "deliver.started", "deliver.marking", "deliver.marked"}
}

func killController(ctx context.Context, t *trial) error {
	if err := killLoop(ctx, t, t.product.Controller, sooner(t, 120, 8), 200*time.Millisecond, 2*time.Second); err != nil {
		return err
	}
	for _, point := range controllerSteps() {
		if err := dieAt(ctx, t, t.product.Controller, point, sooner(t, 15, 2), 20); err != nil {
			return err
		}
	}
	return nil
}

func killAfterCommit(ctx context.Context, t *trial) error {
	if err := dieAt(ctx, t, t.product.Worker, "deliver.persisted", sooner(t, 60, 5), 5); err != nil {
		return err
	}
	return dieAt(ctx, t, t.product.Worker, "deliver.stored", sooner(t, 20, 2), 5)
}

func killDoor(ctx context.Context, t *trial) error {
	if err := killLoop(ctx, t, t.product.API, sooner(t, 150, 10), 200*time.Millisecond, 2*time.Second); err != nil {
		return err
	}
	if err := dieAt(ctx, t, t.product.API, "deliver.batch-accepted", sooner(t, 30, 3), 10); err != nil {
		return err
	}
	singles := load{label: "one-", clients: 2, rhythm: 20 * time.Millisecond, wait: true}
	if err := t.beside(ctx, singles, func(ctx context.Context) error {
		return dieAt(ctx, t, t.product.API, "deliver.accepted", sooner(t, 10, 2), 3)
	}); err != nil {
		return err
	}
	keyed := load{label: "key-", clients: 2, batch: 20, keyed: true, rhythm: 100 * time.Millisecond}
	return t.beside(ctx, keyed, func(ctx context.Context) error {
		return dieAt(ctx, t, t.product.API, "deliver.batch-member", sooner(t, 10, 2), 15)
	})
}

const (
	electing = "leader_election: {namespace: default}"
	alone    = "leader_election: {enabled: false}"
)

func twoControllers(ctx context.Context, t *trial) error {
	first := t.product.Controller
	t.kill(first)
	if err := t.reconfigure(first, alone, electing); err != nil {
		return err
	}
	second, err := first.Replica("controller-2")
	if err != nil {
		return err
	}
	t.second = second
	if err := first.Start(ctx); err != nil {
		return err
	}
	if err := second.Launch(); err != nil {
		return err
	}
	for range sooner(t, 4, 1) {
		if err := handOver(ctx, t, first, second); err != nil {
			return err
		}
	}
	return nil
}

// handOver freezes the leader until the other has taken over, and kills that one
// when it has led for a while.
func handOver(ctx context.Context, t *trial, leader, other *world.Program) error {
	if err := rest(ctx, 3*time.Second); err != nil {
		return err
	}
	if err := freeze(ctx, t, leader, 30*time.Second); err != nil {
		return err
	}
	// Who was frozen for longer than his lease finds that he leads no more, and ends.
	if err := until(ctx, 30*time.Second, "the frozen leader to notice", func(context.Context) error {
		if leader.Running() {
			return fmt.Errorf("%s still runs", leader.Name)
		}
		return nil
	}); err != nil {
		t.complain("%v", err)
		t.kill(leader)
	}
	if err := leader.Launch(); err != nil {
		return err
	}
	if err := rest(ctx, 3*time.Second); err != nil {
		return err
	}
	t.kill(other)
	t.runs.Add(1)
	if err := rest(ctx, 20*time.Second); err != nil { // its lease has to run out
		return err
	}
	return other.Launch()
}

func oneController(_ context.Context, t *trial) error {
	if t.second == nil {
		return nil
	}
	t.kill(t.second)
	t.kill(t.product.Controller)
	return t.reconfigure(t.product.Controller, electing, alone)
}

// nothingStartedTwice asks Temporal whether any execution was delivered to its end
// by two runs of its own workflow.
func (t *trial) nothingStartedTwice(ctx context.Context) error {
	ended := map[string]int{}
	request := &workflowservice.ListWorkflowExecutionsRequest{Namespace: t.Temporal.Namespace, PageSize: 1000, Query: `WorkflowType = "DeliverAudit"`}
	for {
		page, err := t.temporal.ListWorkflow(ctx, request)
		if err != nil {
			return fmt.Errorf("list deliveries: %w", err)
		}
		for _, info := range page.GetExecutions() {
			if info.GetStatus() == enumspb.WORKFLOW_EXECUTION_STATUS_COMPLETED {
				ended[info.GetExecution().GetWorkflowId()]++
			}
		}
		if request.NextPageToken = page.GetNextPageToken(); len(request.NextPageToken) == 0 {
			break
		}
	}
	for id, times := range ended {
		if times > 1 {
			t.complain("%s was carried out %d times", id, times)
		}
	}
	return nil
}
