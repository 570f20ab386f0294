package postgres

import (
	"context"
	"database/sql"
	"embed"
	"errors"
	"io/fs"
	"math"
	"math/rand/v2"
	"path"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/stdlib"
	"github.com/pressly/goose/v3"
	"github.com/pressly/goose/v3/lock"
)

//go:embed migrations/*.sql
var migrations embed.FS

// goMigrations are the migrations that SQL alone cannot express, made anew for
// each run because goose writes to them. Each has a Source, such as
// "0004_indexes.go", for [Schema.Pending] and for errors.
func goMigrations() []*goose.Migration { return []*goose.Migration{indexMigration()} }

const (
	versionTable = "auditflow_schema_version"
	// migrateLock is the key of the session lock ("auditfl" in ASCII): not
	// goose's own, so that we never wait for another application's migrations
	// in the same database.
	migrateLock int64 = 0x6175646974666c
	// Others try again every second for as long as this. The context usually
	// ends sooner.
	migrateLockTries = 600

	migratePause    = 100 * time.Millisecond // after the first lock that was not to be had; doubles
	migratePauseMax = 2 * time.Second
)

// Migrate brings the schema to the version of this release. Any number of
// processes may call it at once: one migrates, the others wait for it. When
// there is nothing to do it takes no lock and needs no right but to read the
// version.
//
// Readers and writers go on meanwhile. A statement that needs a lock they hold
// waits for it 50 milliseconds, since all who come later queue behind it, and is
// tried again after a pause, until ctx ends; what was applied stays applied.
//
// A database that is ahead of this release is left as it is if its migrations only
// added to what this one knows. It returns a [*NewerSchemaError] if they did more,
// and a [*PendingSchemaError] when the database is behind and the login may not
// change it.
func (s *Store) Migrate(ctx context.Context) error { return s.migrate(ctx, math.MaxInt64) }

func (s *Store) migrate(ctx context.Context, version int64) error {
	var locked error // of the last try that did not get its lock
	for pause := migratePause; ; pause = min(2*pause, migratePauseMax) {
		err := s.tryMigrate(ctx, version)
		if e, ok := errors.AsType[*Error](err); ok && e.Code == lockNotAvailable {
			locked = err
		} else if ctx.Err() == nil || locked == nil {
			return err
		}
		select {
		case <-ctx.Done():
			return locked // says more than that the time is over
		case <-time.After(pause/2 + rand.N(pause)): //nolint:gosec // G404: spreads tries, hides nothing
		}
	}
}

func (s *Store) tryMigrate(ctx context.Context, version int64) error {
	before, err := s.schema(ctx, "migrate")
	if err != nil || len(before.Pending) == 0 {
		return err
	}
	if err := s.noteCompatibility(ctx); err != nil {
		return s.migrateError(ctx, before, err)
	}
	if err := s.up(ctx, version); err != nil {
		return s.migrateError(ctx, before, err)
	}
	if before.Database == 0 { // there was nothing to note it on
		if err := s.noteCompatibility(ctx); err != nil {
			return s.migrateError(ctx, before, err)
		}
	}
	// Once more: a newer release may have been at it since we looked.
	_, err = s.schema(ctx, "migrate")
	return err
}

func (s *Store) migrateError(ctx context.Context, before Schema, err error) error {
	op := "migrate" + failedFile(err)
	err = convert(op, err)
	e, ok := errors.AsType[*Error](err)
	switch {
	case ok && e.Code == insufficientPrivilege:
		return s.explain(ctx, before, e)
	case ok && e.Code == "" && ctx.Err() != nil:
		return convert(op, ctx.Err()) // database/sql does not always say so
	}
	return err
}

// up applies what is missing up to a version, on connections of its own: the
// one that holds the lock must not compete with the pool, whose size may be 1.
func (s *Store) up(ctx context.Context, version int64) error {
	files, err := fs.Sub(migrations, "migrations")
	if err != nil {
		return err
	}
	db := s.migrationDB()
	defer db.Close()
	// goose polls for this lock instead of waiting in a queue, so lock_timeout
	// does not cut the wait short and a concurrent index build, which waits for
	// all transactions, does not wait for ours.
	locker, err := lock.NewPostgresSessionLocker(
		lock.WithLockID(migrateLock), lock.WithLockTimeout(1, migrateLockTries))
	if err != nil {
		return err
	}
	provider, err := goose.NewProvider(goose.DialectPostgres, db, files,
		goose.WithSessionLocker(locker), goose.WithTableName(versionTable),
		goose.WithGoMigrations(goMigrations()...), goose.WithDisableGlobalRegistry(true))
	if err != nil {
		return err
	}
	_, err = provider.UpTo(ctx, version)
	return err
}

// prepareMigration outranks what the URL, the role or the database may say. The
// session that holds the lock idles while another works, and building an index
// takes as long as it takes.
const prepareMigration = `
	SET lock_timeout = '50ms';
	SET statement_timeout = 0;
	SET idle_session_timeout = 0`

func (s *Store) migrationDB() *sql.DB {
	pool := s.pool.Config()
	return stdlib.OpenDB(*pool.ConnConfig,
		stdlib.OptionBeforeConnect(pool.BeforeConnect),
		stdlib.OptionAfterConnect(func(ctx context.Context, conn *pgx.Conn) error {
			_, err := conn.Exec(ctx, prepareMigration)
			return err
		}))
}

// failedFile names the migration that failed, if it came to that.
func failedFile(err error) string {
	if partial, ok := errors.AsType[*goose.PartialError](err); ok {
		return ": " + path.Base(partial.Failed.Source.Path)
	}
	return ""
}
