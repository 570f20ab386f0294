package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"
	enumspb "go.temporal.io/api/enums/v1"
	historypb "go.temporal.io/api/history/v1"
	"go.temporal.io/api/serviceerror"
	workflowpb "go.temporal.io/api/workflow/v1"
	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/converter"

	"github.com/auditflow/auditflow/activities"
	v1 "github.com/auditflow/auditflow/api/v1"
	"github.com/auditflow/auditflow/audit"
	"github.com/auditflow/auditflow/internal/temporalclient"
	"github.com/auditflow/auditflow/internal/terminal"
	"github.com/auditflow/auditflow/store/postgres"
	"github.com/auditflow/auditflow/workflows"
)

// sources are the kinds that executions are delivered from. A record that was
// posted may name another; then the id of its workflow is asked for.
var sources = []string{v1.Kind, "Job"}

func deliveryID(source, uid string) string { return workflows.DeliveryID(source, uid) }

// delivery is what Temporal tells of the workflow that delivers a record.
type delivery struct {
	WorkflowID string `json:"workflow_id"`
	Status     string `json:"status"` // Running, Completed, Failed, Terminated, …
	// Records is how many it delivers; 0 when it does not say so.
	Records   int       `json:"records,omitempty"`
	StartedAt time.Time `json:"started_at"`
	ClosedAt  time.Time `json:"closed_at,omitzero"`
	// CreatedAt is that of the execution, by which its row is filed.
	CreatedAt time.Time `json:"created_at,omitzero"`
	// Attempts counts by step those that were made, in their order.
	Attempts []attempts `json:"attempts,omitempty"`
	Pending  []pending  `json:"pending,omitempty"`
	// Masked counts what was masked, by rule; Policy is the version of the
	// policy. Both are known once the delivery is done.
	Masked map[string]int `json:"masked,omitempty"`
	Policy string         `json:"policy,omitempty"`

	cluster string
	rows    []audit.Receipt
}

// attempts of one step: Fast is inside the workflow task, Slow is the activity
// that is retried for ever.
type attempts struct {
	Step string `json:"step"`
	Fast int    `json:"fast"`
	Slow int    `json:"slow"`
}

// pending is a step that waits or runs.
type pending struct {
	Step        string    `json:"step"`
	State       string    `json:"state"`
	Attempt     int       `json:"attempt"`
	LastFailure string    `json:"last_failure,omitempty"`
	NextRetry   time.Time `json:"next_retry,omitzero"`
}

// probe is how long nobody may answer where nobody said that Temporal is.
const probe = 300 * time.Millisecond

// dialTemporal returns nil without an error when Temporal need not be there and
// is not.
func (p *program) dialTemporal(ctx context.Context, s settings) (client.Client, error) {
	if !s.temporalGiven {
		dialer := net.Dialer{Timeout: probe}
		connection, err := dialer.DialContext(ctx, "tcp", s.temporal.Address)
		if err != nil {
			return nil, nil // it need not be there
		}
		_ = connection.Close()
	}
	c, err := quietClient(s.temporal)
	if err != nil {
		return nil, err
	}
	connecting, cancel := context.WithTimeout(ctx, p.flags.timeout)
	defer cancel()
	if err := temporalclient.Check(connecting, c, s.temporal.Namespace); err != nil {
		c.Close()
		return nil, fmt.Errorf("ask Temporal on %s: %w", s.temporal.Address, err)
	}
	return c, nil
}

// ask completes an explanation with what Temporal knows; from a UID it finds the
// way to the row.
func (e *explanation) ask(ctx context.Context, store *postgres.Store, c client.Client, asked subject) error {
	ids := asked.workflowIDs()
	switch {
	case e.Row != nil:
		ids = []string{e.Row.DeliveredBy}
	case len(e.Quarantined) > 0:
		ids = []string{e.Quarantined[0].DeliveredBy}
	}
	for _, id := range slices.DeleteFunc(ids, func(id string) bool { return id == "" }) {
		d, err := describe(ctx, c, id)
		if err != nil {
			return err
		}
		if d == nil {
			continue
		}
		if e.ID != "" {
			d.narrow([]string{e.ID})
		}
		e.Delivery = d
		if e.Row == nil && len(e.Quarantined) == 0 {
			e.follow(ctx, store, asked.deliveredIDs(d.cluster))
		}
		return nil
	}
	if e.Row != nil || len(e.Quarantined) > 0 {
		return nil
	}
	d, err := find(ctx, c, asked.rowIDs())
	if d == nil || err != nil {
		return err
	}
	e.Delivery = d
	e.follow(ctx, store, asked.rowIDs())
	return nil
}

