package controller

import (
	"testing"
	"time"

	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"sigs.k8s.io/controller-runtime/pkg/client"

	v1 "github.com/auditflow/auditflow/api/v1"
)

var recorded = labels.SelectorFromSet(labels.Set{"audit.kubernaut.io/record": "true"})

func chosenJob() *batchv1.Job {
	return &batchv1.Job{ObjectMeta: metav1.ObjectMeta{Namespace: "batch", Name: "backup", Labels: map[string]string{"audit.kubernaut.io/record": "true"}}}
}

func TestWhichJobsAreRecorded(t *testing.T) {
	t.Parallel()
	everywhere, inBatch := &Jobs{Selector: recorded}, &Jobs{Selector: recorded, Namespaces: []string{"batch"}}
	for name, tc := range map[string]struct {
		source *Jobs
		change func(*batchv1.Job)
		want   bool
	}{
		"one that is chosen":                       {everywhere, func(*batchv1.Job) {}, true},
		"one that is not":                          {everywhere, func(j *batchv1.Job) { j.Labels["audit.kubernaut.io/record"] = "no" }, false},
		"one in the right namespace":               {inBatch, func(*batchv1.Job) {}, true},
		"one in another namespace":                 {inBatch, func(j *batchv1.Job) { j.Namespace = "other" }, false},
		"one that names its execution":             {everywhere, func(j *batchv1.Job) { j.Labels[v1.ExecutionUIDLabel] = "uid" }, false},
		"one that an execution owns":               {everywhere, ownedBy("execution.kubernaut.io/v1", v1.Kind), false},
		"one that an execution of v2 owns":         {everywhere, ownedBy("execution.kubernaut.io/v2", v1.Kind), false},
		"one that a CronJob owns":                  {everywhere, ownedBy("batch/v1", "CronJob"), true},
		"somebody else's kind of that name":        {everywhere, ownedBy("example.org/v1", v1.Kind), true},
		"none, as long as nobody chose":            {&Jobs{}, func(*batchv1.Job) {}, false},
		"all the same when its cached copy is all": {everywhere, func(j *batchv1.Job) { stripped(t, j) }, true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			job := chosenJob()
			tc.change(job)
			if got := tc.source.Records(job); got != tc.want {
				t.Errorf("recorded: %t", got)
			}
		})
	}
}

func ownedBy(version, kind string) func(*batchv1.Job) {
	return func(j *batchv1.Job) {
		j.OwnerReferences = []metav1.OwnerReference{{APIVersion: version, Kind: kind, Name: "x", UID: "x"}}
	}
}

func stripped(t *testing.T, o client.Object) client.Object {
	t.Helper()
	for _, s := range Sources() { // each leaves alone what is not of its kind
		if _, err := s.Cache().Transform(o); err != nil {
			t.Error(err)
		}
	}
	return o
}

func TestTheCacheKeepsMarksAndNoContent(t *testing.T) {
	t.Parallel()
	const secret = "content"
	f, j := facts(), jobFacts()
	for _, o := range []client.Object{f.Execution, j.Job} {
		o.SetAnnotations(map[string]string{v1.PersistedAnnotation: "id time", "kubectl.kubernetes.io/last-applied-configuration": secret})
		o.SetFinalizers([]string{v1.DeliveryFinalizer})
		o.SetManagedFields([]metav1.ManagedFieldsEntry{{Manager: secret}})
		stripped(t, o)
		if !isMarked(o, "id") || !isHeld(o) || len(o.GetAnnotations()) != 1 || o.GetManagedFields() != nil {
			t.Errorf("%T keeps annotations %v, finalizers %v, managed fields %v", o, o.GetAnnotations(), o.GetFinalizers(), o.GetManagedFields())
		}
	}
	if !(&Executions{}).Ended(f.Execution) || f.Execution.Spec.Action.Parameters != nil || f.Execution.Status.Result != nil {
		t.Errorf("of the execution is left: %+v", f.Execution)
	}
	if !(&Jobs{}).Ended(j.Job) || j.Job.Spec.BackoffLimit != nil || j.Job.Status.StartTime != nil {
		t.Errorf("of the Job is left: %+v", j.Job)
	}
}

