package archive_test

import (
	"context"
	"encoding/json"
	"fmt"
	"iter"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/auditflow/auditflow/audit"
	"github.com/auditflow/auditflow/store/archive"
)

var january = audit.PeriodOf(audit.Monthly, time.Date(2025, 1, 1, 0, 0, 0, 0, time.UTC))

// rowsOf makes rows of a period in the order of the trail, the same for the same
// seed. Among them is every shape of a column: known, unknown, empty, large.
func rowsOf(p audit.Period, n int, seed uint64) []*audit.Persisted {
	random := rand.New(rand.NewPCG(seed, 1))
	rows := make([]*audit.Persisted, n)
	for i := range rows {
		created := p.Start.Add(time.Duration(random.Int64N(int64(p.End.Sub(p.Start)/time.Second))) * time.Second)
		if i%10 == 0 {
			created = p.Start // many at one instant: the id decides
		}
		rows[i] = rowAt(created, random)
	}
	slices.SortFunc(rows, func(a, b *audit.Persisted) int { return key(a).Compare(key(b)) })
	return rows
}

func key(p *audit.Persisted) audit.Key { return audit.Key{CreatedAt: p.CreatedAt, ID: p.ID} }

func rowAt(created time.Time, random *rand.Rand) *audit.Persisted {
	uid := fmt.Sprintf("%016x%016x", random.Uint64(), random.Uint64())
	duration := time.Duration(random.Int64N(1e12)).Truncate(time.Microsecond)
	exit, signal := random.Int32N(256), random.Int32N(30)
	r := audit.Record{
		ID: audit.ID("test", uid), ExecutionID: "restart-pod-" + uid[:8], WorkflowRef: fmt.Sprintf("alert-%d", random.IntN(50)),
		StepIndex: random.Int32N(9), ActionType: []string{"restart-pod", "scale-deployment", "drain-node"}[random.IntN(3)],
		TargetNamespace: "prod-shop", TargetResourceKind: "Deployment", Success: random.IntN(3) > 0,
		CreatedAt: created, Phase: "Completed", Cluster: "cluster-a", Source: "Job", MaxRetries: 3, RetryCount: random.Int32N(3),
		DeliveredBy: "audit/Job/" + uid, Policy: []string{"builtin-1", "builtin-2"}[random.IntN(2)],
	}
	if random.IntN(2) == 0 {
		r.ActionParameters = json.RawMessage(fmt.Sprintf(`{"replicas":%d,"weight":1234567890123456789012.5,"why":"ünïcode \\u0001 <&>"}`, random.IntN(9)))
		r.Output = strings.Repeat(fmt.Sprintf("line %d of what it said\n", random.IntN(1000)), random.IntN(30))
		r.StartTime, r.EndTime, r.Duration = created.Add(time.Microsecond), created.Add(duration), &duration
		r.CompletedAt = r.EndTime
		r.JobResourceUsage = &audit.ResourceUsage{CPUMillicores: random.Int64N(9), MemoryBytes: random.Int64()}
		r.JobName, r.JobPodName, r.ExecutionUID = r.ExecutionID+"-job", r.ExecutionID+"-job-x", uid
	} else {
		r.Error = "it failed"
		r.JobExitCode, r.JobSignal, r.JobExitReason = &exit, &signal, "OOMKilled"
		r.Redactions = []audit.Redaction{{Rule: "password", Path: "action_parameters.env.0", Count: 2}}
		r.Notes = []audit.Note{{Change: audit.ChangeNUL, Path: "output", Count: 1}}
		r.ExecutionNamespace, r.TargetResourceName, r.ResourceUsageSource = "ns", "shop", "pod_requests"
	}
	r = r.Normalise()
	r.RecordSHA256 = r.Digest()
	return &audit.Persisted{Record: r, PersistedAt: created.Add(time.Hour)}
}

func each(rows []*audit.Persisted) iter.Seq2[*audit.Persisted, error] {
	return func(yield func(*audit.Persisted, error) bool) {
		for _, r := range rows {
			if !yield(r, nil) {
				return
			}
		}
	}
}

// written writes and publishes rows.
func written(t testing.TB, a *archive.Archive, p audit.Period, rows []*audit.Persisted) audit.Archived {
	t.Helper()
	var reported []audit.Segment
	segments, err := a.Write(t.Context(), p, each(rows), nil, func(s audit.Segment) { reported = append(reported, s) })
	must(t, err)
	if !slices.Equal(segments, reported) {
		t.Errorf("reported were %v, returned %v", reported, segments)
	}
	return publish(t, a, p, segments)
}

func publish(t testing.TB, a *archive.Archive, p audit.Period, segments []audit.Segment) audit.Archived {
	t.Helper()
	m, err := a.Publish(t.Context(), manifestOf(p, segments))
	must(t, err)
	return m
}

func manifestOf(p audit.Period, segments []audit.Segment) audit.Manifest {
	return audit.Manifest{
		Period: p.Suffix(), Start: p.Start, End: p.End, Schema: 5, Segments: segments,
		ArchivedAt: p.End.Add(time.Hour), ArchivedBy: "audit-archive/run",
	}
}

func read(t testing.TB, a *archive.Archive, start, end time.Time, id string) []*audit.Persisted {
	t.Helper()
	return collect(t, a.Read(t.Context(), start, end, id))
}

func collect[T any](t testing.TB, all iter.Seq2[T, error]) (list []T) {
	t.Helper()
	for v, err := range all {
		must(t, err)
		list = append(list, v)
	}
	return list
}

func entries(t testing.TB, rows []*audit.Persisted) (list []audit.Entry) {
	t.Helper()
	for _, r := range rows {
		e, err := r.Entry()
		must(t, err)
		list = append(list, e)
	}
	return list
}

// same compares rows by all that they hold.
func same(t testing.TB, what string, got, want []*audit.Persisted) {
	t.Helper()
	if len(got) != len(want) {
		t.Fatalf("%s: got %d rows, want %d", what, len(got), len(want))
	}
	for i := range got {
		g, err := json.Marshal(got[i])
		must(t, err)
		w, err := json.Marshal(want[i])
		must(t, err)
		if string(g) != string(w) {
			t.Fatalf("%s: row %d:\ngot  %s\nwant %s", what, i, g, w)
		}
	}
}

func verify(t testing.TB, a *archive.Archive, p audit.Period, known ...audit.Archived) audit.Finding {
	t.Helper()
	f, err := a.Verify(context.WithoutCancel(t.Context()), p.Suffix(), known, func(int64) {})
	must(t, err)
	return f
}
