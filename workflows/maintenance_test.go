package workflows_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"go.temporal.io/sdk/activity"
	sdklog "go.temporal.io/sdk/log"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/testsuite"
	sdkworker "go.temporal.io/sdk/worker"
	"go.temporal.io/sdk/workflow"

	"github.com/auditflow/auditflow/activities"
	"github.com/auditflow/auditflow/audit"
	"github.com/auditflow/auditflow/audit/lifecycle"
	"github.com/auditflow/auditflow/workflows"
)

// keeper stands for the activities of maintenance: it notes what it is asked for
// and answers as it is told. The real ones are run in package worker.
type keeper struct {
	mu     sync.Mutex
	asked  []string // activity and subject
	counts []string // of runs
	// fail says how a step ends, by activity and subject; nil is well.
	fail map[string]error

	create    activities.CreatePlan
	tiers     activities.TierPlan
	archive   activities.ArchivePlan
	retention activities.RetentionPlan
	expiry    activities.ExpiryPlan
	// missing is how many rows of a partition the archive lacks at each comparison.
	missing  map[string][]int64
	exported int64             // rows of each export
	kept     map[string]string // partitions and periods that somebody holds at the last look
}

func (k *keeper) ask(step, subject string) error {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.asked = append(k.asked, strings.TrimSpace(step+" "+subject))
	return k.fail[strings.TrimSpace(step+" "+subject)]
}

// steps are those asked for, an attempt after another told once.
func (k *keeper) steps() []string { return slices.Compact(slices.Clone(k.asked)) }

func (k *keeper) hands() map[string]any {
	return map[string]any{
		workflows.ActivityPlanPartitions: func(context.Context, time.Time, lifecycle.Create) (activities.CreatePlan, error) {
			return k.create, k.ask("PlanPartitions", "")
		},
		workflows.ActivityEnsurePartition: func(_ context.Context, p audit.Period) (bool, error) {
			return true, k.ask("EnsurePartition", p.Suffix())
		},
		workflows.ActivityPlanTiers: func(context.Context, time.Time, lifecycle.Tiers) (activities.TierPlan, error) {
			return k.tiers, k.ask("PlanTiers", "")
		},
		workflows.ActivityMovePartition: func(_ context.Context, m lifecycle.Move) (bool, error) {
			return true, k.ask("MovePartition", m.Partition)
		},
		workflows.ActivityPlanArchive: func(context.Context, time.Time, lifecycle.Archiving) (activities.ArchivePlan, error) {
			return k.archive, k.ask("PlanArchive", "")
		},
		workflows.ActivityExportPeriod: func(_ context.Context, p activities.Period) (activities.Exported, error) {
			return activities.Exported{Rows: k.exported}, k.ask("ExportPeriod", p.Partition)
		},
		workflows.ActivityPublishManifest: func(_ context.Context, p activities.Publication) (activities.Published, error) {
			return activities.Published{Number: 1, Rows: p.Exported.Rows, Bytes: 300}, k.ask("PublishManifest", p.Period.Partition)
		},
		workflows.ActivityAdmitRetention: func(context.Context, lifecycle.Retaining) error { return k.ask("AdmitRetention", "") },
		workflows.ActivityPlanRetention: func(context.Context, time.Time, lifecycle.Retaining) (activities.RetentionPlan, error) {
			return k.retention, k.ask("PlanRetention", "")
		},
		workflows.ActivityFinishDetaching: func(_ context.Context, name string) error { return k.ask("FinishDetaching", name) },
		workflows.ActivityVerifyPeriod: func(_ context.Context, p activities.Period, _ time.Time) (activities.Verified, error) {
			return activities.Verified{Manifest: "sha-" + p.Partition}, k.ask("VerifyPeriod", p.Partition)
		},
		workflows.ActivityDetachPartition: func(_ context.Context, p activities.Period, _ time.Time, _ lifecycle.Retaining) (activities.Detached, error) {
			return activities.Detached{Kept: k.kept[p.Partition]}, k.ask("DetachPartition", p.Partition)
		},
		workflows.ActivityComparePartition: func(_ context.Context, p activities.Period) (lifecycle.Comparison, error) {
			return k.compare(p.Partition), k.ask("ComparePartition", p.Partition)
		},
		workflows.ActivityDropPartition: func(_ context.Context, r activities.Removal) (activities.Removed, error) {
			return activities.Removed{Rows: r.Rows, Bytes: 1 << 20}, k.ask("DropPartition", fmt.Sprintf("%s %d %s", r.Decision.Partition, r.Rows, r.Manifest))
		},
		workflows.ActivityDeleteRows: func(_ context.Context, r activities.Removal) (activities.Removed, error) {
			return activities.Removed{Rows: r.Rows}, k.ask("DeleteRows", r.Decision.Partition+" before "+r.Decision.Before.Format(time.DateOnly))
		},
		workflows.ActivityPlanArchiveRetention: func(context.Context, time.Time, lifecycle.Retaining) (activities.ExpiryPlan, error) {
			return k.expiry, k.ask("PlanArchiveRetention", "")
		},
		workflows.ActivityDeletePeriod: func(_ context.Context, r activities.Removal) (activities.Removed, error) {
			return activities.Removed{Rows: 7, Kept: k.kept[r.Decision.Period]}, k.ask("DeletePeriod", r.Decision.Period)
		},
		workflows.ActivityExpireRestores: func(context.Context, time.Time) (int64, error) { return 3, k.ask("ExpireRestores", "") },
		workflows.ActivityCountRun: func(_ context.Context, task, outcome string) error {
			k.counts = append(k.counts, task+" "+outcome)
			return nil
		},
	}
}

