package console

import (
	"context"
	"errors"
	"iter"
	"time"

	"github.com/auditflow/auditflow/audit"
)

// Reader answers the console's questions. A question that makes no sense is a
// [*QuestionError]. No error of a Reader quotes a row.
type Reader interface {
	// Find yields rows in the order of (created_at, id), the newest first unless told
	// otherwise.
	Find(context.Context, Query) iter.Seq2[Row, error]
	// CursorOf is the place after a row in the order of Find, opaque.
	CursorOf(Row) string
	// Get returns [ErrNotFound] if there is no such row.
	Get(ctx context.Context, id string) (Row, error)
	// Durations are of executions that succeeded, by action; Retries of those tried
	// again, by action and namespace, the most frequent first.
	Durations(context.Context, Range) ([]Durations, error)
	Retries(context.Context, Range) ([]Retries, error)
	// Volume counts executions by when they were created, in steps that begin with
	// the range; a step in which there is none is left out.
	Volume(ctx context.Context, within Range, step time.Duration) ([]Step, error)
	Keeping
}

// Keeping is what is known of where rows are kept.
type Keeping interface {
	// Partitions are attached or on their way out, by their start.
	Partitions(context.Context) ([]audit.Partition, error)
	// Archived are the manifests of a period, or of all when it is empty.
	Archived(ctx context.Context, period string) ([]audit.Archived, error)
	// Tombstones are the latest deletions, the newest first.
	Tombstones(ctx context.Context, limit int) ([]audit.Tombstone, error)
	// Holds are those that hold, or all.
	Holds(ctx context.Context, released bool) ([]audit.Hold, error)
	// Restores are those whose rows are there.
	Restores(context.Context) ([]audit.Restore, error)
	// ConfirmedRetention is the zero value before the first.
	ConfirmedRetention(context.Context) (audit.Retention, error)
	// Quarantined counts records that PostgreSQL would not take.
	Quarantined(context.Context) (int64, error)
}

// Row is a record with what only the database knows.
type Row struct {
	audit.Persisted
	// Table is a partition of the audit table, or [ArchiveTable].
	Table string
}

// Lag is from completion to the committed row, by the object's clock and the
// database's; 0 if the object does not tell when it completed.
func (r Row) Lag() time.Duration {
	if r.CompletedAt.IsZero() {
		return 0
	}
	return r.PersistedAt.Sub(r.CompletedAt)
}

// ArchiveTable has the rows that were restored from the archive.
const ArchiveTable = "kubernetes_execution_audit_archive"

// Range is a stretch of time: From inclusive, To exclusive; zero is open.
type Range struct{ From, To time.Time }

// Query is a filter with an order and a page; empty fields are no condition.
type Query struct {
	Workflow, Execution, Action string
	// Namespace is that of the target; * is any text, ? any character.
	Namespace                  string
	Kind, Name, Cluster, Phase string
	Success                    *bool
	Range                      // of created_at
	MinDuration                time.Duration
	MinRetries                 int32
	OldestFirst                bool
	After                      string // a cursor; "": from the beginning
	Limit                      int
}

// Durations tells how long executions of an action took; 0 is not known.
type Durations struct {
	Action             string
	Total              int64
	Avg, P50, P95, P99 time.Duration
	Max                time.Duration
}

// Retries tells how often an action was tried again in a namespace.
type Retries struct {
	Action, Namespace string
	Total             int64   // executions
	Average           float64 // retries of each
}

// Step counts the executions created from Start on.
type Step struct {
	Start                      time.Time
	Succeeded, Failed, Retried int64
}

// ErrNotFound says that there is no such row.
var ErrNotFound = errors.New("no such record")

// QuestionError is a question that makes no sense. Field is a parameter of the page.
type QuestionError struct{ Field, Rule string }

func (e *QuestionError) Error() string { return e.Field + " " + e.Rule }

// Total is how many executions there are in the step.
func (s Step) Total() int64 { return s.Succeeded + s.Failed }
