package main

import (
	"slices"
	"strings"
	"testing"
)

func TestSomebodyIsKilledAtEveryFailpointInTheCode(t *testing.T) {
	t.Parallel()
	found, err := failpointsIn("../..")
	if err != nil {
		t.Fatal(err)
	}
	if len(found) < 20 {
		t.Errorf("only %d failpoints were found: is the search blind?", len(found))
	}
	tested, err := killedByTests("../..")
	if err != nil {
		t.Fatal(err)
	}
	for point, where := range found {
		if len(killersAt(point)) == 0 && !tested[point] {
			t.Errorf("%s (%s): nobody is killed there", point, where)
		}
	}
	for _, f := range matrix() {
		for _, point := range f.failpoints {
			if found[point] == "" {
				t.Errorf("fault %d kills somebody at %s, which is nowhere in the code", f.number, point)
			}
		}
	}
}

func TestEveryFaultIsInTheMatrixOnceAndSaysWhatIsExpected(t *testing.T) {
	t.Parallel()
	var numbers []int
	for _, f := range matrix() {
		numbers = append(numbers, f.number)
		if f.name == "" || f.expectation == "" || f.why == "" && (f.injection == "" || f.inject == nil) {
			t.Errorf("fault %d is not complete: %+v", f.number, f)
		}
	}
	for n := 1; n <= 34; n++ {
		if !slices.Contains(numbers, n) {
			t.Errorf("fault %d is missing: if it cannot be injected, say why", n)
		}
	}
	if len(numbers) != 34 {
		t.Errorf("%d faults: %v", len(numbers), numbers)
	}
}

func TestOnlyWhatIsMetAndAllOfItIsASuccess(t *testing.T) {
	t.Parallel()
	met := figures{Fault: 1, Met: true, Kills: 3, Completions: 10}
	var r report
	if r.verdict() == nil {
		t.Error("nothing was injected, and that is a success")
	}
	r.add(met)
	if err := r.verdict(); err != nil || r.Kills != 3 || r.Completions != 10 {
		t.Errorf("%+v: %v", r, err)
	}
	unmet := met
	unmet.Fault, unmet.Met = 7, false
	bad := report{}
	bad.add(met)
	bad.add(unmet)
	if err := bad.verdict(); err == nil || !strings.Contains(err.Error(), "fault 7") {
		t.Errorf("one is not met: %v", err)
	}
	for name, f := range map[string]figures{
		"lost": {Met: true, Lost: 1}, "duplicates": {Met: true, Duplicates: 1}, "leaked": {Met: true, Leaked: 1}, "absent": {Met: true, Absent: 1},
	} {
		r := report{}
		r.add(f)
		if r.verdict() == nil {
			t.Errorf("%s: that is a success", name)
		}
	}
}

func TestTheQuickSelectionHasWhatCannotBeInjectedAsWell(t *testing.T) {
	t.Parallel()
	chosen, err := choose(nil, true)
	if err != nil || len(chosen) < 10 {
		t.Fatalf("%d faults, %v", len(chosen), err)
	}
	if _, err := choose([]int{99}, false); err == nil {
		t.Error("there is a fault 99")
	}
	one, err := choose([]int{7}, true)
	if err != nil || len(one) != 1 || one[0].number != 7 {
		t.Errorf("%+v, %v", one, err)
	}
}
