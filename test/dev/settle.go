package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"go.temporal.io/api/enums/v1"
	"go.temporal.io/api/serviceerror"
)

// patience is how long everything may take to be recorded once the last
// execution has ended.
const patience = 30 * time.Second

// settle reads both sides of the books until time cannot change the verdict any
// more, or patience is over.
func (st *stage) settle(ctx context.Context, done []finished, l *ledger) (books, verdict, error) {
	for deadline := time.Now().Add(patience); ; {
		b, err := st.readBooks(ctx, done, l)
		if err != nil {
			return b, verdict{}, err
		}
		v := b.compare()
		if !v.early || time.Now().After(deadline) {
			return b, v, nil
		}
		select {
		case <-time.After(100 * time.Millisecond):
		case <-ctx.Done():
			return b, v, ctx.Err()
		}
	}
}

func (st *stage) readBooks(ctx context.Context, done []finished, l *ledger) (b books, err error) {
	b = books{finished: done, seen: l.sightings(), workflows: map[string]string{}}
	if b.rows, err = allRows(ctx, st.db); err != nil {
		return b, err
	}
	for _, r := range b.rows {
		if b.workflows[r.DeliveredBy], err = st.workflowStatus(ctx, r.DeliveredBy); err != nil {
			return b, err
		}
	}
	return b, nil
}

// workflowStatus asks for the workflow itself, not for its entry in the list,
// which may be behind.
func (st *stage) workflowStatus(ctx context.Context, id string) (string, error) {
	description, err := st.temporal.DescribeWorkflowExecution(ctx, id, "")
	if _, unknown := errors.AsType[*serviceerror.NotFound](err); unknown || id == "" {
		return "unknown", nil
	} else if err != nil {
		return "", fmt.Errorf("describe workflow %s: %w", id, err)
	}
	status := description.GetWorkflowExecutionInfo().GetStatus()
	if status == enums.WORKFLOW_EXECUTION_STATUS_COMPLETED {
		return "Completed", nil
	}
	return status.String(), nil
}
