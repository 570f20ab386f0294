package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/auditflow/auditflow/test/leak"
	"github.com/auditflow/auditflow/test/world"
)

// temporalServer is a Temporal server, whatever it keeps its state in. All of it
// survives Stop and Kill.
type temporalServer interface {
	Start(ctx context.Context) error
	Stop(ctx context.Context) error
	Kill()
	// AtRest searches all that it has written.
	AtRest(ctx context.Context, s *leak.Search) error
}

// temporalSQLite and temporalPostgres are the words for --temporal.
const (
	temporalSQLite   = "sqlite"
	temporalPostgres = "postgres"
)

func storeOf(word string) (world.TemporalStore, error) {
	switch word {
	case temporalSQLite:
		return world.TemporalOnSQLite, nil
	case temporalPostgres:
		return world.TemporalOnItsOwnPostgreSQL, nil
	}
	return "", fmt.Errorf("--temporal %s: want %s or %s", word, temporalSQLite, temporalPostgres)
}

// temporalOf is the server of a world.
func temporalOf(w *world.World) temporalServer {
	if w.Temporal.Store != nil {
		return production{w.Temporal}
	}
	return development{w.Temporal}
}

// development is the server that comes with Temporal's command line, over SQLite.
type development struct{ *world.Temporal }

func (d development) AtRest(_ context.Context, s *leak.Search) error { return s.SQLite(d.DBFile) }

// production is Temporal's server over a PostgreSQL that it has to itself.
type production struct{ *world.Temporal }

// AtRest reads all tables, for what is long is compressed in the files, and then
// the files, for what was deleted is in no table any more.
func (p production) AtRest(ctx context.Context, s *leak.Search) error {
	temporal := func(string) string { return leak.PlaceTemporal }
	for _, address := range p.StoreURLs() {
		db, err := pgxpool.New(ctx, address)
		if err != nil {
			return err
		}
		_, err = db.Exec(ctx, "CHECKPOINT") // only what has left its memory is in its files
		err = errors.Join(err, s.Tables(ctx, db, temporal))
		db.Close()
		if err != nil {
			return fmt.Errorf("search Temporal's database: %w", err)
		}
	}
	return s.Dir(p.Store.DataDir, temporal)
}
