package main

import (
	"slices"
	"strings"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	v1 "github.com/auditflow/auditflow/api/v1"
	"github.com/auditflow/auditflow/audit"
	"github.com/auditflow/auditflow/test/world"
)

var ended = time.Date(2026, 3, 1, 10, 0, 0, 123_456_000, time.UTC)

// agreeing are books in which all is well: one execution that completed, one
// that was deleted while it ran.
func agreeing() books {
	ok := scenario{name: "scaled-up", action: "scale", target: deployment("prod", "web"), params: `{"replicas":5}`,
		plan: world.Plan{Output: "scaled\x00"}, want: completes()}
	gone := scenario{name: "deleted", action: "drain",
		want: expectation{phase: v1.PhaseExecuting, reason: "PodNotTerminated", failure: "deleted", deleted: true}}
	b := books{seen: map[types.UID]sighting{}, workflows: map[string]string{"audit/a": "Completed", "audit/b": "Completed"}}
	b.add("a", ok, v1.PhaseCompleted)
	b.add("b", gone, v1.PhaseExecuting)
	return b
}

func (b *books) add(uid types.UID, s scenario, phase v1.Phase) {
	start := metav1.NewTime(ended.Add(-time.Second))
	ex := s.execution()
	ex.UID, ex.CreationTimestamp = uid, start
	ex.Status = v1.KubernetesExecutionStatus{Phase: phase, JobRef: &v1.JobReference{Name: s.name}}
	r := row{
		ID: audit.ID(world.Cluster, string(uid)), UID: string(uid), Cluster: world.Cluster, Namespace: namespace, Name: s.name,
		Action: s.action, TargetNamespace: s.target.Namespace, TargetKind: s.target.ResourceKind, TargetOf: s.target.ResourceName,
		WorkflowRef: ex.Spec.WorkflowExecutionRef.Name, StepIndex: ex.Spec.StepIndex,
		Success: s.want.success, Phase: string(phase), OutputSHA: digest(s.output()), OutputBytes: len(s.output()), Error: s.failure(),
		JobName: s.name, ExitReason: s.want.reason, ExitCode: s.want.exit, DeliveredBy: "audit/" + string(uid),
		Created: &start.Time, Completed: &ended, Persisted: ended.Add(50 * time.Millisecond),
	}
	seen := sighting{object: ex, ended: phase.Terminal()}
	end := metav1.NewTime(ended)
	if phase.Terminal() {
		r.Parameters, r.Start, r.End = []byte(`{"replicas": 5.0}`), &start.Time, &ended
		ex.Status.Result = &v1.Result{Success: true, StartTime: &start, EndTime: &end}
		ex.Annotations = map[string]string{v1.PersistedAnnotation: r.ID + " 2026-03-01T10:00:00Z"}
	} else {
		ex.DeletionTimestamp, seen.asked, seen.gone = &end, true, true
	}
	completion := world.Completion{Name: types.NamespacedName{Namespace: namespace, Name: s.name}, UID: uid, Phase: phase, At: ended}
	b.finished = append(b.finished, finished{s, completion})
	b.seen[uid] = seen
	b.rows = append(b.rows, r)
}

func TestBooksThatAgreeShowNoDifference(t *testing.T) {
	t.Parallel()
	v := agreeing().compare()
	if len(v.differences) > 0 || v.executions != 2 || v.persisted != 2 || v.missing != 0 || v.duplicates != 0 {
		t.Errorf("%+v", v)
	}
}

