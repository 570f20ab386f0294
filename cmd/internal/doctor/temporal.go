package doctor

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/api/operatorservice/v1"
	"go.temporal.io/api/serviceerror"
	"go.temporal.io/api/workflowservice/v1"

	"github.com/auditflow/auditflow/audit/lifecycle"
	"github.com/auditflow/auditflow/workflows"
)

// The checks of the area.
const (
	checkServer     = "server"
	checkNamespace  = "namespace"
	checkRetention  = "retention"
	checkAttributes = "search attributes"
	checkClock      = "clock"
	checkWorkers    = "workers on " // and the task queue
	checkSchedule   = "schedule "   // and its id
)

// longWeekend is for how long whoever is on duty should still find a delivery in
// Temporal; it is also Temporal's default.
const longWeekend = 72 * time.Hour

func (e Exam) temporal(ctx context.Context, c *chart, p Patient) {
	rest := []string{checkNamespace, checkRetention, checkAttributes, checkWorkers + workflows.QueueDelivery, checkWorkers + workflows.QueueMaintenance}
	for _, id := range workflows.Tasks() {
		rest = append(rest, checkSchedule+id)
	}
	rest = append(rest, checkClock)
	var server *workflowservice.GetSystemInfoResponse
	err := e.within(ctx, func(ctx context.Context) (err error) {
		server, err = p.Temporal.WorkflowService().GetSystemInfo(ctx, &workflowservice.GetSystemInfoRequest{})
		return err
	})
	if err != nil {
		c.away(checkServer, "start Temporal, or say where it is (--temporal-address)", fmt.Errorf("%s: %w", p.Address, err), rest...)
		return
	}
	c.ok(checkServer, "Temporal %s on %s", server.GetServerVersion(), p.Address)
	if !e.namespace(ctx, c, p) {
		for _, check := range rest[1:] {
			if check != checkRetention {
				c.skip(check, checkNamespace+" has to be put right first")
			}
		}
		return
	}
	e.attributes(ctx, c, p)
	var latest time.Time // that a worker polled, by the server's clock
	for _, queue := range []string{workflows.QueueDelivery, workflows.QueueMaintenance} {
		if polled := e.workers(ctx, c, p, queue); polled.After(latest) {
			latest = polled
		}
	}
	e.schedules(ctx, c, p)
	e.temporalClock(c, latest)
}

// namespace is false when nothing in it can be asked.
func (e Exam) namespace(ctx context.Context, c *chart, p Patient) bool {
	var there *workflowservice.DescribeNamespaceResponse
	err := e.within(ctx, func(ctx context.Context) (err error) {
		there, err = p.Temporal.WorkflowService().DescribeNamespace(ctx, &workflowservice.DescribeNamespaceRequest{Namespace: p.Namespace})
		return err
	})
	cure := "temporal operator namespace create --namespace " + p.Namespace + " --retention 72h, or name another (--temporal-namespace)"
	if absent, ok := errors.AsType[*serviceerror.NamespaceNotFound](err); ok && absent != nil || isNotFound(err) {
		c.fault(checkNamespace, cure, "there is no namespace %s", p.Namespace)
	} else if err != nil {
		c.fault(checkNamespace, cure, "%s: %v", p.Namespace, err)
	}
	if err != nil {
		c.skip(checkRetention, checkNamespace+" has to be put right first")
		return false
	}
	c.ok(checkNamespace, "%s", p.Namespace)
	retention := there.GetConfig().GetWorkflowExecutionRetentionTtl().AsDuration()
	if retention < longWeekend {
		c.warn(checkRetention, "temporal operator namespace update --namespace "+p.Namespace+" --retention 72h",
			"deliveries that ended can be looked up for %s only; their rows say who delivered them for as long as they are kept", lifecycle.Age(retention))
	} else {
		c.ok(checkRetention, "deliveries that ended can be looked up for %s", lifecycle.Age(retention))
	}
	return true
}

