package main

import (
	"context"
	"fmt"

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
	AtRest(s *leak.Search) error
}

// temporalStores are the words for --temporal.
const temporalSQLite = "sqlite"

// temporalOf is the server of a world.
func temporalOf(w *world.World, store string) (temporalServer, error) {
	if store == temporalSQLite {
		return development{w.Temporal}, nil
	}
	return nil, fmt.Errorf("--temporal %s: there is %s", store, temporalSQLite)
}

// development is the server that comes with Temporal's command line, over SQLite.
type development struct{ *world.Temporal }

func (d development) AtRest(s *leak.Search) error { return s.SQLite(d.DBFile) }