// follow looks for the row that a delivery leads to: one of those it tells of,
// else one of ids.
func (e *explanation) follow(ctx context.Context, store *postgres.Store, ids []string) {
	d := e.Delivery
	if len(d.rows) > 0 {
		ids = nil
	}
	for _, receipt := range d.rows {
		ids = append(ids, receipt.ID)
	}
	e.look(ctx, store, ids)
	if e.Row != nil || len(e.Quarantined) > 0 {
		return
	}
	if len(ids) > 0 {
		e.ID = ids[0]
	}
	switch {
	case d.Status == enumspb.WORKFLOW_EXECUTION_STATUS_RUNNING.String():
		e.State = stateDelivering
	case len(d.rows) > 0 && e.databaseErr != nil:
		e.State = stateStored
	case len(d.rows) > 0:
		e.State = stateGone
	default:
		e.State = stateAbandoned
	}
}

// deliveredIDs are the ids under which a delivery of the subject stores its
// record, the likeliest first: see [workflows.DeliveryOfRecord].
func (s subject) deliveredIDs(cluster string) (ids []string) {
	uid := s.uid()
	if cluster != "" {
		ids = append(ids, audit.ID(cluster, uid))
	}
	switch id, err := uuid.Parse(uid); {
	case err != nil:
	case id.Version() == 5: // the UID of no object in Kubernetes, but the id of every record
		ids = append([]string{uid}, ids...)
	default:
		ids = append(ids, uid)
	}
	return ids
}

// describe asks for one workflow; nil if Temporal does not know it.
func describe(ctx context.Context, c client.Client, id string) (*delivery, error) {
	answer, err := c.DescribeWorkflowExecution(ctx, id, "")
	if notFound, ok := errors.AsType[*serviceerror.NotFound](err); ok && notFound != nil {
		return nil, nil //nolint:nilerr // not knowing is an answer
	}
	if err != nil {
		return nil, fmt.Errorf("ask Temporal for %s: %w", id, err)
	}
	info := answer.GetWorkflowExecutionInfo()
	d := &delivery{
		WorkflowID: id, Status: info.GetStatus().String(), StartedAt: info.GetStartTime().AsTime(),
		Pending: pendingOf(answer), cluster: attribute[string](info, workflows.AttributeCluster.GetName()),
		CreatedAt: attribute[time.Time](info, workflows.AttributeCreated.GetName()),
		Records:   len(attribute[[]string](info, workflows.AttributeRecords.GetName())),
	}
	if info.GetCloseTime() != nil {
		d.ClosedAt = info.GetCloseTime().AsTime()
	}
	run := info.GetExecution().GetRunId()
	if info.GetStatus() == enumspb.WORKFLOW_EXECUTION_STATUS_COMPLETED {
		var done activities.Delivered
		if err := c.GetWorkflow(ctx, id, run).Get(ctx, &done); err != nil {
			return nil, fmt.Errorf("ask Temporal for the result of %s: %w", id, err)
		}
		d.rows, d.Masked, d.Policy = done.Rows, done.Redactions, done.Policy
	}
	d.Attempts, err = attemptsOf(ctx, c, id, run)
	return d, err
}

func pendingOf(answer *workflowservice.DescribeWorkflowExecutionResponse) (all []pending) {
	for _, a := range answer.GetPendingActivities() {
		step := pending{
			Step: a.GetActivityType().GetName(), State: a.GetState().String(), Attempt: int(a.GetAttempt()),
			LastFailure: a.GetLastFailure().GetMessage(),
		}
		if a.GetNextAttemptScheduleTime() != nil {
			step.NextRetry = a.GetNextAttemptScheduleTime().AsTime()
		} else if a.GetState() == enumspb.PENDING_ACTIVITY_STATE_SCHEDULED && a.GetScheduledTime() != nil {
			step.NextRetry = a.GetScheduledTime().AsTime()
		}
		all = append(all, step)
	}
	return all
}

// attribute reads a search attribute that every delivery starts with; zero when
// it was started by a release that did not set it.
func attribute[T any](info *workflowpb.WorkflowExecutionInfo, name string) (value T) {
	payload := info.GetSearchAttributes().GetIndexedFields()[name]
	if payload == nil || converter.GetDefaultDataConverter().FromPayload(payload, &value) != nil {
		var none T
		return none
	}
	return value
}

