package workflows_test

import (
	"slices"
	"strings"
	"testing"

	"go.temporal.io/sdk/temporal"

	"github.com/auditflow/auditflow/activities"
	"github.com/auditflow/auditflow/audit/lifecycle"
	"github.com/auditflow/auditflow/workflows"
)

func enforce(t *testing.T, k *keeper) (workflows.Report, error) {
	t.Helper()
	return k.run(t, workflows.TypeEnforceRetention, workflows.Defaults().Retention)
}

func decided(decisions ...lifecycle.Decision) activities.RetentionPlan {
	return activities.RetentionPlan{Decisions: decisions}
}

func TestAPartitionIsDroppedOnlyAfterItWasVerifiedComparedDetachedAndComparedAgain(t *testing.T) {
	t.Parallel()
	k := &keeper{retention: decided(decision(1, lifecycle.Drop))}
	report, err := enforce(t, k)
	k.same(t, "AdmitRetention", "PlanRetention",
		"VerifyPeriod audit_2026_01", "ComparePartition audit_2026_01", "DetachPartition audit_2026_01", "ComparePartition audit_2026_01",
		"DropPartition audit_2026_01 1000 sha-audit_2026_01", "PlanArchiveRetention", "ExpireRestores")
	if err != nil || !strings.HasPrefix(report.Summary, "1000 rows deleted from the database, 0 from the archive, 3 restored ones") {
		t.Errorf("%+v, %v", report, err)
	}
}

func TestRowsThatCameLateAreArchivedVerifiedAndComparedBeforeTheDrop(t *testing.T) {
	t.Parallel()
	archived := []string{"ExportPeriod audit_2026_01", "PublishManifest audit_2026_01", "VerifyPeriod audit_2026_01", "ComparePartition audit_2026_01"}
	for name, tc := range map[string]struct {
		missing []int64 // at each comparison
		steps   [][]string
	}{
		"before it is detached": {[]int64{5, 0, 0}, [][]string{{"ComparePartition audit_2026_01"}, archived,
			{"DetachPartition audit_2026_01", "ComparePartition audit_2026_01"}}},
		"between the comparison and the detaching": {[]int64{0, 5, 0}, [][]string{{"ComparePartition audit_2026_01",
			"DetachPartition audit_2026_01", "ComparePartition audit_2026_01"}, archived}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			k := &keeper{retention: decided(decision(1, lifecycle.Drop)), exported: 5, missing: map[string][]int64{"audit_2026_01": tc.missing}}
			_, err := enforce(t, k)
			k.same(t, slices.Concat([]string{"AdmitRetention", "PlanRetention", "VerifyPeriod audit_2026_01"}, slices.Concat(tc.steps...),
				[]string{"DropPartition audit_2026_01 1000 sha-audit_2026_01", "PlanArchiveRetention", "ExpireRestores"})...)
			if err != nil {
				t.Error(err)
			}
		})
	}
}

// Nor is it detached: queries go on finding its rows.
func TestWhatIsNotProvenIsNotDroppedAndKeepsNoOtherWaiting(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		fail    map[string]error
		missing []int64
		after   []string
		why     string
	}{
		"the archive is altered": {map[string]error{"VerifyPeriod audit_2026_01": unproven}, nil,
			[]string{"VerifyPeriod audit_2026_01"}, "is altered"},
		"the database is away": {map[string]error{"DetachPartition audit_2026_01": away}, nil,
			[]string{"VerifyPeriod audit_2026_01", "ComparePartition audit_2026_01", "DetachPartition audit_2026_01"}, "connection refused"},
		"rows differ": {map[string]error{"ComparePartition audit_2026_01": unproven}, nil,
			[]string{"VerifyPeriod audit_2026_01", "ComparePartition audit_2026_01"}, "is altered"},
		"rows are missing, and missing again": {nil, []int64{5, 2},
			[]string{"VerifyPeriod audit_2026_01", "ComparePartition audit_2026_01",
				"ExportPeriod audit_2026_01", "PublishManifest audit_2026_01", "VerifyPeriod audit_2026_01", "ComparePartition audit_2026_01"},
			"2 rows of audit_2026_01 are still not in the archive"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			k := &keeper{retention: decided(decision(1, lifecycle.Drop), decision(2, lifecycle.Drop)), exported: 5,
				fail: tc.fail, missing: map[string][]int64{"audit_2026_01": tc.missing}}
			report, err := enforce(t, k)
			want := append([]string{"AdmitRetention", "PlanRetention"}, tc.after...)
			k.same(t, append(want, "VerifyPeriod audit_2026_02", "ComparePartition audit_2026_02", "DetachPartition audit_2026_02", "ComparePartition audit_2026_02",
				"DropPartition audit_2026_02 1000 sha-audit_2026_02", "PlanArchiveRetention", "ExpireRestores")...)
			if err == nil || len(report.Periods) != 2 || !strings.Contains(report.Periods[0].Failed, tc.why) {
				t.Errorf("%v, %+v; want it to fail because %s", err, report, tc.why)
			}
		})
	}
}