func TestAJobHasEndedWhenItsControllerSaysSo(t *testing.T) {
	t.Parallel()
	for kind, want := range map[batchv1.JobConditionType]bool{
		batchv1.JobComplete: true, batchv1.JobFailed: true,
		batchv1.JobSuspended: false, batchv1.JobSuccessCriteriaMet: false, batchv1.JobFailureTarget: false,
	} {
		job := chosenJob()
		job.Status.Conditions = []batchv1.JobCondition{{Type: kind, Status: corev1.ConditionTrue}}
		if got := (&Jobs{}).Ended(job); got != want {
			t.Errorf("%s: ended: %t", kind, got)
		}
	}
}

func TestWhenAnObjectMayBeRemoved(t *testing.T) {
	t.Parallel()
	const row, window = "row-1", 24 * time.Hour
	persisted := time.Date(2026, 11, 23, 5, 0, 0, 0, time.UTC)
	marks := func(id string, state string, more ...string) map[string]string {
		m := map[string]string{v1.PersistedAnnotation: id + " " + persisted.Format(time.RFC3339), v1.StateAnnotation: state}
		for i := 0; i < len(more); i += 2 {
			m[more[i]] = more[i+1]
		}
		return m
	}
	for name, tc := range map[string]struct {
		annotations map[string]string
		window      time.Duration
		never       bool
	}{
		"after the window, counted from when it was persisted": {marks(row, v1.StatePersisted), window, false},
		"never without a window":                               {marks(row, v1.StatePersisted), 0, true},
		"never while in quarantine":                            {marks(row, v1.StateQuarantined), window, true},
		"never while pending":                                  {map[string]string{v1.StateAnnotation: v1.StatePending}, window, true},
		"never when somebody wants it kept":                    {marks(row, v1.StatePersisted, v1.KeepAnnotation, "true"), window, true},
		"after all when somebody wants it kept no more":        {marks(row, v1.StatePersisted, v1.KeepAnnotation, "false"), window, false},
		"never with the mark of another object":                {marks("row-2", v1.StatePersisted), window, true},
		"never with a mark that has no time":                   {map[string]string{v1.PersistedAnnotation: row, v1.StateAnnotation: v1.StatePersisted}, window, true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			until, ends := reviewEnds(&metav1.PartialObjectMetadata{ObjectMeta: metav1.ObjectMeta{Annotations: tc.annotations}}, row, tc.window)
			if ends == tc.never {
				t.Fatalf("may be removed at some time: %t", ends)
			}
			// The mark was written at some time within its second.
			if left := until.Sub(persisted.Add(999 * time.Millisecond)); ends && left < window {
				t.Errorf("%s after it was persisted", left)
			}
		})
	}
}

func TestStraysAreLookedForAmongWhatIsNotWatchedInFull(t *testing.T) {
	t.Parallel()
	jobs := &Jobs{Selector: recorded}
	for name, tc := range map[string]struct {
		watched []Watched
		held    client.Object
		want    map[string]bool // whether an object held is let go, by the kinds looked at
	}{
		"executions only: every Job":      {[]Watched{{Source: &Executions{}}}, chosenJob(), map[string]bool{"Job": true}},
		"Jobs as well: those not chosen":  {[]Watched{{Source: &Executions{}}, {Source: jobs}}, &batchv1.Job{}, map[string]bool{"Job": true}},
		"Jobs as well: not those chosen":  {[]Watched{{Source: &Executions{}}, {Source: jobs}}, chosenJob(), map[string]bool{"Job": false}},
		"nothing is watched: all of them": {nil, chosenJob(), map[string]bool{"Job": true, v1.Kind: true}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			look := straysOf(tc.watched)
			if len(look) != len(tc.want) {
				t.Errorf("looks at %d kinds, want %v", len(look), tc.want)
			}
			for s, r := range look {
				want, known := tc.want[s.Kind().Kind]
				if goes := r.Spare == nil || !r.Spare(tc.held); !known || goes != want {
					t.Errorf("%s: let go: %t, want %v", s.Kind().Kind, goes, tc.want)
				}
			}
		})
	}
}
