package main

import (
	"context"
	"fmt"
	"log/slog"
	"reflect"
	"slices"
	"time"

	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/client"
	sdklog "go.temporal.io/sdk/log"
	"go.temporal.io/sdk/testsuite"
	sdkworker "go.temporal.io/sdk/worker"
	"go.temporal.io/sdk/workflow"

	"github.com/auditflow/auditflow/activities"
	"github.com/auditflow/auditflow/audit"
	"github.com/auditflow/auditflow/worker"
	"github.com/auditflow/auditflow/workflows"
)

// run is one run of a schedule, from now on; how long it takes is not simulated.
func (s *simulation) run(ctx context.Context, id string) error {
	schedules := s.plan.Schedules()
	schedule := schedules[slices.IndexFunc(schedules, func(o workflows.Schedule) bool { return o.ID == id })]
	var suite testsuite.WorkflowTestSuite
	suite.SetLogger(sdklog.NewStructuredLogger(slog.New(slog.DiscardHandler)))
	env := suite.NewTestWorkflowEnvironment()
	env.SetStartTime(s.now)
	env.SetTestTimeout(10 * time.Minute)
	env.SetWorkerOptions(sdkworker.Options{DeadlockDetectionTimeout: time.Minute}) // a busy machine is none
	env.SetStartWorkflowOptions(client.StartWorkflowOptions{
		ID: fmt.Sprintf("%s-%d", id, s.Runs), TaskQueue: workflows.QueueMaintenance,
	})
	worker.RegisterMaintenance(rehearsal{env, s, ctx}, s.steps)
	s.Runs++
	s.trouble.begin(s)
	env.ExecuteWorkflow(schedule.Workflow, schedule.Policy)
	if s.trouble.fatal != nil {
		return fmt.Errorf("%s: %w", id, s.trouble.fatal)
	}
	if err := env.GetWorkflowError(); err != nil {
		s.RunsFailed++
		if !s.trouble.provoked {
			s.Unprovoked++
			s.complain("%s failed though nothing was in its way: %v", id, err)
		}
	}
	return ctx.Err()
}

// rehearsal registers the real workflows, and the real steps with trouble before
// and after them.
type rehearsal struct {
	env *testsuite.TestWorkflowEnvironment
	*simulation
	ctx context.Context
}

func (r rehearsal) RegisterWorkflowWithOptions(w any, options workflow.RegisterOptions) {
	r.env.RegisterWorkflowWithOptions(w, options)
}

func (r rehearsal) RegisterActivityWithOptions(a any, options activity.RegisterOptions) {
	step := reflect.ValueOf(a)
	shaken := func(args []reflect.Value) []reflect.Value {
		call := attempt{name: options.Name, args: args[1:]}
		if err := r.before(r.ctx, &call); err != nil {
			return failed(step.Type(), err)
		}
		first := activity.GetInfo(args[0].Interface().(context.Context)).Attempt == 1
		repair, err := r.sabotage(r.ctx, &call, first)
		if err != nil {
			return failed(step.Type(), r.trouble.stop(err))
		}
		results := step.Call(args)
		if repair != nil {
			r.caught(&call, repair(), results[len(results)-1].IsNil())
		}
		if err := r.after(r.ctx, &call); err != nil {
			return failed(step.Type(), err)
		}
		return results
	}
	r.env.RegisterActivityWithOptions(reflect.MakeFunc(step.Type(), shaken).Interface(), options)
}

func failed(of reflect.Type, err error) []reflect.Value {
	results := make([]reflect.Value, of.NumOut())
	for i := range results {
		results[i] = reflect.Zero(of.Out(i))
	}
	results[len(results)-1] = reflect.ValueOf(&err).Elem()
	return results
}

// attempt is one attempt of one step.
type attempt struct {
	name string
	args []reflect.Value
}

// subject is the stretch of time that the step is about; none if of all times.
func (c *attempt) subject() (partition string, p audit.Period) {
	for _, arg := range c.args {
		switch v := arg.Interface().(type) {
		case activities.Period:
			return v.Partition, audit.Period{Start: v.Start, End: v.End}
		case activities.Publication:
			return v.Period.Partition, audit.Period{Start: v.Period.Start, End: v.Period.End}
		case activities.Removal:
			return v.Decision.Partition, audit.Period{Start: v.Decision.Start, End: v.Decision.End}
		case audit.Period:
			return "", v
		}
	}
	return "", audit.Period{}
}
