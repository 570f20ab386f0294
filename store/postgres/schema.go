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
}

// NewerSchemaError refuses a database that a newer release has migrated: this
// one does not know what its tables mean.
type NewerSchemaError struct{ Database, Binary int64 } // schema versions

func (e *NewerSchemaError) Error() string {
	return fmt.Sprintf("the database has schema version %d and this release knows versions up to %d:"+
		" run the release that migrated it, or a newer one", e.Database, e.Binary)
}

// Schema reads the versions and changes nothing. A database that is ahead of
// this release is no error here.
func (s *Store) Schema(ctx context.Context) (Schema, error) {
	const op = "read the schema version"
	applied, err := s.applied(ctx)
	if err != nil {
		return Schema{}, withHint(convert(op, err))
	}
	schema, err := compareSchema(applied)
	if err != nil {
		return Schema{}, fmt.Errorf("%s: %w", op, err)
	}
	return schema, nil
}

// schema is Schema for those who cannot work with a database that is ahead.
func (s *Store) schema(ctx context.Context, op string) (Schema, error) {
	schema, err := s.Schema(ctx)
	if err != nil {
		return schema, fmt.Errorf("%s: %w", op, err)
	}
	if schema.Database > schema.Release {
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
// the version table is not there. It looks for the table where goose does.
func (s *Store) applied(ctx context.Context) ([]int64, error) {
	var table *string
	const find = `SELECT to_regclass(quote_ident(current_schema()) || '.` + versionTable + `')::text`
	if err := s.pool.QueryRow(ctx, find).Scan(&table); err != nil || table == nil {
		return nil, err
	}
	rows, err := s.pool.Query(ctx, `SELECT version_id FROM `+*table)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, pgx.RowTo[int64])
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
