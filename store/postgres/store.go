package postgres

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/auditflow/auditflow/audit"
)

const (
	auditTable = "kubernetes_execution_audit"
)

// Store is a pool of connections to the database that keeps the records. It is
// safe for concurrent use; whoever opened it closes it.
//
// A server that is away or restarts fails the calls made meanwhile and nothing
// else: the next call connects anew. Every call takes as long as its context
// allows, so give it a deadline; statements run on the server end with it.
type Store struct {
	pool     *pgxpool.Pool
	interval audit.Interval
}

// Open prepares a store and connects to nothing yet: the server may be away. It
// fails on a configuration that [Config.Validate] faults.
func Open(ctx context.Context, c Config) (*Store, error) {
	config, interval, err := c.resolve()
	if err != nil {
		return nil, fmt.Errorf("open the store: %w", err)
	}
	config.AfterConnect = planOnce
	pool, err := pgxpool.NewWithConfig(ctx, config)
	if err != nil {
		return nil, convert("open the store", err)
	}
	return &Store{pool: pool, interval: interval}, nil
}

// planOnce makes a connection plan each of its prepared statements once, for all
// arguments. Of few rows PostgreSQL thinks that a plan of their own would be worth
// its while, because it expects ten when it does not know; planning an insert
// takes as long as inserting. Those who read plan anew all the same, see read.
func planOnce(ctx context.Context, conn *pgx.Conn) error {
	_, err := conn.Exec(ctx, `SET plan_cache_mode = force_generic_plan`)
	return err
}

// Ping asks the server for a sign of life.
func (s *Store) Ping(ctx context.Context) error {
	return convert("ping the database", s.pool.Ping(ctx))
}

// Close waits for calls under way and closes all connections.
func (s *Store) Close() { s.pool.Close() }
