package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"time"

	"go.temporal.io/api/common/v1"
	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/api/history/v1"
	"go.temporal.io/api/workflowservice/v1"
	"golang.org/x/sync/errgroup"
)

// historyTally is what the histories of a trial tell of the releases that worked on
// them.
type historyTally struct {
	releases map[int]string

	mu      sync.Mutex
	read    int
	shared  int            // of whose workflow tasks both releases have answered some
	started map[string]int // by release: workflows
	tasks   map[string]int // by release: workflow tasks answered
	failed  map[string]int // workflow tasks, by cause
}

func newHistoryTally(releases map[int]string) *historyTally {
	return &historyTally{releases: releases, started: map[string]int{}, tasks: map[string]int{}, failed: map[string]int{}}
}

// histories reads those of all deliveries of the trial.
func (t *trial) histories(ctx context.Context) (*historyTally, error) {
	tally := newHistoryTally(t.upgrade.releases)
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(8)
	request := &workflowservice.ListWorkflowExecutionsRequest{
		Namespace: t.Temporal.Namespace, PageSize: 1000,
		Query: fmt.Sprintf(`WorkflowType = "DeliverAudit" AND StartTime >= %q`, t.began.UTC().Format(time.RFC3339)),
	}
	for {
		page, err := t.temporal.ListWorkflow(ctx, request)
		if err != nil {
			return nil, fmt.Errorf("list deliveries: %w", err)
		}
		for _, info := range page.GetExecutions() {
			group.Go(func() error { return t.readHistory(ctx, info.GetExecution(), tally) })
		}
		if request.NextPageToken = page.GetNextPageToken(); len(request.NextPageToken) == 0 {
			return tally, group.Wait()
		}
	}
}

func (t *trial) readHistory(ctx context.Context, run *common.WorkflowExecution, tally *historyTally) error {
	all := t.temporal.GetWorkflowHistory(ctx, run.GetWorkflowId(), run.GetRunId(), false, enumspb.HISTORY_EVENT_FILTER_TYPE_ALL_EVENT)
	var events []*history.HistoryEvent
	for all.HasNext() {
		event, err := all.Next()
		if err != nil {
			return fmt.Errorf("read the history of %s: %w", run.GetWorkflowId(), err)
		}
		events = append(events, event)
	}
	tally.add(events)
	return nil
}

// add counts one history in.
func (h *historyTally) add(events []*history.HistoryEvent) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.read++
	answered := map[string]bool{}
	for _, e := range events {
		switch e.GetEventType() {
		case enumspb.EVENT_TYPE_WORKFLOW_EXECUTION_STARTED:
			h.started[h.release(e.GetWorkflowExecutionStartedEventAttributes().GetIdentity())]++
		case enumspb.EVENT_TYPE_WORKFLOW_TASK_COMPLETED:
			release := h.release(e.GetWorkflowTaskCompletedEventAttributes().GetIdentity())
			h.tasks[release]++
			answered[release] = true
		case enumspb.EVENT_TYPE_WORKFLOW_TASK_FAILED:
			h.failed[e.GetWorkflowTaskFailedEventAttributes().GetCause().String()]++
		}
	}
	if answered[releaseBefore] && answered[releaseThis] {
		h.shared++
	}
}

// release is that of a process, by its identity: "program@host/pid".
func (h *historyTally) release(identity string) string {
	pid, _ := strconv.Atoi(identity[strings.LastIndex(identity, "/")+1:]) // 0 is nobody's
	return h.releases[pid]
}

// misunderstood is what the SDK says when a history does not fit the workflow's
// code. The history itself tells it of the first attempt only.
var misunderstood = regexp.MustCompile(`(?i)TMPRL1100|non-?determinis`)

// noneMisunderstood searches the logs of all workers.
func (t *trial) noneMisunderstood() error {
	logs, err := filepath.Glob(filepath.Join(t.LogDir(), "worker*.log"))
	if err != nil || len(logs) == 0 {
		return fmt.Errorf("there is no log of a worker: %w", err)
	}
	for _, path := range logs {
		text, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		if n := len(misunderstood.FindAll(text, -1)); n > 0 {
			t.complain("%s says %d times that a history does not fit the workflow", filepath.Base(path), n)
		}
	}
	return nil
}