func TestBooksThatDisagreeSayIn(t *testing.T) {
	t.Parallel()
	one := int32(1)
	later := ended.Add(time.Second)
	first := func(change func(*row)) func(*books) { return func(b *books) { change(&b.rows[0]) } }
	object := func(change func(*sighting)) func(*books) {
		return func(b *books) { s := b.seen["a"]; change(&s); b.seen["a"] = s }
	}
	for _, c := range []struct {
		name  string
		spoil func(*books)
		want  string
	}{
		{"a row is missing", func(b *books) { b.rows = b.rows[1:] }, "scaled-up completed 10:00:00.123 and has no row"},
		{"a row is there twice", func(b *books) { b.rows = append(b.rows, b.rows[0]) }, "scaled-up has 2 rows"},
		{"a row nobody asked for", func(b *books) { b.rows = append(b.rows, row{UID: "z", Name: "stray"}) }, `"stray", which nobody saw complete`},
		{"the API server never showed it", func(b *books) { delete(b.seen, "a") }, "the API server never showed it"},
		{"the executor never ran it", func(b *books) { b.finished = b.finished[1:] }, "scaled-up completed, says the API server"},
		{"id", first(func(r *row) { r.ID = "x" }), "id is"},
		{"cluster", first(func(r *row) { r.Cluster = "x" }), "cluster is"},
		{"namespace", first(func(r *row) { r.Namespace = "x" }), "execution_namespace is"},
		{"name", first(func(r *row) { r.Name = "x" }), "execution_id is"},
		{"action", first(func(r *row) { r.Action = "x" }), "action_type is"},
		{"target namespace", first(func(r *row) { r.TargetNamespace = "x" }), "target_namespace is"},
		{"target kind", first(func(r *row) { r.TargetKind = "x" }), "target_resource_kind is"},
		{"target name", first(func(r *row) { r.TargetOf = "x" }), "target_resource_name is"},
		{"workflow", first(func(r *row) { r.WorkflowRef = "x" }), "workflow_ref is"},
		{"step", first(func(r *row) { r.StepIndex = 9 }), "step_index is 9"},
		{"parameters", first(func(r *row) { r.Parameters = []byte(`{"replicas":6}`) }), "action_parameters are"},
		{"parameters lost", first(func(r *row) { r.Parameters = nil }), "action_parameters are"},
		{"phase", first(func(r *row) { r.Phase = "Failed" }), `phase is "Failed", not "Completed"`},
		{"success", first(func(r *row) { r.Success = false }), "success is false, not true"},
		{"output", first(func(r *row) { r.OutputSHA = digest("x") }), "SHA-256 of output"},
		{"output cut", first(func(r *row) { r.OutputBytes-- }), "the size of output"},
		{"error", first(func(r *row) { r.Error = "x" }), "error is"},
		{"job", first(func(r *row) { r.JobName = "x" }), "job_name is"},
		{"exit code", first(func(r *row) { r.ExitCode = &one }), `job_exit_code is "1", not "0"`},
		{"exit code lost", first(func(r *row) { r.ExitCode = nil }), `job_exit_code is "NULL", not "0"`},
		{"unknown exit code written as 0", func(b *books) { b.rows[1].ExitCode = new(int32) }, `job_exit_code is "0", not "NULL"`},
		{"reason", first(func(r *row) { r.ExitReason = "x" }), "job_exit_reason is"},
		{"retries", first(func(r *row) { r.Retries = 2 }), "retry_count is 2"},
		{"created", first(func(r *row) { r.Created = &later }), "created_at is"},
		{"start", first(func(r *row) { r.Start = nil }), "start_time is"},
		{"end", first(func(r *row) { r.End = &later }), "end_time is"},
		{"completed", first(func(r *row) { r.Completed = &later }), "completed_at is"},
		{"completed by the wrong clock", func(b *books) { b.rows[1].Completed = &later }, "deleted: completed_at is"},
		{"masked for nothing", first(func(r *row) { r.Masked = 1 }), "the number of masked places is 1"},
		{"not masked", func(b *books) { b.finished[0].scenario.want.masked = true }, "nothing is masked"},
		{"not marked", object(func(s *sighting) { s.object.Annotations = nil }), "annotation " + v1.PersistedAnnotation},
		{"still held", object(func(s *sighting) { s.object.Finalizers = []string{v1.DeliveryFinalizer} }), "number of finalizers is 1"},
		{"vanished", object(func(s *sighting) { s.gone = true }), "nobody deleted it"},
		{"wedged", func(b *books) { s := b.seen["b"]; s.gone = false; b.seen["b"] = s }, "was deleted and is still there"},
		{"workflow unfinished", func(b *books) { b.workflows["audit/a"] = "Running" }, `"Running" in Temporal, not Completed`},
		{"workflow unknown", first(func(r *row) { r.DeliveredBy = "" }), `names workflow ""`},
	} {
		b := agreeing()
		c.spoil(&b)
		v := b.compare()
		if !slices.ContainsFunc(v.differences, func(d string) bool { return strings.Contains(d, c.want) }) {
			t.Errorf("%s: want %q among %q", c.name, c.want, v.differences)
		}
	}
}

func TestOnlyWhatTimeMayHealIsWaitedFor(t *testing.T) {
	t.Parallel()
	b := agreeing()
	b.rows[0].Phase = "Failed"
	if v := b.compare(); v.early {
		t.Errorf("a row that is wrong stays so: %q", v.differences)
	}
	b.workflows["audit/a"] = "Running"
	if v := b.compare(); !v.early {
		t.Errorf("a workflow may still end: %q", v.differences)
	}
}

func TestMissingAndDuplicateRowsAreCounted(t *testing.T) {
	t.Parallel()
	b := agreeing()
	b.rows = []row{b.rows[0], b.rows[0], b.rows[0]}
	if v := b.compare(); v.executions != 2 || v.persisted != 1 || v.missing != 1 || v.duplicates != 2 {
		t.Errorf("%+v", v)
	}
}

func TestAnExecutionOnlyTheAPIServerSawIsMissingToo(t *testing.T) {
	t.Parallel()
	b := agreeing()
	b.finished, b.rows = b.finished[1:], b.rows[1:]
	if v := b.compare(); v.executions != 2 || v.missing != 1 {
		t.Errorf("%+v", v)
	}
}

func TestSameJSONComparesValues(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		a, b string
		same bool
	}{
		{`{"a":1,"b":[2]}`, `{ "b": [2.0], "a": 1e0 }`, true},
		{`"\u0000"`, `"␀"`, true},
		{``, ``, true},
		{``, `null`, false},
		{`123456789012345678901`, `123456789012345678902`, false},
		{`[1,2]`, `[2,1]`, false},
		{`{"a":null}`, `{}`, false},
		{`{"a":1}`, `{"b":1}`, false},
		{`1`, `"1"`, false},
	} {
		if got := sameJSON([]byte(c.a), []byte(c.b)); got != c.same {
			t.Errorf("%s and %s: %t", c.a, c.b, got)
		}
	}
}
