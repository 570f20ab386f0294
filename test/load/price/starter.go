package price

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"sync"
	"time"

	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/worker"
	"go.temporal.io/sdk/workflow"

	"github.com/auditflow/auditflow/audit"
	"github.com/auditflow/auditflow/audit/custody"
	"github.com/auditflow/auditflow/audit/redact"
	"github.com/auditflow/auditflow/audit/seal"
	"github.com/auditflow/auditflow/internal/temporalclient"
	"github.com/auditflow/auditflow/test/load/turn"
	"github.com/auditflow/auditflow/workflows"
)

// What the processes are told to do.
const (
	workNothing     = "nothing"      // a workflow that takes a sealed record and returns
	workNothingBare = "nothing_bare" // one that takes nothing, either
	workSingle      = "single"       // one workflow per record
	workBatched     = "batched"      // in natural batches
)

// Place says where a process finds what it needs.
type Place struct {
	Temporal, Namespace string
	KeysetFile          string
	DatabaseURL         string
	Service             string // host:port of the seed's storage service
}

// Starter hands records over as the controller does, without a cluster.
type Starter struct {
	client   client.Client
	sealer   *seal.Sealer
	redactor *redact.Redactor
	starter  *workflows.Starter
}

func quiet() *slog.Logger {
	return slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelWarn}))
}

// NewStarter connects to Temporal.
func NewStarter(p Place) (*Starter, error) {
	sealer, redactor, err := custody.Open(custody.Config{KeysetFile: p.KeysetFile}, quiet())
	if err != nil {
		return nil, err
	}
	c, err := temporalclient.Dial(temporalclient.Config{Address: p.Temporal, Namespace: p.Namespace, Identity: "bench-starter"}, quiet())
	if err != nil {
		return nil, err
	}
	return &Starter{c, sealer, redactor, &workflows.Starter{Client: c, Sealer: sealer, Redactor: redactor}}, nil
}

// Close gives back what it took.
func (s *Starter) Close() {
	s.client.Close()
	s.sealer.Close()
}

// Works is what it can be told to do.
func (s *Starter) Works() map[string]turn.Work {
	return map[string]turn.Work{
		workNothing: s.nothing, workNothingBare: s.nothing, workSingle: s.single, workBatched: s.batched,
	}
}

// single keeps Callers deliveries under way, each with a workflow of its own.
func (s *Starter) single(ctx context.Context, o turn.Order) (turn.Answer, error) {
	return each(ctx, o, func(ctx context.Context, r audit.Record) (string, error) {
		d, err := s.start(ctx, s.starter.Start, r)
		if err != nil {
			return "", err
		}
		_, err = d.Wait(ctx)
		return d.ID(), err
	})
}

// nothing is the same with a workflow that does nothing: Temporal's own price.
func (s *Starter) nothing(ctx context.Context, o turn.Order) (turn.Answer, error) {
	return each(ctx, o, func(ctx context.Context, r audit.Record) (string, error) {
		id := "floor/" + r.ID
		arguments := []any{}
		if o.Work == workNothing {
			envelope, err := s.sealer.Seal([]audit.Record{r}, seal.Observed, id)
			if err != nil {
				return "", err
			}
			arguments = append(arguments, envelope)
		}
		run, err := s.client.ExecuteWorkflow(ctx, client.StartWorkflowOptions{
			ID: id, TaskQueue: queueFloor, WorkflowIDReusePolicy: enumspb.WORKFLOW_ID_REUSE_POLICY_ALLOW_DUPLICATE_FAILED_ONLY,
		}, typeNothing, arguments...)
		if err != nil {
			return "", err
		}
		return id, run.Get(ctx, nil)
	})
}

type startFunc func(context.Context, audit.Record) (workflows.Delivery, error)

// start goes on until Temporal has the record, as the controller does.
func (s *Starter) start(ctx context.Context, start startFunc, r audit.Record) (workflows.Delivery, error) {
	r.RecordSHA256 = "" // it is observed: nothing of it is redacted yet
	for {
		d, err := start(ctx, r)
		if err == nil || ctx.Err() != nil {
			return d, err
		}
		if err := sleep(ctx, 100*time.Millisecond); err != nil {
			return d, err
		}
	}
}

// each has so many callers do something with one record after the other.
func each(ctx context.Context, o turn.Order, do func(context.Context, audit.Record) (id string, err error)) (a turn.Answer, err error) {
	records, err := turn.Read(o)
	if err != nil {
		return a, err
	}
	var mu sync.Mutex
	var callers sync.WaitGroup
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	for range o.Callers {
		callers.Go(func() {
			for r := records.Next(1); len(r) > 0 && ctx.Err() == nil; r = records.Next(1) {
				id, err := do(ctx, r[0])
				if err != nil {
					cancel(fmt.Errorf("record %s: %w", r[0].ID, err))
					return
				}
				mu.Lock()
				a.Accepted++
				if a.Workflows++; len(a.Sample) < 5 {
					a.Sample = append(a.Sample, id)
				}
				mu.Unlock()
			}
		})
	}
	callers.Wait()
	return a, context.Cause(ctx)
}

// The workflow that does nothing, and where it does it, and ours.
const (
	typeNothing = "Nothing"
	typeDeliver = workflows.TypeDeliverAudit
	queueFloor  = "bench-floor"
)

// RunFloor works on workflows that do nothing until serve returns, with the
// settings that our own worker has.
func RunFloor(ctx context.Context, p Place, serve func(context.Context) error) error {
	c, err := temporalclient.Dial(temporalclient.Config{Address: p.Temporal, Namespace: p.Namespace, Identity: "bench-floor"}, quiet())
	if err != nil {
		return err
	}
	defer c.Close()
	w := worker.New(c, queueFloor, worker.Options{MaxConcurrentWorkflowTaskExecutionSize: 64, MaxConcurrentLocalActivityExecutionSize: 64})
	w.RegisterWorkflowWithOptions(func(workflow.Context, []byte) error { return nil }, workflow.RegisterOptions{Name: typeNothing})
	if err := w.Start(); err != nil {
		return err
	}
	defer w.Stop()
	return serve(ctx)
}
