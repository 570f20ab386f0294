package httpapi

import (
	"context"
	"errors"
	"iter"
	"time"

	"github.com/auditflow/auditflow/audit"
)

// Reader answers questions about what was recorded. Sequences end with an error
// or none, and hold few rows in memory. A question that makes no sense is a
// [*QuestionError]. No error of a Reader quotes a row.
type Reader interface {
	Find(context.Context, Query) iter.Seq2[audit.Persisted, error]
	// CursorOf is the place after a row in the order of Find, opaque.
	CursorOf(audit.Persisted) string
	// Get returns [ErrNotFound] if there is no such row.
	Get(ctx context.Context, id string) (audit.Persisted, error)
	// Failures yields what failed, by completed_at, the latest first; Slow what
	// took longer than over, the slowest first. A limit of 0 is all.
	Failures(ctx context.Context, within Range, limit int) iter.Seq2[audit.Persisted, error]
	Slow(ctx context.Context, within Range, over time.Duration, limit int) iter.Seq2[audit.Persisted, error]
	// Durations, Retries and Resources return their lines, each a JSON object.
	Durations(ctx context.Context, within Range, failedToo bool) ([]any, error)
	Retries(ctx context.Context, within Range) ([]any, error)
	Resources(ctx context.Context, within Range) ([]any, error)
}

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
	Limit                      int    // 0: all
}

// ErrNotFound says that there is no such row.
var ErrNotFound = errors.New("no such record")

// QuestionError is a question that makes no sense.
type QuestionError struct{ Field, Rule string }

func (e *QuestionError) Error() string { return e.Field + " " + e.Rule }

// readProblem is what a client may know of a Reader's error.
func (d *door) readProblem(ctx context.Context, err error) *Problem {
	var question *QuestionError
	switch {
	case errors.As(err, &question):
		return badParameter(question.Field, question.Rule)
	case errors.Is(err, ErrNotFound):
		return absent()
	}
	d.complain(ctx, "no answer from the database", err)
	p := problem(503, "unavailable", "The database does not answer", "")
	p.retryAfter = time.Second
	return p
}

func absent() *Problem {
	return problem(404, "not-found", "There is no such record", "or not yet: its row may still be on the way, or you may not see it")
}
