package main

import (
	"strings"
	"testing"
	"time"

	coordinationv1 "k8s.io/api/coordination/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"

	"github.com/auditflow/auditflow/controller"
)

func TestALeaseIsHeldUntilItIsGivenBackOrRunsOut(t *testing.T) {
	t.Parallel()
	now := time.Now()
	renewed := func(ago time.Duration) *metav1.MicroTime { return ptr.To(metav1.NewMicroTime(now.Add(-ago))) }
	for name, tc := range map[string]struct {
		spec coordinationv1.LeaseSpec
		want bool
	}{
		"renewed just now":        {coordinationv1.LeaseSpec{HolderIdentity: ptr.To("pod"), RenewTime: renewed(time.Second), LeaseDurationSeconds: ptr.To[int32](15)}, true},
		"its holder was killed":   {coordinationv1.LeaseSpec{HolderIdentity: ptr.To("pod"), RenewTime: renewed(16 * time.Second), LeaseDurationSeconds: ptr.To[int32](15)}, false},
		"given back":              {coordinationv1.LeaseSpec{HolderIdentity: ptr.To(""), RenewTime: renewed(0), LeaseDurationSeconds: ptr.To[int32](1)}, false},
		"never held":              {coordinationv1.LeaseSpec{}, false},
		"held, nobody knows when": {coordinationv1.LeaseSpec{HolderIdentity: ptr.To("pod")}, true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if got := held(tc.spec, now); got != tc.want {
				t.Errorf("held: %t", got)
			}
		})
	}
}

func TestReleaseTellsHowToUseIt(t *testing.T) {
	t.Parallel()
	if o := execute("release", "--help"); o.Code != 0 || !strings.Contains(o.Stdout, "Exit codes") || !strings.Contains(o.Stdout, "--unpersisted") {
		t.Errorf("exit code %d: %s%s", o.Code, o.Stdout, o.Stderr)
	}
	for _, args := range [][]string{{"-o", "xml"}, {"--nonsense"}, {"argument"}} {
		if o := execute(append([]string{"release"}, args...)...); o.Code != 2 || o.Stdout != "" {
			t.Errorf("%v: exit code %d: %s%s", args, o.Code, o.Stdout, o.Stderr)
		}
	}
}

func TestWhatIsHeldStillIsAFailureUnlessNothingWasToBeDone(t *testing.T) {
	t.Parallel()
	left := []controller.Released{{Source: "Job", Held: 3, Unpersisted: 2, Released: 1, Kept: 2}}
	if err := (releaseFlags{}).verdict(left, nil); err == nil || !strings.Contains(err.Error(), "2 objects are held still") {
		t.Errorf("got %v", err)
	}
	if err := (releaseFlags{dryRun: true}).verdict(left, nil); err != nil {
		t.Errorf("a dry run fails: %v", err)
	}
	var screen strings.Builder
	if err := (releaseFlags{output: "table"}).tell(&screen, left); err != nil || strings.Join(strings.Fields(screen.String()), " ") !=
		"SOURCE OBJECTS HELD UNPERSISTED RELEASED KEPT FAILED Job 0 3 2 1 2 0" {
		t.Errorf("%v, %s", err, screen.String())
	}
}