// attributes are needed before a delivery can be started at all.
func (e Exam) attributes(ctx context.Context, c *chart, p Patient) {
	var have *operatorservice.ListSearchAttributesResponse
	err := e.within(ctx, func(ctx context.Context) (err error) {
		have, err = p.Temporal.OperatorService().ListSearchAttributes(ctx, &operatorservice.ListSearchAttributesRequest{Namespace: p.Namespace})
		return err
	})
	if err != nil {
		c.fault(checkAttributes, "the login in Temporal has to be allowed to list search attributes", "cannot be listed: %v", err)
		return
	}
	var missing, commands, wrong []string
	for _, a := range workflows.SearchAttributes() {
		registered, ok := have.GetCustomAttributes()[a.GetName()]
		switch {
		case !ok:
			missing = append(missing, a.GetName())
			commands = append(commands, "--name "+a.GetName()+" --type "+a.GetValueType().String())
		case registered != a.GetValueType():
			wrong = append(wrong, fmt.Sprintf("%s is %s, not %s", a.GetName(), registered, a.GetValueType()))
		}
	}
	switch {
	case len(wrong) > 0:
		c.fault(checkAttributes, "remove them from namespace "+p.Namespace+" or use another namespace", "of another type: %s", strings.Join(wrong, ", "))
	case len(missing) > 0:
		c.fault(checkAttributes, "start a worker or a controller, which register them, or: temporal operator search-attribute create --namespace "+
			p.Namespace+" "+strings.Join(commands, " "), "missing: %s", strings.Join(missing, ", "))
	default:
		c.ok(checkAttributes, "all %d are registered", len(workflows.SearchAttributes()))
	}
}

// workers looks for pollers, of which Temporal remembers those of the last five
// minutes. It returns when one was last heard of.
func (e Exam) workers(ctx context.Context, c *chart, p Patient, queue string) (latest time.Time) {
	check, pollers := checkWorkers+queue, 0
	var lacking []string
	for name, kind := range map[string]enumspb.TaskQueueType{
		"workflow tasks": enumspb.TASK_QUEUE_TYPE_WORKFLOW, "activities": enumspb.TASK_QUEUE_TYPE_ACTIVITY,
	} {
		var there *workflowservice.DescribeTaskQueueResponse
		err := e.within(ctx, func(ctx context.Context) (err error) {
			there, err = p.Temporal.DescribeTaskQueue(ctx, queue, kind)
			return err
		})
		if err != nil {
			c.fault(check, "the login in Temporal has to be allowed to describe task queues", "cannot be asked: %v", err)
			return latest
		}
		if len(there.GetPollers()) == 0 {
			lacking = append(lacking, name)
		}
		pollers = max(pollers, len(there.GetPollers()))
		for _, poller := range there.GetPollers() {
			if at := poller.GetLastAccessTime().AsTime(); at.After(latest) {
				latest = at
			}
		}
	}
	switch {
	case len(lacking) == 0:
		c.ok(check, "%d", pollers)
	case queue == workflows.QueueMaintenance && !p.Maintains:
		c.warn(check, "one worker with maintenance.enabled: true", "none: nobody creates partitions, archives or deletes")
	default:
		cure := "start a worker with this Temporal and namespace"
		if queue == workflows.QueueMaintenance {
			cure += ", and maintenance.enabled: true"
		}
		c.fault(check, cure, "nobody takes %s", strings.Join(lacking, " and "))
	}
	return latest
}

// skew is how far clocks may be apart before it is told.
const skew = 5 * time.Second

// pollEvery is how long a worker's poll waits, and then some.
const pollEvery = 90 * time.Second

// temporalClock compares our clock with Temporal's, which tells the time only in
// what it remembers of workers: they poll once a minute at least.
func (e Exam) temporalClock(c *chart, polled time.Time) {
	if polled.IsZero() {
		c.skip(checkClock, "Temporal tells the time only when a worker polls")
		return
	}
	const cure = "synchronise the clocks of this machine and of Temporal's (NTP)"
	switch behind := polled.Sub(e.Now()); {
	case behind > skew:
		c.warn(checkClock, cure, "this machine is %s behind Temporal, or more", behind.Round(time.Second))
	case -behind > pollEvery:
		c.warn(checkClock, "look whether workers are alive; if so, "+cure,
			"no worker has polled for %s, or this machine is ahead of Temporal by as much", (-behind).Round(time.Second))
	default:
		c.ok(checkClock, "at most %s ahead of Temporal, by the last poll of a worker", max(0, -behind).Round(time.Second))
	}
}

func isNotFound(err error) bool {
	absent, ok := errors.AsType[*serviceerror.NotFound](err)
	return ok && absent != nil
}
