package price

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
	commonpb "go.temporal.io/api/common/v1"
	workflowpb "go.temporal.io/api/workflow/v1"
	"go.temporal.io/api/workflowservice/v1"
	"golang.org/x/sync/errgroup"

	"github.com/auditflow/auditflow/test/load/turn"
)

// Turn is one measured turn. What is per record says so.
type Turn struct {
	Records    int
	Workflows  int
	Rate       float64            // records a second
	CPU        map[string]float64 // ms per record, by process group
	WAL        map[string]float64 // bytes per record, by database server
	Stored     map[string]float64 // bytes per record, by database
	Events     float64            // of a workflow
	HistoryLen float64            // bytes, of a workflow
	Answer     turn.Answer
}

// Sum is over all processes.
func (t Turn) Sum() (all float64) {
	for _, ms := range t.CPU {
		all += ms
	}
	return all
}

func milliseconds(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }

// patience is how long a turn may take before it has failed.
const patience = 10 * time.Minute

// take measures one turn of a contender. It ends when every row is committed and Temporal
// has nothing left to do for any of the workflows but to forget them.
func (s *scene) take(ctx context.Context, c contender, file string) (t Turn, err error) {
	team, err := s.assemble(ctx, c)
	if err != nil {
		return t, err
	}
	o := turn.Order{
		Work: c.work, Records: c.records, First: s.numbers, File: file, Base: s.base, Callers: c.callers, Batch: c.batch, Rate: c.rate,
		Patience: patience.Seconds(),
	}
	s.numbers += int64(c.records)
	if err := s.checkpoint(ctx); err != nil {
		return t, err
	}
	before, err := s.written(ctx)
	if err != nil {
		return t, err
	}
	began, spent := time.Now(), s.spent(team)
	if t.Answer, err = team.do(ctx, c, o); err != nil {
		return t, fmt.Errorf("%w; see %s", err, s.log.Name())
	}
	if err := s.settle(ctx, c, began, t.Answer.Workflows); err != nil {
		return t, err
	}
	t.CPU = map[string]float64{}
	for group, now := range s.spent(team) {
		t.CPU[group] = (now - spent[group]) / float64(c.records)
	}
	after, err := s.written(ctx)
	if err != nil {
		return t, err
	}
	t.Records, t.Workflows, t.Rate = c.records, t.Answer.Workflows, float64(c.records)/t.Answer.Seconds
	t.WAL, t.Stored = after.wal.since(before.wal, c.records), after.stored.since(before.stored, c.records)
	if t.Events, t.HistoryLen, err = s.histories(ctx, c, t.Answer.Sample); err != nil {
		return t, err
	}
	return t, s.check(ctx, c, o)
}

// do has the client carry out an order, and waits for the worker if that is who
// knows when it is done.
func (t team) do(ctx context.Context, c contender, o turn.Order) (a turn.Answer, err error) {
	if !c.awaited {
		return t.client.Do(ctx, o)
	}
	began := time.Now()
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() (err error) {
		a, err = t.client.Do(ctx, o)
		return err
	})
	group.Go(func() error {
		o := o
		o.Work = "await"
		_, err := t.worker.Do(ctx, o)
		return err
	})
	err = group.Wait()
	a.Seconds = time.Since(began).Seconds()
	return a, err
}

// settle waits until visibility has the end of every workflow.
func (s *scene) settle(ctx context.Context, c contender, began time.Time, workflows int) error {
	if c.workflow == "" {
		return nil
	}
	for deadline := time.Now().Add(time.Minute); ; {
		var ended int
		err := s.vis.QueryRow(ctx, `SELECT count(*) FROM executions_visibility
			WHERE start_time >= $1 AND workflow_type_name = $2 AND close_time IS NOT NULL`, began.UTC(), c.workflow).Scan(&ended)
		switch {
		case err != nil:
			return fmt.Errorf("ask visibility: %w", err)
		case ended >= workflows:
			return nil
		case time.Now().After(deadline):
			return fmt.Errorf("a minute later visibility has the end of %d of %d workflows", ended, workflows)
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(50 * time.Millisecond):
		}
	}
}

// check holds a turn to what it was told to do: a row for each record, or none.
func (s *scene) check(ctx context.Context, c contender, o turn.Order) error {
	want := 0
	if c.leavesRows {
		want = c.records
	}
	got, err := s.rows(ctx, o)
	if err == nil && got != want {
		err = fmt.Errorf("%s: %d rows instead of %d", c.name, got, want)
	}
	return err
}

// rows counts those of an order.
func (s *scene) rows(ctx context.Context, o turn.Order) (n int, err error) {
	err = s.audit.QueryRow(ctx, `SELECT count(*) FROM kubernetes_execution_audit WHERE created_at >= $1 AND created_at < $2`,
		turn.Created(o.Base, o.First), turn.Created(o.Base, o.First+int64(o.Records))).Scan(&n)
	return n, err
}

// bytes are by server or database.
type bytes map[string]int64

func (b bytes) since(before bytes, records int) map[string]float64 {
	per := map[string]float64{}
	for name, now := range b {
		per[name] = float64(now-before[name]) / float64(records)
	}
	return per
}

// written is how much the databases have written so far.
type written struct{ wal, stored bytes }

func (s *scene) written(ctx context.Context) (w written, err error) {
	w = written{bytes{}, bytes{}}
	for group, db := range map[string]*pgxpool.Pool{groupAudit: s.audit, groupHistory: s.history} {
		var position int64
		if err := db.QueryRow(ctx, `SELECT pg_wal_lsn_diff(pg_current_wal_lsn(), '0/0')::bigint`).Scan(&position); err != nil {
			return w, err
		}
		w.wal[group] = position
	}
	for name, db := range map[string]*pgxpool.Pool{"audit": s.audit, "temporal": s.history, "temporal_visibility": s.vis} {
		var size int64
		if err := db.QueryRow(ctx, `SELECT pg_database_size(current_database())`).Scan(&size); err != nil {
			return w, err
		}
		w.stored[name] = size
	}
	return w, nil
}

// checkpoint goes before every turn: each begins with pages whose first change is
// logged in full.
func (s *scene) checkpoint(ctx context.Context) error {
	for _, db := range []*pgxpool.Pool{s.audit, s.history} {
		if _, err := db.Exec(ctx, `CHECKPOINT`); err != nil {
			return err
		}
	}
	return nil
}

// histories are the events and bytes of a workflow, in the mean of some.
func (s *scene) histories(ctx context.Context, c contender, ids []string) (events, size float64, err error) {
	namespace := s.Temporal.Namespace
	if c.client == roleEmbedded {
		namespace = namespaceEmbedded
	}
	for _, id := range ids {
		info, err := s.describe(ctx, namespace, id)
		if err != nil {
			return 0, 0, err
		}
		events += float64(info.GetHistoryLength()) / float64(len(ids))
		size += float64(info.GetHistorySizeBytes()) / float64(len(ids))
	}
	return events, size, nil
}

func (s *scene) describe(ctx context.Context, namespace, id string) (*workflowpb.WorkflowExecutionInfo, error) {
	answer, err := s.temporal.WorkflowService().DescribeWorkflowExecution(ctx, &workflowservice.DescribeWorkflowExecutionRequest{
		Namespace: namespace, Execution: &commonpb.WorkflowExecution{WorkflowId: id},
	})
	if err != nil {
		return nil, fmt.Errorf("describe workflow %s: %w", id, err)
	}
	return answer.GetWorkflowExecutionInfo(), nil
}
