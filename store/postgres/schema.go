package postgres

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"slices"

	"github.com/jackc/pgx/v5"
	"github.com/pressly/goose/v3"
)

// Schema tells how far the database is migrated.
type Schema struct {
	Database int64    `json:"database"` // version of the database; 0 before the first migration
	Release  int64    `json:"release"`  // version that this release brings it to
	Pending  []string `json:"pending"`  // files of the migrations in between, in their order

	// OldestRelease is the version that a release has to know to work with the
	// database. It matters where the database is ahead of this release.
	OldestRelease int64 `json:"oldest_release"`
}

// Usable says whether this release can work with a database that is ahead of it.
func (s Schema) Usable() bool { return s.Database <= s.Release || s.OldestRelease <= s.Release }

// NewerSchemaError refuses a database that a newer release has migrated in a way
// that this one cannot work with.
type NewerSchemaError struct{ Database, Binary int64 } // schema versions

func (e *NewerSchemaError) Error() string {
	return fmt.Sprintf("the database has schema version %d and this release knows versions up to %d:"+
		" run the release that migrated it, or a newer one", e.Database, e.Binary)
}

// Schema reads the versions and changes nothing. A database that is ahead of
// this release is no error here.
func (s *Store) Schema(ctx context.Context) (Schema, error) {
	const op = "read the schema version"
	applied, oldest, err := s.applied(ctx)
	if err != nil {
		return Schema{}, withHint(convert(op, err))
	}
	schema, err := compareSchema(applied)
	if err != nil {
		return Schema{}, fmt.Errorf("%s: %w", op, err)
	}
	if schema.OldestRelease = oldest; oldest == 0 { // nobody has said that an older one can
		schema.OldestRelease = schema.Database
	}
	return schema, nil
}

// schema is Schema for those who have to work with the database.
func (s *Store) schema(ctx context.Context, op string) (Schema, error) {
	schema, err := s.Schema(ctx)
	if err != nil {
		return schema, fmt.Errorf("%s: %w", op, err)
	}
	if !schema.Usable() {
		return schema, fmt.Errorf("%s: %w", op, &NewerSchemaError{schema.Database, schema.Release})
	}
	return schema, nil
}

// withHint says what is usually wrong when even the version may not be read.
func withHint(err error) error {
	if e, ok := errors.AsType[*Error](err); ok && e.Code == insufficientPrivilege {
		e.Op += " (is the login a member of " + writerRole + ", " + readerRole + " or " + maintainerRole + "?)"
	}
	return err
}

// applied returns the versions of the migrations that were applied, none when
// the version table is not there, and the oldest release that can work with them.
func (s *Store) applied(ctx context.Context) (versions []int64, oldest int64, err error) {
	table, err := s.versionTable(ctx)
	if err != nil || table == "" {
		return nil, 0, err
	}
	rows, err := s.pool.Query(ctx, `SELECT version_id FROM `+table)
	if err != nil {
		return nil, 0, err
	}
	if versions, err = pgx.CollectRows(rows, pgx.RowTo[int64]); err != nil {
		return nil, 0, err
	}
	oldest, err = oldestRelease(ctx, s.pool, table)
	return versions, oldest, err
}

// versionTable looks for the table where goose does; it is empty when there is none.
func (s *Store) versionTable(ctx context.Context) (name string, err error) {
	const find = `SELECT coalesce(to_regclass(quote_ident(current_schema()) || '.` + versionTable + `')::text, '')`
	err = s.pool.QueryRow(ctx, find).Scan(&name)
	return name, err
}

func compareSchema(applied []int64) (schema Schema, err error) {
	known, err := knownMigrations()
	if err != nil {
		return schema, err
	}
	schema.Pending = []string{}
	for _, m := range known {
		schema.Release = m.version
		if !slices.Contains(applied, m.version) {
			schema.Pending = append(schema.Pending, m.file)
		}
	}
	if len(applied) > 0 {
		schema.Database = slices.Max(applied)
	}
	return schema, nil
}

type migration struct {
	version int64
	file    string
}

// knownMigrations are those of this release, in their order.
func knownMigrations() (known []migration, err error) {
	files, err := fs.Glob(migrations, "migrations/*.sql")
	if err != nil {
		return nil, err
	}
	for _, m := range goMigrations() {
		files = append(files, m.Source)
	}
	for _, file := range files {
		version, err := goose.NumericComponent(file)
		if err != nil {
			return nil, err
		}
		known = append(known, migration{version, path.Base(file)})
	}
	slices.SortFunc(known, func(a, b migration) int { return cmp.Compare(a.version, b.version) })
	return known, nil
}
