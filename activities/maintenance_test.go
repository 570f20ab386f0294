package activities_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"go.temporal.io/sdk/converter"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/testsuite"

	"github.com/auditflow/auditflow/activities"
	"github.com/auditflow/auditflow/audit"
	"github.com/auditflow/auditflow/audit/lifecycle"
	"github.com/auditflow/auditflow/store/archive"
)

type noDeliveries struct{}

func (noDeliveries) InFlight(context.Context, time.Time, time.Time) (int64, error) { return 0, nil }

// bay is a shelf with an archive and an environment to run steps in.
type bay struct {
	*shelf
	*activities.Maintain
	bucket *archive.Archive
	url    string
}

func newBay(t *testing.T, rows int) *bay {
	t.Helper()
	b := &bay{shelf: newShelf(t, rows), url: "file://" + t.TempDir()}
	var err error
	if b.bucket, err = archive.Open(t.Context(), archive.Config{URL: b.url, SegmentRows: 10}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = b.bucket.Close() })
	b.Maintain = &activities.Maintain{
		Partitions: b.shelf, Archive: b.bucket, Deliveries: noDeliveries{}, Metrics: activities.NewMaintenanceMetrics(prometheus.NewRegistry()),
		ErrorClass: func(err error) string {
			if class := archive.Class(err); class != archive.ClassArchive {
				return class
			}
			return "database"
		},
	}
	return b
}

// environment runs one attempt of a step, and keeps what it tells of itself.
func environment(told *activities.Progress) *testsuite.TestActivityEnvironment {
	var s testsuite.WorkflowTestSuite
	env := s.NewTestActivityEnvironment()
	env.SetHeartbeatDetails(*told)
	return env
}

func period() activities.Period {
	return activities.Period{Partition: "p", Start: january.Start, End: january.End}
}

// attempt exports once, going on from what was told, which it changes.
func (b *bay) attempt(t *testing.T, told *activities.Progress) (done activities.Exported, err error) {
	t.Helper()
	env := environment(told)
	env.RegisterActivity(b.ExportPeriod)
	env.SetOnActivityHeartbeatListener(func(_ *activityInfo, details converter.EncodedValues) {
		var now activities.Progress
		if err := details.Get(&now); err != nil {
			t.Error(err)
		}
		*told = now
	})
	value, err := env.ExecuteActivity(b.ExportPeriod, period())
	if err != nil {
		return done, err
	}
	return done, value.Get(&done)
}

// publish publishes, as the workflow does.
func (b *bay) publish(t *testing.T, done activities.Exported) (activities.Published, error) {
	t.Helper()
	env := environment(&activities.Progress{})
	env.RegisterActivity(b.PublishManifest)
	value, err := env.ExecuteActivity(b.PublishManifest, activities.Publication{Period: period(), Exported: done, Now: january.End})
	var p activities.Published
	if err == nil {
		err = value.Get(&p)
	}
	return p, err
}

