package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	enumspb "go.temporal.io/api/enums/v1"
	"golang.org/x/sync/errgroup"
)

// today is what goes on while the archive has its troubles: executions of today.
func today() load { return load{writers: 1, pause: 100 * time.Millisecond, atLeast: 100} }

// Faults of archive and retention. All end with everything archived and dropped,
// as if nothing had happened.
func archiveFaults() []fault {
	return []fault{
		{
			number: 15, name: "worker killed within archive and retention", expectation: "it goes on; dropped is only what was read back: rows lost 0", load: today(),
			injection: "SIGKILL at each of 16 steps from export to drop, and of moving between tablespaces",
			inject:    killEachStep, settled: func(ctx context.Context, t *trial) error { return t.archived(ctx) }, failpoints: maintenanceSteps(),
		},
		{
			number: 16, name: "object store in trouble", expectation: "tried again; drops without a verified object 0", load: today(),
			injection: "500, 503, 403, 5 s slow, cut after the deed, killed",
			inject:    storeTroubles, heal: calm, settled: func(ctx context.Context, t *trial) error { return t.archived(ctx) },
		},
		{
			number: 17, name: "upload or file altered", expectation: "undetected 0: nothing is dropped against what was altered", load: today(),
			injection: "a bit flipped on the way in, on the way out and in the store; files cut short",
			inject:    alterations, heal: calm, settled: func(ctx context.Context, t *trial) error { return t.archived(ctx) },
		},
		{
			number: 18, name: "the same archive run twice at once", expectation: "one wins: rows archived twice 0", load: today(),
			injection: "two runs at a time on two workers, 6 times",
			inject:    twoArchivers, settled: func(ctx context.Context, t *trial) error { return t.archived(ctx) },
		},
		{
			number: 19, name: "object deleted or overwritten by an administrator", expectation: "the store refuses (object lock, 403); what happens behind its back is found: nothing is dropped against it", load: today(),
			injection: "a file taken away, then one exchanged, behind the store's back; locked objects, through it",
			inject:    vandals, settled: func(ctx context.Context, t *trial) error { return t.archived(ctx) },
		},
		{
			number: 28, name: "row or file edited by an administrator", expectation: "archive names the row, verify names the file", load: today(),
			injection: "UPDATE as superuser before a run; a byte of a file changed after it",
			inject:    edits, settled: func(ctx context.Context, t *trial) error { return t.archived(ctx) },
		},
	}
}

// maintenanceSteps are those at which fault 15 kills. The others are reached by
// other policies of retention; make test-kills kills at those.
func maintenanceSteps() []string {
	return []string{
		"archive.segment-encoded", "archive.segment-put", "archive.segment-verified", "archive.manifest-put", "export.written", "export.published",
		"detach.noted", "detach.tried", "drop.counted", "drop.committed",
		"move.created", "move.mirrored", "move.batch", "move.copied", "move.compared", "move.swapped",
	}
}

func killEachStep(ctx context.Context, t *trial) error {
	steps := maintenanceSteps()
	if t.quick {
		steps = []string{"archive.segment-put", "archive.manifest-put", "drop.counted"}
	}
	for n, step := range steps {
		if err := t.postOld(ctx, fmt.Sprintf("r%d-", n)); err != nil {
			return err
		}
		if err := t.dieWithin(ctx, step); err != nil {
			return err
		}
	}
	return nil
}

// dieWithin has the worker die at a step of maintenance, and starts it again.
func (t *trial) dieWithin(ctx context.Context, step string) error {
	w := t.product.Worker
	t.kill(w)
	w.Env = []string{"AUDITFLOW_FAILPOINT=" + step}
	if err := w.Launch(); err != nil {
		return err
	}
	err := t.maintain(ctx)
	switch {
	case err == nil:
		t.complain("nobody died at %s", step)
		t.kill(w)
	case !errors.Is(err, errDied):
		return err
	case w.Ended() != "signal: killed":
		return fmt.Errorf("the worker was to die at %s and ended otherwise: %s", step, w.Ended())
	default:
		t.kills.Add(1)
		t.runs.Add(1)
	}
	w.Env = nil
	if err := w.Start(ctx); err != nil {
		return err
	}
	if err := t.whole(ctx, 2*time.Minute); err != nil { // with the step half done
		t.complain("after a kill at %s: %v", step, err)
	}
	return t.maintain(ctx) // it goes on, and leaves the next step something of its own
}

// calm takes all harm away from the object store.
func calm(ctx context.Context, t *trial) error {
	t.shop.be(mood{})
	return t.S3.Start(ctx)
}

func storeTroubles(ctx context.Context, t *trial) error {
	for n, m := range []mood{
		{status: http.StatusInternalServerError}, {status: http.StatusServiceUnavailable}, {status: http.StatusForbidden},
		{delay: 5 * time.Second}, {cut: true},
	} {
		if err := t.harmStore(ctx, fmt.Sprintf("s%d-", n), m); err != nil {
			return err
		}
	}
	if err := t.postOld(ctx, "killed-"); err != nil {
		return err
	}
	t.S3.Kill()
	t.kills.Add(1)
	t.runs.Add(1)
	return errors.Join(t.tryInVain(ctx), t.S3.Start(ctx))
}

// harmStore has maintenance run while the store is in a mood.
func (t *trial) harmStore(ctx context.Context, label string, m mood) error {
	if err := t.postOld(ctx, label); err != nil {
		return err
	}
	before := t.shop.struck.Load()
	t.shop.be(m)
	t.runs.Add(1)
	err := t.tryInVain(ctx)
	t.shop.be(mood{})
	if t.shop.struck.Load() == before {
		t.complain("the store was not asked for anything while it was %+v", m)
	}
	return err
}

// tryInVain runs archive and retention for a while. They may not get anywhere;
// what is in the database and in no archive must still be there.
func (t *trial) tryInVain(ctx context.Context) error {
	trying, cancel := context.WithTimeout(ctx, sooner(t, 25*time.Second, 12*time.Second))
	defer cancel()
	for _, schedule := range []string{scheduleArchive, scheduleRetention} {
		part, end := context.WithTimeout(trying, sooner(t, 12*time.Second, 6*time.Second))
		err := t.trigger(part, schedule, enumspb.SCHEDULE_OVERLAP_POLICY_TERMINATE_OTHER)
		end()
		if errors.Is(err, errDied) {
			return fmt.Errorf("%s: %w", schedule, err)
		}
	}
	if err := t.whole(ctx, 2*time.Minute); err != nil {
		t.complain("%v", err)
	}
	return nil
}

func twoArchivers(ctx context.Context, t *trial) error {
	second, err := t.product.Worker.Replica("worker-2")
	if err != nil {
		return err
	}
	if err := second.Start(ctx); err != nil {
		return err
	}
	defer t.kill(second)
	for n := range sooner(t, 6, 2) {
		if err := t.postOld(ctx, fmt.Sprintf("t%d-", n)); err != nil {
			return err
		}
		twice, ctx := errgroup.WithContext(ctx)
		for range 2 {
			twice.Go(func() error {
				ctx, cancel := context.WithTimeout(ctx, time.Minute)
				defer cancel()
				err := t.trigger(ctx, scheduleArchive, enumspb.SCHEDULE_OVERLAP_POLICY_ALLOW_ALL)
				if errors.Is(err, errDied) {
					return err
				}
				return nil // one of the two may well be refused
			})
			if err := rest(ctx, 1100*time.Millisecond); err != nil { // runs are named by the second
				return err
			}
		}
		t.runs.Add(1)
		if err := twice.Wait(); err != nil {
			return err
		}
	}
	return nil
}
