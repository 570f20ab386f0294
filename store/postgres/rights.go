package postgres

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5"
)

const (
	maintainerRole = "auditflow_maintainer"
	writerRole     = "auditflow_writer"
	readerRole     = "auditflow_reader"
)

// PendingSchemaError says that the database is behind this release and the login
// may not bring it up.
type PendingSchemaError struct {
	Database, Release int64  // schema versions
	Login             string // as whom we are connected
	// Missing is what an administrator may run so that the login may migrate;
	// empty when that is not known.
	Missing []string
	cause   *Error
}

func (e *PendingSchemaError) Error() string {
	message := fmt.Sprintf("the database has schema version %d, this release needs version %d and login %s may not migrate it:"+
		" run auditctl migrate as a member of %s", e.Database, e.Release, e.Login, maintainerRole)
	if len(e.Missing) > 0 {
		message += ", or have an administrator run: " + strings.Join(e.Missing, "; ")
	}
	return fmt.Sprintf("%s (%v)", message, e.cause)
}

// Unwrap returns the refusal of the server, an [*Error].
func (e *PendingSchemaError) Unwrap() error { return e.cause }

// rights are the facts that decide whether a login may migrate.
type rights struct {
	Login, Schema string
	CreatesRoles  bool     // it may create the roles that are missing
	OwnsSchema    bool     // it may grant rights on the schema
	MissingRoles  []string // of ours
	Maintainer    bool     // it has the rights of the maintainer
	Grants        []string // rights on the schema, as GRANT puts them, that a role of ours needs and has not
	Foreign       []string // tables and partitions whose owner neither it is nor the maintainer
}

// readRights needs no rights itself. A role that is missing has no rights yet.
const readRights = `
	WITH need (role, privilege) AS (VALUES
		('` + maintainerRole + `', 'USAGE'), ('` + maintainerRole + `', 'CREATE'),
		('` + writerRole + `', 'USAGE'), ('` + readerRole + `', 'USAGE'))
	SELECT current_user::text AS login, coalesce(current_schema()::text, '') AS schema,
		(SELECT rolcreaterole OR rolsuper FROM pg_roles WHERE rolname = current_user) AS creates_roles,
		coalesce((SELECT pg_has_role(current_user, nspowner, 'USAGE')
			FROM pg_namespace WHERE nspname = current_schema()), false) AS owns_schema,
		ARRAY(SELECT DISTINCT role FROM need WHERE to_regrole(role) IS NULL ORDER BY role) AS missing_roles,
		coalesce(pg_has_role(current_user, to_regrole('` + maintainerRole + `')::oid, 'USAGE'), false) AS maintainer,
		ARRAY(SELECT format('GRANT %s ON SCHEMA %I TO %I', privilege, coalesce(current_schema(), ''), role) FROM need
			WHERE has_schema_privilege(to_regrole(role)::oid, current_schema(), privilege) IS NOT TRUE) AS grants,
		ARRAY(SELECT c.oid::regclass::text FROM pg_class c LEFT JOIN pg_inherits i ON i.inhrelid = c.oid
			WHERE (c.oid IN (to_regclass('` + versionTable + `'), to_regclass('` + auditTable + `'), to_regclass('` + auditTable + `_archive'))
				OR i.inhparent = to_regclass('` + auditTable + `'))
			AND NOT pg_has_role(current_user, c.relowner, 'USAGE')
			AND c.relowner IS DISTINCT FROM to_regrole('` + maintainerRole + `') ORDER BY 1) AS foreign`

// missing is what an administrator has to run before the login may migrate.
func (r rights) missing() (statements []string) {
	if !r.CreatesRoles {
		for _, role := range r.MissingRoles {
			statements = append(statements, "CREATE ROLE "+role+" NOLOGIN")
		}
	}
	// Whoever creates the role makes itself a member.
	if !r.Maintainer && (!r.CreatesRoles || !slices.Contains(r.MissingRoles, maintainerRole)) {
		statements = append(statements, "GRANT "+maintainerRole+" TO "+pgx.Identifier{r.Login}.Sanitize())
	}
	if !r.OwnsSchema && r.Schema != "" {
		statements = append(statements, r.Grants...)
	}
	for _, table := range r.Foreign {
		statements = append(statements, "ALTER TABLE "+table+" OWNER TO "+maintainerRole)
	}
	return statements
}

// explain turns the server's refusal to let us migrate into what to do about it.
func (s *Store) explain(ctx context.Context, before Schema, refusal *Error) error {
	rows, err := s.pool.Query(ctx, readRights)
	if err != nil {
		return refusal
	}
	r, err := pgx.CollectExactlyOneRow(rows, pgx.RowToStructByName[rights])
	if err != nil {
		return refusal
	}
	return fmt.Errorf("migrate: %w", &PendingSchemaError{before.Database, before.Release, r.Login, r.missing(), refusal})
}
