package activities

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/temporal"

	"github.com/auditflow/auditflow/audit"
	"github.com/auditflow/auditflow/audit/lifecycle"
)

// Maintain holds the steps of the maintenance workflows: each gathers what there
// is, has [lifecycle] decide, or does one thing to one period. All of them may
// be repeated. Those that plan may be called without Temporal as well, to show
// what would be done.
type Maintain struct {
	Partitions Partitions
	// Archive is nil when there is no bucket: then nothing is archived or deleted.
	Archive    Archive
	Deliveries Deliveries
	// ErrorClass names errors of both stores in one of few words.
	ErrorClass func(error) string
	Metrics    *MaintenanceMetrics
}

// Deliveries tells of rows that are on their way.
type Deliveries interface {
	// InFlight counts the deliveries under way whose rows belong into the stretch
	// of created_at.
	InFlight(ctx context.Context, start, end time.Time) (int64, error)
}

// Types of failures that no repetition of the step cures: the next run looks again.
const (
	// TypeUnproven says that the archive does not vouch for what is in the database.
	TypeUnproven = "unproven"
	// TypeRefused says that something must not be done as long as things are as they
	// are: the configuration is not followed, a partition is held.
	TypeRefused = "refused"
	// TypeOutrun says that another run has archived rows of the period meanwhile:
	// what is missing must be looked for again.
	TypeOutrun = "outrun"
	// TypeAltered is the class of archive errors about content that is not what it was.
	TypeAltered = "altered"
	// TypeLocked is the class of archive errors about objects that cannot be deleted yet.
	TypeLocked = "locked"
)

// NoBucket is why nothing is archived and nothing deleted.
const NoBucket = "there is no bucket (maintenance.archive.bucket_url): nothing is archived, so nothing is deleted either"

// Period is a stretch of created_at that a step is about.
type Period struct {
	// Partition is the table with its rows.
	Partition string    `json:"partition"`
	Start     time.Time `json:"start"`
	End       time.Time `json:"end"`
	// Before bounds created_at of the rows that matter; zero is all.
	Before time.Time `json:"before,omitzero"`
}

// Name is what the archive calls the period.
func (p Period) Name() string { return p.period().Suffix() }

func (p Period) period() audit.Period { return audit.PeriodBetween(p.Start, p.End) }

// failure is what Temporal gets to see of err. The stores' errors quote nothing
// of a record.
func (m *Maintain) failure(doing string, err error) error {
	if err == nil {
		return nil
	}
	if told := new(temporal.ApplicationError); errors.As(err, &told) {
		return told
	}
	class := TypeTimeout
	if !errors.Is(err, context.DeadlineExceeded) && !errors.Is(err, context.Canceled) {
		class = m.ErrorClass(err)
	}
	final := class == TypeAltered || class == TypeRefused || class == TypeLocked
	return temporal.NewApplicationErrorWithOptions(fmt.Sprintf("%s: %v", doing, err), class, temporal.ApplicationErrorOptions{NonRetryable: final})
}

func unproven(format string, args ...any) error {
	return temporal.NewNonRetryableApplicationError(fmt.Sprintf(format, args...), TypeUnproven, nil)
}

func refused(err error) error {
	return temporal.NewNonRetryableApplicationError(err.Error(), TypeRefused, nil)
}

// filed is what the archive has, as the catalogue says.
func (m *Maintain) filed(ctx context.Context) ([]lifecycle.Filed, []audit.Tombstone, error) {
	archived, err := m.Partitions.Archived(ctx, "")
	if err != nil {
		return nil, nil, err
	}
	tombstones, err := m.Partitions.Tombstones(ctx, 0)
	return lifecycle.File(archived, tombstones), tombstones, err
}

// partition finds one by name; ok is false when it is not there any more.
func (m *Maintain) partition(ctx context.Context, name string) (p audit.Partition, ok bool, err error) {
	all, err := m.Partitions.Partitions(ctx)
	i := slices.IndexFunc(all, func(p audit.Partition) bool { return p.Name == name })
	if err != nil || i < 0 {
		return p, false, err
	}
	return all[i], true, nil
}

// run names the run of the workflow that the step belongs to.
func run(ctx context.Context) (workflowID, runID string) {
	if !activity.IsActivity(ctx) {
		return "", ""
	}
	execution := activity.GetInfo(ctx).WorkflowExecution
	return execution.ID, execution.RunID
}
