package postgres

import (
	"context"

	"github.com/jackc/pgx/v5"
)

// OldestCompatible is what this release says of its schema.
const OldestCompatible = oldestCompatible

// MigrateTo brings the schema to a version and no further.
func MigrateTo(ctx context.Context, s *Store, version int64) error { return s.migrate(ctx, version) }

// LetRead is what detaching begins with.
func LetRead(ctx context.Context, conn *pgx.Conn, partition string) error {
	at, err := findStanding(ctx, conn, partition)
	if err != nil {
		return err
	}
	return letRead(ctx, conn, at)
}
