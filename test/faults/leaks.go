package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/auditflow/auditflow/test/leak"
)

var errBlind = errors.New("the search is blind")

// leaks looks for every canary in all that lies at rest, but for the cluster's own
// etcd, where the executions themselves live. It returns how many it found.
func (t *trial) leaks(ctx context.Context) (int, error) {
	db, err := pgxpool.New(ctx, t.Postgres.URL)
	if err != nil {
		return 0, err
	}
	defer db.Close()
	// Only what has left PostgreSQL's memory can be read from its files.
	if _, err := db.Exec(ctx, "CHECKPOINT"); err != nil {
		return 0, fmt.Errorf("checkpoint: %w", err)
	}
	// Of what must be seen: the word that all records say, and what servers say.
	sights := map[string]string{
		leak.PlaceRows: t.secrets.word, leak.PlaceTemporal: "DeliverAudit",
		leak.PlaceLogs: "database system is ready to accept connections",
	}
	var words []string
	for _, word := range sights {
		words = append(words, word)
	}
	s := leak.NewSearch(t.secrets.planted, words...)
	if err := errors.Join(
		s.Postgres(t.Postgres.DataDir), t.flow.AtRest(ctx, s), s.Rows(ctx, db),
		s.Dir(t.LogDir(), func(string) string { return leak.PlaceLogs }),
		s.Dir(t.archive, func(string) string { return leak.PlaceArchive }),
	); err != nil {
		return 0, err
	}
	for place, word := range sights {
		if !s.Saw(place, word) {
			return 0, fmt.Errorf("%w: it did not see in the %s what is there", errBlind, place)
		}
	}
	found := s.Leaks()
	for _, l := range found[:min(len(found), 5)] {
		t.complain("leaked: %s", l)
	}
	return len(found), nil
}