func (b *bay) archiveAll(t *testing.T) activities.Published {
	t.Helper()
	done, err := b.attempt(t, &activities.Progress{})
	if err != nil {
		t.Fatal(err)
	}
	p, err := b.publish(t, done)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func failureType(err error) string {
	if failure := new(temporal.ApplicationError); errors.As(err, &failure) {
		return fmt.Sprintf("%s, retryable: %t", failure.Type(), !failure.NonRetryable())
	}
	return fmt.Sprint(err)
}

func TestAnExportGoesOnWhereTheAttemptBeforeItEnded(t *testing.T) {
	t.Parallel()
	b := newBay(t, 100)
	b.stop = 75 // in the eighth segment
	var told activities.Progress
	if _, err := b.attempt(t, &told); failureType(err) != "database, retryable: true" || !strings.Contains(err.Error(), "connection reset") {
		t.Fatalf("ended with %v", err)
	}
	began := len(told.Segments)
	if began == 0 || began > 7 {
		t.Fatalf("told of %d segments", began)
	}
	b.read = 0
	done, err := b.attempt(t, &told)
	if err != nil || done.Rows != 100 || len(done.Segments) != 10 || b.read != 100-10*began {
		t.Errorf("exported %d rows in %d segments, reading %d again; %v", done.Rows, len(done.Segments), b.read, err)
	}
	if p, err := b.publish(t, done); err != nil || p.Rows != 100 || len(b.catalogue) != 1 || b.catalogue[0].Policies[0] != "p1" {
		t.Errorf("published %+v, %v", p, err)
	}
}

func TestOnlyWhatTheArchiveDoesNotHaveIsExported(t *testing.T) {
	t.Parallel()
	b := newBay(t, 50)
	all := b.rows
	b.rows = slices.Concat(all[:20], all[21:45])
	b.archiveAll(t)
	b.rows = all
	p := b.archiveAll(t)
	if p.Rows != 6 || p.Number != 2 {
		t.Errorf("published %+v", p)
	}
	b.read = 0
	done, err := b.attempt(t, &activities.Progress{})
	if err != nil || done.Rows != 0 || b.read != 0 {
		t.Errorf("nothing was missing, and yet %+v after %d rows, %v", done, b.read, err)
	}
}

func TestAManifestThatWasPublishedAndNotNotedIsNotedByTheNextRun(t *testing.T) {
	t.Parallel()
	b := newBay(t, 10)
	done, err := b.attempt(t, &activities.Progress{})
	if err != nil {
		t.Fatal(err)
	}
	b.fail["NoteArchived"] = errors.New("connection reset")
	if _, err := b.publish(t, done); err == nil {
		t.Fatal("was noted")
	}
	delete(b.fail, "NoteArchived")
	if again, err := b.attempt(t, &activities.Progress{}); err != nil || again.Rows != 0 || len(b.catalogue) != 1 {
		t.Errorf("%+v, %v, %d in the catalogue", again, err, len(b.catalogue))
	}
	// And the attempt itself, repeated, publishes nothing twice.
	if p, err := b.publish(t, done); err != nil || p.Number != 1 || len(b.catalogue) != 1 {
		t.Errorf("%+v, %v, %d in the catalogue", p, err, len(b.catalogue))
	}
}

func TestOfTwoExportsOfTheSameRowsOneIsPublished(t *testing.T) {
	t.Parallel()
	b := newBay(t, 20)
	slow, err := b.attempt(t, &activities.Progress{})
	if err != nil {
		t.Fatal(err)
	}
	rows := b.rows
	b.rows = rows[:15] // the other one looked before the last rows came
	b.archiveAll(t)
	b.rows = rows
	if _, err := b.publish(t, slow); failureType(err) != "outrun, retryable: false" {
		t.Errorf("ended with %v", err)
	}
	if p := b.archiveAll(t); p.Rows != 5 || p.Number != 2 {
		t.Errorf("looking again it published %+v", p)
	}
}

func TestAnotherBucketThanTheCataloguesIsNotWrittenTo(t *testing.T) {
	t.Parallel()
	b := newBay(t, 10)
	b.archiveAll(t)
	other := newBay(t, 10)
	other.catalogue = b.catalogue
	_, err := other.attempt(t, &activities.Progress{})
	if failureType(err) != "unproven, retryable: false" || !strings.Contains(err.Error(), "manifest 1 of 2026_01 is in the catalogue and not in the bucket") {
		t.Errorf("ended with %v", err)
	}
}

func TestARowThatDiffersFromTheArchivesIsNamedAndNothingGoesOn(t *testing.T) {
	t.Parallel()
	b := newBay(t, 30)
	b.archiveAll(t)
	b.rows = slices.Clone(b.rows)
	altered := *b.rows[7]
	altered.Phase = "Failed"
	altered.RecordSHA256 = altered.Digest()
	b.rows[7] = &altered
	_, err := b.attempt(t, &activities.Progress{})
	if failureType(err) != "unproven, retryable: false" || !strings.Contains(err.Error(), altered.ID) {
		t.Errorf("archiving ended with %v", err)
	}
	if _, err := b.ComparePartition(t.Context(), period()); failureType(err) != "unproven, retryable: false" || !strings.Contains(err.Error(), altered.ID) {
		t.Errorf("comparing ended with %v", err)
	}
}

func TestAnAlteredArchiveDoesNotVerify(t *testing.T) {
	t.Parallel()
	b := newBay(t, 30)
	b.archiveAll(t)
	if v, err := b.VerifyPeriod(t.Context(), period(), january.End); err != nil || v.Rows != 30 || v.Manifest != b.catalogue[0].SHA256 {
		t.Errorf("%+v, %v", v, err)
	}
	flip(t, b.url, b.catalogue[0].Segments[1].Object)
	if _, err := b.VerifyPeriod(t.Context(), period(), january.End); failureType(err) != "unproven, retryable: false" || !strings.Contains(err.Error(), b.catalogue[0].Segments[1].Object) {
		t.Errorf("ended with %v", err)
	}
}

func TestAPlanCanBeMadeWithoutTemporal(t *testing.T) {
	t.Parallel()
	b := newBay(t, 30)
	policy := lifecycle.Retaining{Mode: audit.RetainPartitions, After: lifecycle.Age(90 * lifecycle.Day)}
	now := january.End.AddDate(1, 0, 0)
	plan, err := b.PlanRetention(t.Context(), now, policy)
	if err != nil || len(plan.Decisions) != 1 || plan.Decisions[0].Why != "is not archived yet" {
		t.Errorf("%+v, %v", plan, err)
	}
	due, err := b.PlanArchive(t.Context(), now, lifecycle.Archiving{After: policy.After})
	if err != nil || len(due.Due) != 1 {
		t.Errorf("%+v, %v", due, err)
	}
	b.archiveAll(t)
	if due, err = b.PlanArchive(t.Context(), now, lifecycle.Archiving{After: policy.After}); err != nil || len(due.Due) != 0 || due.Complete != 1 {
		t.Errorf("%+v, %v", due, err)
	}
	b.Archive = nil
	if plan, err = b.PlanRetention(t.Context(), now, policy); err != nil || plan.Nothing != activities.NoBucket {
		t.Errorf("%+v, %v", plan, err)
	}
}

func TestAPeriodWithAHeldRowIsNotDeletedFromTheArchive(t *testing.T) {
	t.Parallel()
	b := newBay(t, 30)
	b.archiveAll(t)
	expired := activities.Removal{
		Decision: lifecycle.Decision{Period: "2026_01", Start: january.Start, End: january.End}, Now: january.End.AddDate(10, 0, 0),
		Policy: lifecycle.Retaining{Mode: audit.RetainPartitions, After: lifecycle.Age(lifecycle.Day), ArchiveAfter: lifecycle.Age(2 * lifecycle.Day)},
	}
	if done, err := b.DeletePeriod(t.Context(), expired); err != nil || !strings.Contains(done.Kept, "still has p") {
		t.Errorf("with rows in the database: %+v, %v", done, err)
	}
	gone := &emptied{b.shelf}
	b.Maintain.Partitions = gone
	b.holds = []audit.Hold{{ID: 4, Kind: audit.HoldWorkflow, Value: "another"}, {ID: 5, Kind: audit.HoldID, Value: b.rows[29].ID}}
	if done, err := b.DeletePeriod(t.Context(), expired); err != nil || done.Kept != "has rows that are held by hold 5" || len(b.tombstones) != 0 {
		t.Errorf("held: %+v, %v, tombstones %v", done, err, b.tombstones)
	}
	b.holds = b.holds[:1]
	b.fail["WriteTombstone"] = errors.New("connection reset")
	if _, err := b.DeletePeriod(t.Context(), expired); err == nil {
		t.Error("deleted without a tombstone")
	}
	if left, err := b.bucket.Manifests(t.Context(), "2026_01"); err != nil || len(left) != 1 {
		t.Errorf("%d manifests left without a tombstone, %v", len(left), err)
	}
	delete(b.fail, "WriteTombstone") // this attempt finds the tombstone written, or writes it
	if _, err := b.DeletePeriod(t.Context(), expired); err != nil {
		t.Error(err)
	}
	if left, err := b.bucket.Periods(t.Context()); err != nil || len(left) != 0 || len(b.tombstones) != 1 || b.tombstones[0].Rows != 30 {
		t.Errorf("left %v, %v, tombstones %+v", left, err, b.tombstones)
	}
	if len(b.catalogue) != 0 {
		t.Error("the catalogue still lists what is deleted")
	}
}
