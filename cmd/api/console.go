package main

import (
	"context"
	"errors"
	"iter"
	"log/slog"
	"net/http"
	"time"

	"github.com/auditflow/auditflow/audit"
	"github.com/auditflow/auditflow/console"
	"github.com/auditflow/auditflow/httpapi"
	"github.com/auditflow/auditflow/internal/config"
	"github.com/auditflow/auditflow/store/postgres"
)

// pages says whether and how the web console is served.
type pages struct {
	enabled    bool
	temporalUI string
	session    time.Duration
}

type consoleFile struct {
	Enabled       config.Scalar `json:"enabled"`
	TemporalUIURL config.Scalar `json:"temporal_ui_url"`
	Session       config.Scalar `json:"session"`
}

func (f consoleFile) read(r *config.Reader) pages {
	p := pages{
		enabled:    r.Bool("console.enabled", f.Enabled, true),
		temporalUI: r.String("console.temporal_ui_url", f.TemporalUIURL, ""),
		session:    r.Duration("console.session", f.Session, 8*time.Hour, 5*time.Minute, 24*time.Hour),
	}
	if err := console.CheckTemporalUI(p.temporalUI); err != nil {
		r.Fault("console.temporal_ui_url", "%v", err)
	}
	return p
}

// open is nil where there is no database to read from, or nobody wants pages.
func (p pages) open(s settings, reads httpapi.Reader, access httpapi.Access, log *slog.Logger) (http.Handler, error) {
	from, ok := reads.(reader)
	if !p.enabled || !ok {
		return nil, nil
	}
	return console.New(console.Config{
		Reader: archivist{from.store, from}, Guard: guard{access}, Cluster: s.cluster,
		TemporalUI: p.temporalUI, TemporalNamespace: s.common.Temporal.Namespace, Session: p.session, Log: log,
	})
}

// guard lets the console know whom the API knows.
type guard struct{ access httpapi.Access }

func (g guard) Visitor(r *http.Request) (console.Visitor, error) { return visited(g.access.Visit(r)) }

func (g guard) Holder(ctx context.Context, token string) (console.Visitor, error) {
	return visited(g.access.VisitWith(ctx, token))
}

func visited(v httpapi.Visitor, p *httpapi.Problem) (console.Visitor, error) {
	if err := refusal(p); err != nil {
		return nil, err
	}
	return visitor{v}, nil
}

type visitor struct{ httpapi.Visitor }

func (v visitor) May(ctx context.Context, verb, cluster, namespace string) error {
	return refusal(v.Visitor.May(ctx, verb, cluster, namespace))
}

// refusal turns the door's refusals into the console's.
func refusal(p *httpapi.Problem) error {
	switch {
	case p == nil:
		return nil
	case p.Status == http.StatusUnauthorized:
		return console.ErrUnknown
	case p.Status == http.StatusForbidden:
		return console.ErrForbidden
	}
	return untoldError(p.Detail)
}

// untoldError is why nobody can tell who somebody is, or what he may.
type untoldError string

func (e untoldError) Error() string { return string(e) }

// archivist lets the console read from the store: what it asks as the API does, through
// the API's reader.
type archivist struct {
	*postgres.Store
	asked reader
}

func (a archivist) Find(ctx context.Context, q console.Query) iter.Seq2[console.Row, error] {
	found := a.asked.Find(ctx, httpapi.Query{
		Workflow: q.Workflow, Execution: q.Execution, Action: q.Action, Namespace: q.Namespace,
		Kind: q.Kind, Name: q.Name, Cluster: q.Cluster, Phase: q.Phase, Success: q.Success, Range: httpapi.Range(q.Range),
		MinDuration: q.MinDuration, MinRetries: q.MinRetries, OldestFirst: q.OldestFirst, After: q.After, Limit: q.Limit,
	})
	return func(yield func(console.Row, error) bool) {
		for row, err := range found {
			if !yield(console.Row{Persisted: row}, asked(err)) {
				return
			}
		}
	}
}

func (a archivist) CursorOf(row console.Row) string { return a.asked.CursorOf(row.Persisted) }

func (a archivist) Get(ctx context.Context, id string) (console.Row, error) {
	row, err := a.Store.Get(ctx, id)
	return console.Row{Persisted: audit.Persisted{Record: row.Record, PersistedAt: row.PersistedAt}, Table: row.Table}, asked(told(err))
}

func (a archivist) Durations(ctx context.Context, within console.Range) ([]console.Durations, error) {
	lines, err := a.Store.Durations(ctx, postgres.Range(within), false)
	all := make([]console.Durations, len(lines))
	for i, l := range lines {
		all[i] = console.Durations{Action: l.Action, Total: l.Total, Avg: l.Avg, P50: l.P50, P95: l.P95, P99: l.P99, Max: l.Max}
	}
	return all, asked(told(err))
}

func (a archivist) Retries(ctx context.Context, within console.Range) ([]console.Retries, error) {
	lines, err := a.Store.Retries(ctx, postgres.Range(within))
	all := make([]console.Retries, len(lines))
	for i, l := range lines {
		all[i] = console.Retries{Action: l.Action, Namespace: l.Namespace, Total: l.Total, Average: l.AvgRetries}
	}
	return all, asked(told(err))
}

func (a archivist) Volume(ctx context.Context, within console.Range, step time.Duration) ([]console.Step, error) {
	lines, err := a.Store.Volume(ctx, postgres.Range(within), step)
	all := make([]console.Step, len(lines))
	for i, l := range lines {
		all[i] = console.Step(l)
	}
	return all, asked(told(err))
}

// fieldOf names what a parameter of the API is called on a page.
var fieldOf = map[string]string{"success": "outcome", "oldest_first": "order"}

// asked turns the API's errors into the console's.
func asked(err error) error {
	if errors.Is(err, httpapi.ErrNotFound) {
		return console.ErrNotFound
	}
	if question, ok := errors.AsType[*httpapi.QuestionError](err); ok {
		field := question.Field
		if name, ok := fieldOf[field]; ok {
			field = name
		}
		return &console.QuestionError{Field: field, Rule: question.Rule}
	}
	return err
}
