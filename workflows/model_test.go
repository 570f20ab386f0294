package workflows

import (
	"context"
	"fmt"
	"sync"
	"time"

	"go.temporal.io/api/serviceerror"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/temporal"

	"github.com/auditflow/auditflow/activities"
	"github.com/auditflow/auditflow/audit"
	"github.com/auditflow/auditflow/audit/seal"
)

// fate is what becomes of a call or of a workflow, and after how long.
type fate struct {
	Kind  string
	After time.Duration
}

// What may become of a start, and of a workflow that was started.
const (
	taken      = "taken"
	refused    = "refused"
	answerLost = "answer lost" // it is started, and who asked for it does not hear so
	invalid    = "invalid"     // Temporal will not have it as it is
	silence    = "silence"     // for as long as anybody waits

	commits    = "commits"
	terminated = "terminated"
	forgotten  = "forgotten"
	goesApart  = "goes apart" // a batch leaves its last record to a workflow of its own
)

// model is Temporal in memory, as far as doors see it: a workflow is there from
// the moment it was taken, whoever hears of that, and ends by the clock. Its
// troubles come in the order in which they were drawn, and then no more.
type model struct {
	client.Client
	sealer *seal.Sealer
	faultf func(format string, args ...any)

	mu          sync.Mutex
	calls, ends []fate
	unreachable int                  // so many times nobody hears of an end
	runs        map[string]*imagined // the last one of each id
	unheard     map[string]int       // by row: workflows that nobody knows to be there
}

// imagined is a run in the model.
type imagined struct {
	client.WorkflowRun
	model   *model
	id      string
	records []audit.Record
	kind    string
	ends    time.Time
}

func (m *model) ExecuteWorkflow(ctx context.Context, o client.StartWorkflowOptions, kind any, args ...any) (client.WorkflowRun, error) {
	records, err := m.sealer.Open(args[0].([]byte), seal.Observed, o.ID)
	if err != nil || kind != TypeDeliverAudit {
		m.faultf("started %v with an envelope that does not open: %v", kind, err)
	}
	m.mu.Lock()
	f := next(&m.calls, fate{taken, 5 * time.Millisecond})
	run, joined := m.take(o.ID, records, f)
	m.mu.Unlock()
	pause := time.After(f.After)
	if f.Kind == silence {
		pause = nil
	}
	select {
	case <-pause:
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	switch {
	case f.Kind == invalid:
		return nil, serviceerror.NewInvalidArgument("it is not valid")
	case f.Kind != taken:
		return nil, serviceerror.NewUnavailable("frontend is away")
	case joined:
		return nil, serviceerror.NewWorkflowExecutionAlreadyStarted("it is there", "", o.ID)
	}
	return run, nil
}

// next takes the first of what was drawn.
func next(fates *[]fate, otherwise fate) fate {
	if len(*fates) == 0 {
		return otherwise
	}
	f := (*fates)[0]
	*fates = (*fates)[1:]
	return f
}

// take starts a workflow unless one of its id is there.
func (m *model) take(id string, records []audit.Record, f fate) (run *imagined, joined bool) {
	if f.Kind != taken && f.Kind != answerLost {
		return nil, false
	}
	if there := m.runs[id]; there != nil && (there.running() || there.kind == commits || there.kind == goesApart) {
		return there, true
	}
	if f.Kind == answerLost {
		for _, r := range records {
			m.unheard[r.ID]++
		}
	}
	end := next(&m.ends, fate{commits, 20 * time.Millisecond})
	if end.Kind == goesApart && len(records) == 1 {
		end.Kind = commits
	}
	run = &imagined{model: m, id: id, records: records, kind: end.Kind, ends: time.Now().Add(end.After)}
	m.runs[id] = run
	if end.Kind == goesApart {
		m.take(DeliveryOfRecord(run.apart()), records[len(records)-1:], fate{Kind: taken})
	}
	return run, false
}

func (m *model) GetWorkflow(_ context.Context, id, _ string) client.WorkflowRun {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.runs[id]
}

// holding counts the workflows that run now and will commit this row.
func (m *model) holding(row string) (n int) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, run := range m.runs {
		for i, r := range run.records {
			if apart := run.kind == goesApart && i == len(run.records)-1; r.ID == row && run.running() && !apart {
				n++
			}
		}
	}
	return n
}

func (r *imagined) GetID() string       { return r.id }
func (r *imagined) running() bool       { return time.Now().Before(r.ends) }
func (r *imagined) apart() audit.Record { return r.records[len(r.records)-1] }

// Get waits for the end, as the SDK does.
func (r *imagined) Get(ctx context.Context, result any) error {
	select {
	case <-time.After(time.Until(r.ends)):
	case <-ctx.Done():
		return ctx.Err()
	}
	r.model.mu.Lock()
	defer r.model.mu.Unlock()
	if r.model.unreachable > 0 {
		r.model.unreachable--
		return serviceerror.NewUnavailable("frontend is away")
	}
	done := result.(*activities.Delivered)
	switch r.kind {
	case terminated:
		return &temporal.WorkflowExecutionError{}
	case forgotten:
		return serviceerror.NewNotFound("no such workflow")
	case goesApart:
		done.Apart = map[int]string{len(r.records) - 1: DeliveryOfRecord(r.apart())}
	}
	for i, x := range r.records {
		receipt := audit.Receipt{ID: x.ID, Partition: fmt.Sprint("by ", r.id)}
		if _, apart := done.Apart[i]; apart {
			receipt = audit.Receipt{}
		}
		done.Rows = append(done.Rows, receipt)
	}
	return nil
}
