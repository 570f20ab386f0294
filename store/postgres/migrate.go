package postgres

import (
	"context"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"path"

	"github.com/jackc/pgx/v5/stdlib"
	"github.com/pressly/goose/v3"
	"github.com/pressly/goose/v3/lock"
)

//go:embed migrations/*.sql
var migrations embed.FS

const (
	versionTable = "auditflow_schema_version"
	// migrateLock is the key of the session lock ("auditfl" in ASCII): not
	// goose's own, so that we never wait for another application's migrations
	// in the same database.
	migrateLock int64 = 0x6175646974666c
	// Others try again every second for as long as this. The context usually
	// ends sooner.
	migrateLockTries = 600
)

// NewerSchemaError refuses a database that a newer release has migrated: this
// one does not know what its tables mean.
type NewerSchemaError struct{ Database, Binary int64 } // schema versions

func (e *NewerSchemaError) Error() string {
	return fmt.Sprintf("the database has schema version %d and this release knows versions up to %d:"+
		" run the release that migrated it, or a newer one", e.Database, e.Binary)
}

// Migrate brings the schema to the version of this release. Any number of
// processes may call it at once: one migrates, the others wait for it. It
// returns a [*NewerSchemaError] when the database is ahead.
func (s *Store) Migrate(ctx context.Context) error {
	files, err := fs.Sub(migrations, "migrations")
	if err != nil {
		return fmt.Errorf("migrate: %w", err)
	}
	// Connections of its own: the one that holds the lock must not compete with
	// the pool, whose size may be 1.
	db := stdlib.OpenDB(*s.pool.Config().ConnConfig)
	defer db.Close()
	locker, err := lock.NewPostgresSessionLocker(
		lock.WithLockID(migrateLock), lock.WithLockTimeout(1, migrateLockTries))
	if err != nil {
		return fmt.Errorf("migrate: %w", err)
	}
	provider, err := goose.NewProvider(goose.DialectPostgres, db, files,
		goose.WithSessionLocker(locker), goose.WithTableName(versionTable), goose.WithDisableGlobalRegistry(true))
	if err != nil {
		return fmt.Errorf("migrate: %w", err)
	}

	if err := refuseNewer(ctx, provider); err != nil {
		return err
	}
	if _, err := provider.Up(ctx); err != nil {
		return convert("migrate"+failedFile(err), err)
	}
	// Once more: a newer release may have been at it since we looked.
	return refuseNewer(ctx, provider)
}

func refuseNewer(ctx context.Context, provider *goose.Provider) error {
	database, binary, err := provider.GetVersions(ctx)
	if err != nil {
		return convert("migrate: read the schema version", err)
	}
	if database > binary {
		return fmt.Errorf("migrate: %w", &NewerSchemaError{database, binary})
	}
	return nil
}

// failedFile names the migration that failed, if it came to that.
func failedFile(err error) string {
	if partial, ok := errors.AsType[*goose.PartialError](err); ok {
		return ": " + path.Base(partial.Failed.Source.Path)
	}
	return ""
}