func (k *keeper) compare(partition string) lifecycle.Comparison {
	c := lifecycle.Comparison{Rows: 1000}
	if left := k.missing[partition]; len(left) > 0 {
		c.Missing, k.missing[partition] = left[0], left[1:]
	}
	return c
}

// run runs a maintenance workflow to its end.
func (k *keeper) run(t *testing.T, name string, policy any) (workflows.Report, error) {
	t.Helper()
	return k.runIn(k.environment(), name, policy)
}

func (k *keeper) environment() *testsuite.TestWorkflowEnvironment {
	var s testsuite.WorkflowTestSuite
	s.SetLogger(sdklog.NewStructuredLogger(slog.New(slog.DiscardHandler)))
	env := s.NewTestWorkflowEnvironment()
	for name, w := range map[string]any{
		workflows.TypeCreatePartitions: workflows.CreatePartitions, workflows.TypeTierPartitions: workflows.TierPartitions,
		workflows.TypeArchivePartitions: workflows.ArchivePartitions, workflows.TypeEnforceRetention: workflows.EnforceRetention,
	} {
		env.RegisterWorkflowWithOptions(w, workflow.RegisterOptions{Name: name})
	}
	for name, hand := range k.hands() {
		env.RegisterActivityWithOptions(hand, activity.RegisterOptions{Name: name})
	}
	env.SetTestTimeout(time.Minute)
	env.SetWorkerOptions(sdkworker.Options{DeadlockDetectionTimeout: time.Minute}) // a busy machine is no deadlock
	return env
}

func (k *keeper) runIn(env *testsuite.TestWorkflowEnvironment, name string, policy any) (report workflows.Report, err error) {
	env.ExecuteWorkflow(name, policy)
	err = env.GetWorkflowError()
	failure := new(temporal.ApplicationError)
	switch {
	case err == nil:
		return report, env.GetWorkflowResult(&report)
	case errors.As(err, &failure) && failure.HasDetails():
		return report, errors.Join(err, failure.Details(&report))
	}
	return report, err
}

// same compares what was asked for with what should have been.
func (k *keeper) same(t *testing.T, want ...string) {
	t.Helper()
	if got := k.steps(); !slices.Equal(got, want) {
		t.Errorf("steps\n  %s\nwant\n  %s", strings.Join(got, "\n  "), strings.Join(want, "\n  "))
	}
}

const awayMessage = "connect to the database: connection refused"

// away is a failure that is worth some attempts; unproven is one that is not.
var (
	away     = temporal.NewApplicationError(awayMessage, "connection")
	unproven = temporal.NewNonRetryableApplicationError("period 2026_01 in the archive is altered: part-00001 is not what was written", activities.TypeUnproven, nil)
)

func month(n time.Month) (partition, period string, start, end time.Time) {
	p := audit.PeriodOf(audit.Monthly, time.Date(2026, n, 1, 0, 0, 0, 0, time.UTC))
	return "audit_" + p.Suffix(), p.Suffix(), p.Start, p.End
}

func decision(n time.Month, action lifecycle.Action) lifecycle.Decision {
	partition, period, start, end := month(n)
	d := lifecycle.Decision{Partition: partition, Period: period, Start: start, End: end, Action: action, Why: "as decided", Expired: true}
	if action == lifecycle.DeleteRows {
		d.Before = start.AddDate(0, 0, 14)
	}
	return d
}

func due(n time.Month) lifecycle.Step {
	partition, period, start, end := month(n)
	return lifecycle.Step{Partition: partition, Period: period, Start: start, End: end, Due: true}
}

func TestPartitionsAreCreatedEachOnItsOwn(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 11, 23, 0, 0, 0, 0, time.UTC)
	k := &keeper{create: activities.CreatePlan{Periods: lifecycle.CreateAhead(now, workflows.Defaults().Create, nil)},
		fail: map[string]error{"EnsurePartition 2026_12": away}}
	report, err := k.run(t, workflows.TypeCreatePartitions, workflows.Defaults().Create)
	k.same(t, "PlanPartitions", "EnsurePartition 2026_11", "EnsurePartition 2026_12", "EnsurePartition 2027_01", "EnsurePartition 2027_02")
	if err == nil || !strings.Contains(err.Error(), "1 failed; 3 created") || !strings.Contains(err.Error(), "first 2026_12: connect to the database") {
		t.Errorf("ended with %v", err)
	}
	if len(report.Periods) != 4 || report.Periods[1].Failed != awayMessage || report.Periods[2].Done != "created" {
		t.Errorf("report %+v", report)
	}
	if !slices.Equal(k.counts, []string{"audit-create-partitions failed"}) {
		t.Errorf("counted %q", k.counts)
	}
}

