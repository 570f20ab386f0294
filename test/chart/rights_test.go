//go:build chart

package chart

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// after is all that waits for the lead.
var after = []string{leadTold, execution, told, toldAgain, reviewed, job, jobReviewed, stray}

const (
	coordination = "coordination.k8s.io"
	newEvents    = "events.k8s.io"
	own          = "execution.kubernaut.io"
	kex          = "kubernetesexecutions"
	lease        = "auditflow-controller"
)

// late are rights without which client-go lists again and again, so that all is done, but
// late, and how late is its affair: that they are refused is what can be seen.
var late = map[right]bool{
	{"watch", own, kex, ""}:        true,
	{"watch", "batch", "jobs", ""}: true,
}

// needed tells for every right of the controller the steps that are not done without it.
// All others are.
var needed = map[right][]string{
	{"get", own, kex, ""}:    {execution, told, toldAgain, reviewed},
	{"list", own, kex, ""}:   {releaseFrees},
	{"watch", own, kex, ""}:  nil,
	{"patch", own, kex, ""}:  {execution, told, toldAgain, reviewed, releaseFrees},
	{"delete", own, kex, ""}: {reviewed},

	{"get", "batch", "jobs", ""}:    {execution, told, toldAgain, job, jobReviewed},
	{"list", "batch", "jobs", ""}:   {stray, releaseFrees},
	{"watch", "batch", "jobs", ""}:  nil,
	{"patch", "batch", "jobs", ""}:  {job, jobReviewed, stray, releaseFrees},
	{"delete", "batch", "jobs", ""}: {jobReviewed},

	{"update", "auditflow.io", "marks", ""}: {execution, told, toldAgain, reviewed, job, jobReviewed, stray, releaseFrees}, // for the policy

	{"list", "", "pods", ""}: {execution, told, toldAgain, job, jobReviewed},

	{"create", "", "events", ""}:        {leadTold},
	{"create", newEvents, "events", ""}: {told, toldAgain},
	{"patch", newEvents, "events", ""}:  {toldAgain},

	{"create", coordination, "leases", ""}:    append([]string{leads, leaseBack}, after...),
	{"get", coordination, "leases", lease}:    append([]string{leads, leaseBack}, after...),
	{"update", coordination, "leases", lease}: {leaseBack, releaseFrees}, // for somebody seems to lead
	{"list", coordination, "leases", lease}:   {releaseFrees},
}

// Not parallel: every controller works on all of the cluster, and would do what the one
// that is looked at may not.
func TestTheJourneyPassesWithTheRightsOfTheChartAndWithNoneLess(t *testing.T) {
	s := raise(t, "rights")
	defer s.leave(t)
	t.Run("nobody else may change the marks", func(t *testing.T) { marksAreProtected(t, s) })
	s.runs(t, "worker")
	t.Run("with all of them", func(t *testing.T) {
		if refused := s.travels(t, "all", nil, right{}); len(refused) > 0 {
			t.Errorf("the API server has refused %v", refused)
		}
	})
	has := s.rights(t, "controller")
	for one := range needed {
		if !slices.Contains(has, one) {
			t.Errorf("nobody gives the controller: %s", one)
		}
	}
	for i, lost := range has {
		breaks, ok := needed[lost]
		if !ok {
			t.Errorf("nobody tells what the controller needs for: %s", lost)
			continue
		}
		t.Run("without "+lost.String(), func(t *testing.T) {
			s.without(t, "controller", lost)
			refused := s.travels(t, fmt.Sprintf("less-%d", i), breaks, lost)
			if !slices.Equal(refused, []right{lost.sort()}) {
				t.Errorf("the API server has refused %v", refused)
			}
		})
	}
}

// travels has a controller make the journey, without one right unless that is empty, and
// checks that the steps that break are those that are said to. It returns what was refused.
func (s *stage) travels(t *testing.T, name string, breaks []string, lost right) []right {
	t.Helper()
	began := time.Now()
	j := &journey{stage: s, name: name, done: map[string]bool{}}
	if err := s.api.CoordinationV1().Leases(s.name).DeleteCollection(t.Context(), metav1.DeleteOptions{}, metav1.ListOptions{}); err != nil {
		t.Fatal(err)
	}
	s.refusals.forget()
	j.before(t)
	defer j.clean(t)
	var err error
	if j.process, err = s.node.Start(t.Context(), s.name, s.of("controller")); err != nil {
		t.Fatal(err)
	}
	j.completes(t)
	j.watch(t, breaks, lost)
	stopped := j.process.Stop(t.Context())
	if stopped != nil && lost == (right{}) {
		t.Error(stopped)
	}
	_, err = s.api.CoordinationV1().Leases(s.name).Get(t.Context(), lease, metav1.GetOptions{})
	j.done[leaseBack] = err == nil && s.holder(t.Context()) == ""
	j.done[releaseFrees] = j.releases(t)
	for step, done := range j.done {
		if late[lost] {
			break
		}
		if broken := slices.Contains(breaks, step); done == broken {
			t.Errorf("%s: %t\n%s", step, done, j.process.Said())
		}
	}
	t.Logf("%.1f s; not done: %s", time.Since(began).Seconds(), strings.Join(breaks, "; "))
	return s.refusals.all()
}

// watch looks at the steps until all are done that ought to be, and what the controller
// may not do was refused, if that is to be while it runs.
func (j *journey) watch(t *testing.T, breaks []string, lost right) {
	t.Helper()
	steps := j.whileItRuns()
	look := func(ctx context.Context) bool {
		refused := slices.Contains(j.refusals.all(), lost.sort())
		if late[lost] {
			return refused && !j.process.Ended()
		}
		whole := slices.Equal(breaks, []string{releaseFrees}) || lost == (right{}) || refused
		for step, is := range steps {
			j.done[step] = j.done[step] || is(ctx)
			whole = whole && (j.done[step] || slices.Contains(breaks, step))
		}
		return whole && !j.process.Ended()
	}
	defer func() {
		if t.Failed() {
			t.Logf("done: %v; refused: %v; it said:\n%s", j.done, j.refusals.all(), j.process.Said())
		}
	}()
	names := slices.DeleteFunc(slices.Sorted(maps.Keys(steps)), func(step string) bool { return slices.Contains(breaks, step) })
	j.until(t, strings.Join(names, "; "), look)
}

// releases runs "controller release" as the controller, and tells whether all went well.
func (j *journey) releases(t *testing.T) bool {
	t.Helper()
	force := []string{"release", "--unpersisted"}
	p, err := j.node.Command(t.Context(), j.stage.name, j.of("controller"), force...)
	if err != nil {
		t.Fatal(err)
	}
	return p.Wait(t.Context()) == nil
}
