package main

import (
	"context"
	"errors"
	"iter"
	"time"

	"github.com/auditflow/auditflow/audit"
	"github.com/auditflow/auditflow/httpapi"
	"github.com/auditflow/auditflow/store/postgres"
)

// reader lets the door read from the store; the two do not know each other.
type reader struct{ store *postgres.Store }

// openReader is nil without a database.
func openReader(ctx context.Context, c postgres.Config) (httpapi.Reader, func(), error) {
	if c.URL == "" {
		return nil, func() {}, nil
	}
	store, err := postgres.Open(ctx, c)
	if err != nil {
		return nil, nil, err
	}
	return reader{store}, store.Close, nil
}

// parameterOf names what a column is called in a question.
var parameterOf = map[string]string{
	"workflow_ref": "workflow", "execution_id": "execution", "action_type": "action", "target_namespace": "namespace",
	"target_resource_kind": "kind", "target_resource_name": "name", "range": "from", "duration": "min_duration", "retry_count": "min_retries",
}

// told turns the store's errors into the door's.
func told(err error) error {
	var argument *postgres.ArgumentError
	switch {
	case err == nil:
		return nil
	case errors.Is(err, postgres.ErrNotFound):
		return httpapi.ErrNotFound
	case errors.As(err, &argument):
		field := argument.Field
		if name, ok := parameterOf[field]; ok {
			field = name
		}
		return &httpapi.QuestionError{Field: field, Rule: argument.Rule}
	}
	return err
}

func persisted(rows iter.Seq2[postgres.Row, error]) iter.Seq2[audit.Persisted, error] {
	return func(yield func(audit.Persisted, error) bool) {
		for row, err := range rows {
			if !yield(audit.Persisted{Record: row.Record, PersistedAt: row.PersistedAt}, told(err)) {
				return
			}
		}
	}
}

func (r reader) Find(ctx context.Context, q httpapi.Query) iter.Seq2[audit.Persisted, error] {
	after, err := postgres.ParseCursor(q.After)
	if err != nil {
		return func(yield func(audit.Persisted, error) bool) { yield(audit.Persisted{}, told(err)) }
	}
	return persisted(r.store.Find(ctx, postgres.Query{
		Filter: postgres.Filter{
			Workflow: q.Workflow, Execution: q.Execution, Action: q.Action, Namespace: q.Namespace,
			Kind: q.Kind, Name: q.Name, Cluster: q.Cluster, Phase: q.Phase, Success: q.Success,
			From: q.From, To: q.To, MinDuration: q.MinDuration, MinRetries: q.MinRetries,
		},
		OldestFirst: q.OldestFirst, After: after, Limit: q.Limit,
	}))
}

func (r reader) CursorOf(row audit.Persisted) string {
	return postgres.CursorOf(postgres.Row{Record: row.Record}).String()
}

func (r reader) Get(ctx context.Context, id string) (audit.Persisted, error) {
	row, err := r.store.Get(ctx, id)
	return audit.Persisted{Record: row.Record, PersistedAt: row.PersistedAt}, told(err)
}

func (r reader) Failures(ctx context.Context, within httpapi.Range, limit int) iter.Seq2[audit.Persisted, error] {
	return persisted(r.store.Failures(ctx, postgres.Range(within), limit))
}

func (r reader) Slow(ctx context.Context, within httpapi.Range, over time.Duration, limit int) iter.Seq2[audit.Persisted, error] {
	return persisted(r.store.Slow(ctx, postgres.Range(within), over, limit))
}

func (r reader) Durations(ctx context.Context, within httpapi.Range, failedToo bool) ([]any, error) {
	return lines(r.store.Durations(ctx, postgres.Range(within), failedToo))
}

func (r reader) Retries(ctx context.Context, within httpapi.Range) ([]any, error) {
	return lines(r.store.Retries(ctx, postgres.Range(within)))
}

func (r reader) Resources(ctx context.Context, within httpapi.Range) ([]any, error) {
	return lines(r.store.Resources(ctx, postgres.Range(within)))
}

func lines[T any](all []T, err error) ([]any, error) {
	out := make([]any, len(all))
	for i := range all {
		out[i] = all[i]
	}
	return out, told(err)
}