func TestAHoldThatCameAfterThePlanKeepsThePartition(t *testing.T) {
	t.Parallel()
	k := &keeper{retention: decided(decision(1, lifecycle.Drop)), kept: map[string]string{"audit_2026_01": "is held by hold 7"}}
	report, err := enforce(t, k)
	k.same(t, "AdmitRetention", "PlanRetention", "VerifyPeriod audit_2026_01", "ComparePartition audit_2026_01", "DetachPartition audit_2026_01",
		"PlanArchiveRetention", "ExpireRestores")
	if err != nil || len(report.Periods) != 1 || report.Periods[0].Kept != "is held by hold 7" {
		t.Errorf("%+v, %v", report, err)
	}
}

func TestExpiredRowsOfAPartitionAreArchivedAndComparedBeforeTheyAreDeleted(t *testing.T) {
	t.Parallel()
	k := &keeper{retention: decided(decision(3, lifecycle.DeleteRows)), exported: 5}
	_, err := enforce(t, k)
	k.same(t, "AdmitRetention", "PlanRetention", "ExportPeriod audit_2026_03", "PublishManifest audit_2026_03",
		"VerifyPeriod audit_2026_03", "ComparePartition audit_2026_03", "DeleteRows audit_2026_03 before 2026-03-15",
		"PlanArchiveRetention", "ExpireRestores")
	if err != nil {
		t.Error(err)
	}
}

func TestWhatAnEarlierRunLeftIsFinishedFirst(t *testing.T) {
	t.Parallel()
	k := &keeper{retention: activities.RetentionPlan{Finish: []string{"audit_2025_12"}, Decisions: []lifecycle.Decision{decision(1, lifecycle.Keep)}}}
	report, err := enforce(t, k)
	k.same(t, "AdmitRetention", "PlanRetention", "FinishDetaching audit_2025_12", "PlanArchiveRetention", "ExpireRestores")
	if err != nil || len(report.Periods) != 1 || report.Periods[0].Kept != "as decided" {
		t.Errorf("%+v, %v", report, err)
	}
}

func TestARetentionThatIsRefusedDeletesNothing(t *testing.T) {
	t.Parallel()
	refused := temporal.NewNonRetryableApplicationError("deletes sooner: run auditctl retention confirm", activities.TypeRefused, nil)
	k := &keeper{retention: decided(decision(1, lifecycle.Drop)), fail: map[string]error{"AdmitRetention": refused}}
	_, err := enforce(t, k)
	k.same(t, "AdmitRetention")
	if len(k.asked) != 1 || err == nil || !strings.Contains(err.Error(), "1 failed; nothing was deleted; first retention: deletes sooner: run auditctl retention confirm") {
		t.Errorf("ended with %v after %q", err, k.asked)
	}
}

func TestTheArchiveIsDeletedFromLastAndHalfDeletedPeriodsAreFinished(t *testing.T) {
	t.Parallel()
	held, goes := decision(1, lifecycle.Drop), decision(2, lifecycle.Drop)
	k := &keeper{
		retention: decided(decision(9, lifecycle.Drop)), fail: map[string]error{"VerifyPeriod audit_2026_09": unproven},
		expiry: activities.ExpiryPlan{Decisions: []lifecycle.Decision{held, goes, decision(3, lifecycle.Keep)}, Unfinished: []string{"2025_12"}},
		kept:   map[string]string{"2026_01": "has rows that are held by hold 4"},
	}
	report, err := enforce(t, k)
	k.same(t, "AdmitRetention", "PlanRetention", "VerifyPeriod audit_2026_09", "PlanArchiveRetention",
		"DeletePeriod 2026_01", "DeletePeriod 2026_02", "DeletePeriod 2025_12", "ExpireRestores")
	if err == nil || !strings.Contains(report.Summary, "1 failed; 0 rows deleted from the database, 14 from the archive") ||
		report.Periods[1].Kept != "has rows that are held by hold 4" {
		t.Errorf("%+v, %v", report, err)
	}
}