// attemptsOf counts in the history: a marker for each attempt on the fast path,
// the last attempt of each activity on the slow one. Of an activity that is
// pending there is no event yet.
func attemptsOf(ctx context.Context, c client.Client, id, run string) (all []attempts, err error) {
	step := func(name string) *attempts {
		if i := slices.IndexFunc(all, func(a attempts) bool { return a.Step == name }); i >= 0 {
			return &all[i]
		}
		all = append(all, attempts{Step: name})
		return &all[len(all)-1]
	}
	scheduled := map[int64]string{}
	events := c.GetWorkflowHistory(ctx, id, run, false, enumspb.HISTORY_EVENT_FILTER_TYPE_ALL_EVENT)
	for events.HasNext() {
		event, err := events.Next()
		if err != nil {
			return nil, fmt.Errorf("ask Temporal for the history of %s: %w", id, err)
		}
		if marker := event.GetMarkerRecordedEventAttributes(); marker.GetMarkerName() == "LocalActivity" {
			var data struct{ ActivityType string }
			if converter.GetDefaultDataConverter().FromPayloads(marker.GetDetails()["data"], &data) == nil {
				step(data.ActivityType).Fast++
				if data.ActivityType == workflows.ActivityRedact && wentThrough(marker) {
					step(workflows.ActivityPersist).Fast++
				}
			}
		}
		if activity := event.GetActivityTaskScheduledEventAttributes(); activity != nil {
			scheduled[event.GetEventId()] = activity.GetActivityType().GetName()
		}
		if started := event.GetActivityTaskStartedEventAttributes(); started != nil {
			step(scheduled[started.GetScheduledEventId()]).Slow += int(started.GetAttempt())
		}
	}
	return all, nil
}

// wentThrough tells of a marker of Redact whether the rows were appended in one go with it.
func wentThrough(marker *historypb.MarkerRecordedEventAttributes) bool {
	result := marker.GetDetails()["result"].GetPayloads()
	if len(result) != 1 {
		return false
	}
	_, _, through, err := activities.Passed(converter.NewRawValue(result[0]))
	return err == nil && through
}

// tell writes what is known of a delivery.
func (d *delivery) tell(page *page, at func(time.Time) string) {
	page.line("workflow", d.WorkflowID)
	if d.Records > 1 {
		page.line("with", plural(int64(d.Records-1), "other record"))
	}
	page.line("state", d.Status)
	page.line("first seen", at(d.StartedAt))
	page.line("closed", at(d.ClosedAt))
	for _, a := range d.Attempts {
		page.line(strings.ToLower(a.Step), a.String())
	}
	for _, step := range d.Pending {
		page.painted("now", fmt.Sprintf("%s: %s, attempt %d", strings.ToLower(step.Step), strings.ToLower(step.State), step.Attempt), terminal.Yellow)
		page.painted("last failure", step.LastFailure, terminal.Red)
		page.line("next retry", at(step.NextRetry))
	}
	page.line("policy", d.Policy)
}

func (a attempts) String() string {
	var parts []string
	if a.Fast > 0 {
		parts = append(parts, plural(int64(a.Fast), "attempt")+" in the workflow task")
	}
	if a.Slow > 0 {
		parts = append(parts, plural(int64(a.Slow), "attempt")+" as an activity")
	}
	return strings.Join(parts, ", ")
}

// What became of asking the database, or Temporal.
const (
	answered    = "asked"
	forgotten   = "forgotten"
	notAsked    = "not asked"
	unreachable = "unreachable"
)

func (e *explanation) noteTemporal(asked, given bool, err error) {
	switch {
	case err != nil && given:
		e.Temporal = unreachable
	case !asked || err != nil:
		e.Temporal = notAsked
	case e.Delivery == nil:
		e.Temporal = forgotten
	default:
		e.Temporal = answered
	}
}

func (e *explanation) tellTemporal(page *page) {
	switch {
	case e.Temporal == unreachable:
		page.say(terminal.Yellow, "Temporal did not answer, see below")
	case e.Temporal == notAsked:
		page.say(terminal.Dim, "not asked: nobody said where it is (--temporal-address)")
	case e.Temporal != forgotten:
	case e.Row != nil:
		page.say("", "Temporal no longer knows this workflow (its retention has passed); delivered_by and the row are what remains.")
	default:
		page.say("", "Temporal knows no delivery of it")
	}
}
