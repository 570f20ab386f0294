package main

import (
	"context"
	"fmt"
	"slices"

	"github.com/auditflow/auditflow/test/leak"
	"github.com/auditflow/auditflow/workflows"
)

// controls are words that are known to be in each kind of place: a search that
// does not see them there is broken and proves nothing.
func (p *plants) controls() map[string]string {
	return map[string]string{
		leak.PlaceTables: p.canary(), leak.PlaceWAL: p.canary(), leak.PlaceRows: p.canary(),
		leak.PlaceTemporal: canaryCase, leak.PlaceHistories: canaryCase,
		leak.PlaceVisibility: workflows.TypeDeliverAudit, // of a batch it tells only what all executions have in common
		leak.PlaceLogs:       "database system is ready to accept connections",
		leak.PlaceEvents:     "AuditPersisted", leak.PlaceMetrics: "go_goroutines",
	}
}

// canary is a harmless word of this run.
func (p *plants) canary() string {
	if p.word == "" {
		p.word = "canary" + random(lower, 20)
	}
	return p.word
}

// search is one that also looks for the controls.
func (p *plants) search() *leak.Search {
	var words []string
	for _, word := range p.controls() {
		words = append(words, word)
	}
	return leak.NewSearch(p.list, words...)
}

// blind are the places that were not shown to be searched.
func (p *plants) blind(s *leak.Search) []string {
	var places []string
	for place, word := range p.controls() {
		if !s.Saw(place, word) {
			places = append(places, place)
		}
	}
	slices.Sort(places)
	return places
}

// recorder is the component in whose name the controller writes events.
const recorder = "auditflow"

// searchLeaks looks for every planted secret in everything at rest, but for the
// cluster's own etcd, where the executions themselves live.
func (st *stage) searchLeaks(ctx context.Context, p *plants, workflows []string) (*leak.Search, error) {
	// Only what has left PostgreSQL's memory can be read from its files.
	if _, err := st.db.Exec(ctx, "CHECKPOINT"); err != nil {
		return nil, fmt.Errorf("checkpoint: %w", err)
	}
	s := p.search()
	for _, look := range []func() error{
		func() error { return s.Postgres(st.Postgres.DataDir) },
		func() error { return s.SQLite(st.Temporal.DBFile) },
		func() error { return s.Dir(st.LogDir(), func(string) string { return leak.PlaceLogs }) },
		func() error { return s.Rows(ctx, st.db) },
		func() error { return st.searchHistories(ctx, s, workflows) },
		func() error { return s.Events(ctx, st.executor.Client, recorder) },
		func() error { return s.Metrics(ctx, st.product.Controller.URL) },
		func() error { return s.Metrics(ctx, st.product.Worker.URL) },
		func() error { return s.Metrics(ctx, st.product.API.URL) },
	} {
		if err := look(); err != nil {
			return nil, err
		}
	}
	return s, nil
}

// searchHistories looks at every workflow there is; the known ones must be among
// them.
func (st *stage) searchHistories(ctx context.Context, s *leak.Search, known []string) error {
	runs, err := s.Visibility(ctx, st.temporal, st.Temporal.Namespace, known)
	if err != nil {
		return err
	}
	for _, run := range runs {
		if _, err := s.History(ctx, st.temporal, run.GetWorkflowId(), run.GetRunId()); err != nil {
			return err
		}
	}
	return nil
}