func TestAStepIsTriedSomeTimesAndThenLeftToTheNextRun(t *testing.T) {
	t.Parallel()
	k := &keeper{archive: activities.ArchivePlan{Due: []lifecycle.Step{due(1), due(2)}}, exported: 10,
		fail: map[string]error{"ExportPeriod audit_2026_01": away}}
	env := k.environment()
	began := env.Now()
	report, err := k.runIn(env, workflows.TypeArchivePartitions, workflows.Defaults().Archiving)
	attempts := 0
	for _, step := range k.asked {
		if step == "ExportPeriod audit_2026_01" {
			attempts++
		}
	}
	if took := env.Now().Sub(began); attempts != 10 || took > 20*time.Minute {
		t.Errorf("%d attempts in %s", attempts, took)
	}
	k.same(t, "PlanArchive", "ExportPeriod audit_2026_01", "ExportPeriod audit_2026_02", "PublishManifest audit_2026_02")
	if err == nil || report.Periods[1].Done != "archived 10 rows, 300 bytes, manifest 1" {
		t.Errorf("%v, report %+v", err, report)
	}
}

func TestOfTwoRunsThatArchiveTheSameTheSlowerOneLooksAgain(t *testing.T) {
	t.Parallel()
	k := &keeper{archive: activities.ArchivePlan{Due: []lifecycle.Step{due(1)}}, exported: 10, fail: map[string]error{
		"PublishManifest audit_2026_01": temporal.NewNonRetryableApplicationError("look again", activities.TypeOutrun, nil)}}
	_, err := k.run(t, workflows.TypeArchivePartitions, workflows.Defaults().Archiving)
	again := []string{"ExportPeriod audit_2026_01", "PublishManifest audit_2026_01"}
	k.same(t, slices.Concat([]string{"PlanArchive"}, again, again, again)...)
	if err == nil {
		t.Error("what was outrun every time is no success")
	}
}

func TestWithoutBucketOrTablespacesARunSaysSoAndDoesNothing(t *testing.T) {
	t.Parallel()
	k := &keeper{
		tiers: activities.TierPlan{Nothing: "there are no tablespaces"}, archive: activities.ArchivePlan{Nothing: activities.NoBucket},
		retention: activities.RetentionPlan{Nothing: activities.NoBucket},
	}
	for name, policy := range map[string]any{
		workflows.TypeTierPartitions: lifecycle.Tiers{}, workflows.TypeArchivePartitions: lifecycle.Archiving{},
		workflows.TypeEnforceRetention: lifecycle.Retaining{},
	} {
		if report, err := k.run(t, name, policy); err != nil || !strings.HasPrefix(report.Summary, "there ") {
			t.Errorf("%s: %+v, %v", name, report, err)
		}
	}
	if len(k.asked) != 4 { // three plans, and whether the retention may be followed
		t.Errorf("steps %q", k.asked)
	}
}

func TestPartitionsMoveOneAfterTheOther(t *testing.T) {
	t.Parallel()
	k := &keeper{tiers: activities.TierPlan{Moves: []lifecycle.Move{{Partition: "a", Tablespace: "ssd", Why: "old"}, {Partition: "b", Tablespace: "hdd"}}},
		fail: map[string]error{"MovePartition a": away}}
	report, err := k.run(t, workflows.TypeTierPartitions, lifecycle.Tiers{Warm: "ssd"})
	k.same(t, "PlanTiers", "MovePartition a", "MovePartition b")
	if err == nil || !strings.Contains(report.Summary, "1 failed; 1 of 2 moved") {
		t.Errorf("%+v, %v", report, err)
	}
}

func TestACancelledRunStopsAndIsNoSuccess(t *testing.T) {
	t.Parallel()
	k := &keeper{archive: activities.ArchivePlan{Due: []lifecycle.Step{due(1), due(2)}}, fail: map[string]error{"ExportPeriod audit_2026_01": away}}
	env := k.environment()
	env.RegisterDelayedCallback(env.CancelWorkflow, 10*time.Second)
	_, err := k.runIn(env, workflows.TypeArchivePartitions, workflows.Defaults().Archiving)
	var cancelled *temporal.CanceledError
	if !errors.As(err, &cancelled) || len(k.counts) != 0 {
		t.Errorf("ended with %v, counted %q", err, k.counts)
	}
	k.same(t, "PlanArchive", "ExportPeriod audit_2026_01")
}
