package price

import (
	"context"

	"github.com/auditflow/auditflow/test/load/proc"
	"github.com/auditflow/auditflow/test/load/turn"
)

// The roles of processes of this program.
const (
	roleStarter  = "starter"
	roleFloor    = "floor"
	roleEmbedded = "embedded"
)

// Process groups, in the order in which a record meets them.
const (
	groupClient   = "client" // whoever hands over: starter, producer, writer
	groupWorker   = "worker"
	groupTemporal = "temporal"
	groupAudit    = "postgresql_audit"
	groupHistory  = "postgresql_temporal"
)

func groupsInOrder() []string {
	return []string{groupClient, groupWorker, groupTemporal, groupAudit, groupHistory}
}

// contender is one way of delivering records.
type contender struct {
	name    string
	work    string
	records int
	size    int // of a record, in bytes
	callers int
	batch   int
	rate    float64
	// client and worker are roles of this program; "" means the product's worker.
	client, worker string
	workflow       string // type of workflow that does it; "" is none
	leavesRows     bool
	// awaited tells that the worker says when it has done its part, and not the client.
	awaited bool
}

// worker of a contender that has none but its client.
const nobody = "nobody"

// closed is how many deliveries are under way where each waits for the end of the
// one before: enough to keep two processors busy, too few for tasks to queue up.
const closed = 8

// modes are our own ways, beside the floor. How many records make a turn of about
// the same length is given for one by one and for batches.
func modes(one, many int) []contender {
	single := contender{work: workSingle, records: one, size: 2048, callers: closed, client: roleStarter, workflow: typeDeliver, leavesRows: true}
	noop, bare, inOne, batched, large := single, single, single, single, single
	single.name = nameSingle
	noop.name, noop.work, noop.worker, noop.workflow, noop.leavesRows = nameNoop, workNothing, roleFloor, typeNothing, false
	bare.name, bare.work, bare.worker, bare.workflow, bare.leavesRows = nameNoopBare, workNothingBare, roleFloor, typeNothing, false
	inOne.name, inOne.client, inOne.worker = nameAllInOne, roleEmbedded, nobody
	batched.name, batched.work, batched.records, batched.batch = nameBatched, workBatched, many, 100
	large.name, large.work, large.records, large.batch, large.size = nameBatchedLarge, workBatched, many/8, 100, 32<<10
	return []contender{noop, single, inOne, bare, batched, large}
}

// Names of contenders that figures are computed of.
const (
	nameNoop         = "noop"
	nameNoopBare     = "noop_without_input"
	nameSingle       = "single"
	nameAllInOne     = "all_in_one"
	nameBatched      = "batched"
	nameBatchedLarge = "batched_32_kib"
)

// team are the processes of a contender: who is told, and who spends time.
type team struct {
	client *turn.Process
	worker *turn.Process    // nil: it is the product's, or nobody
	pids   map[string][]int // by group; trees of PostgreSQL are read apart
}

// assemble starts whom a contender needs. They stay: an idle process costs nothing.
func (s *scene) assemble(ctx context.Context, c contender) (t team, err error) {
	t.pids = map[string][]int{groupTemporal: {s.Temporal.PID()}}
	switch c.worker {
	case nobody:
	case "":
		t.pids[groupWorker] = []int{s.product.Worker.PID()}
		for _, p := range s.more {
			t.pids[groupWorker] = append(t.pids[groupWorker], p.PID())
		}
	default:
		p, err := s.process(ctx, c.worker)
		if err != nil {
			return t, err
		}
		t.worker, t.pids[groupWorker] = p, []int{p.PID()}
	}
	if t.client, err = s.process(ctx, c.client); err != nil {
		return t, err
	}
	t.pids[groupClient] = []int{t.client.PID()}
	return t, nil
}

// spent is the processor time of each group so far, in milliseconds.
func (s *scene) spent(t team) map[string]float64 {
	spent := map[string]float64{
		groupAudit:   milliseconds(proc.SpentByTree(proc.Postmaster(s.Postgres.DataDir))),
		groupHistory: milliseconds(proc.SpentByTree(proc.Postmaster(s.Temporal.Store.DataDir))),
	}
	for group, pids := range t.pids {
		for _, pid := range pids {
			spent[group] += milliseconds(proc.Spent(pid))
		}
	}
	return spent
}
