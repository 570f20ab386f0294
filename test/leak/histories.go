package leak

import (
	"bytes"
	"context"
	"fmt"
	"io"

	"go.temporal.io/api/common/v1"
	"go.temporal.io/api/enums/v1"
	"go.temporal.io/api/history/v1"
	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/sdk/client"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
)

// Visibility searches the list of all workflows: search attributes and memos. It
// returns their runs; workflows that are known must be among them.
func (s *Search) Visibility(ctx context.Context, c client.Client, namespace string, known []string) (runs []*common.WorkflowExecution, err error) {
	listed := map[string]bool{}
	request := &workflowservice.ListWorkflowExecutionsRequest{Namespace: namespace, PageSize: 200}
	for {
		page, err := c.ListWorkflow(ctx, request)
		if err != nil {
			return nil, fmt.Errorf("list workflows: %w", err)
		}
		for _, info := range page.GetExecutions() {
			id := info.GetExecution().GetWorkflowId()
			runs, listed[id] = append(runs, info.GetExecution()), true
			if err := s.message(PlaceVisibility, "list entry of "+id, info); err != nil {
				return nil, err
			}
		}
		if request.NextPageToken = page.GetNextPageToken(); len(request.NextPageToken) == 0 {
			break
		}
	}
	for _, id := range known {
		if !listed[id] {
			return nil, fmt.Errorf("search the histories: workflow %s is not in the list", id)
		}
	}
	return runs, nil
}

// History searches what Temporal tells of one run of a workflow, the last one if
// run is empty: its description and its events with all payloads, raw. It
// returns the events.
func (s *Search) History(ctx context.Context, c client.Client, id, run string) (events []*history.HistoryEvent, err error) {
	described, err := c.DescribeWorkflowExecution(ctx, id, run)
	if err != nil {
		return nil, fmt.Errorf("describe %s: %w", id, err)
	}
	if err := s.message(PlaceHistories, "description of "+id, described); err != nil {
		return nil, err
	}
	all := c.GetWorkflowHistory(ctx, id, run, false, enums.HISTORY_EVENT_FILTER_TYPE_ALL_EVENT)
	for all.HasNext() {
		event, err := all.Next()
		if err != nil {
			return nil, fmt.Errorf("history of %s: %w", id, err)
		}
		if err := s.message(PlaceHistories, "history of "+id, event); err != nil {
			return nil, err
		}
		events = append(events, event)
	}
	return events, nil
}

// message searches a message as it travels, payloads raw, and as people see it.
func (s *Search) message(place, name string, m proto.Message) error {
	wire, err := proto.Marshal(m)
	if err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	text, err := protojson.Marshal(m)
	if err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	return s.Read(place, name, io.MultiReader(bytes.NewReader(wire), bytes.NewReader([]byte("\n")), bytes.NewReader(text)))
}
