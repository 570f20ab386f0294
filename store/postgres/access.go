package postgres

import (
	"context"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5"
)

// Access is who we are for the database and what may be done with the trail, by
// us and by the roles of auditflow.
type Access struct {
	Login     string
	Server    string // its version as people write it: 18.1
	Version   int    // as server_version_num: 180001
	Superuser bool   // nothing is refused to the login
	// Reads, Writes and Changes tell what the login may do with the rows of the
	// audit table: SELECT, INSERT, and UPDATE or DELETE.
	Reads, Writes, Changes bool
	// Tells is that it may read what is remembered beside the rows: holds, the
	// catalogue of the archive.
	Tells bool
	// Maintains is that it has the rights of auditflow_maintainer.
	Maintains bool
	// Missing are the rights that migrations gave to the roles and that are no
	// longer there, as statements that give them again; so is that the maintainer
	// owns the tables. A table that is not there, or a role, is a matter of migrating.
	Missing []string
	// Absent are the roles that are not there.
	Absent []string
	// Public are the tables of ours that everybody has rights on.
	Public []string
}

// granted are the rights that migrations give. What is remembered beside the
// rows is in remembered.
//
//nolint:gochecknoglobals // a table of constants
var granted = []struct {
	role, privileges string
	tables           []string
}{
	{writerRole, "SELECT, INSERT", []string{auditTable, quarantineTable}},
	{writerRole, "SELECT", []string{versionTable}},
	{readerRole, "SELECT", append([]string{auditTable, auditTable + "_archive", quarantineTable, versionTable}, remembered...)},
}

//nolint:gochecknoglobals // a table of constants
var remembered = []string{
	"auditflow_manifest", "auditflow_archive_deleted", "auditflow_verification", "auditflow_hold", "auditflow_tombstone",
	"auditflow_retention", "auditflow_restore", "auditflow_detached", "auditflow_move", auditTable + "_all",
}

// needs are granted, one right of one role on one table each.
func needs() (roles, privileges, tables []string) {
	for _, g := range granted {
		for privilege := range strings.SplitSeq(g.privileges, ", ") {
			for _, table := range g.tables {
				roles, privileges, tables = append(roles, g.role), append(privileges, privilege), append(tables, table)
			}
		}
	}
	return roles, privileges, tables
}

// readAccess asks catalogues only, which everybody may. What is not there has no
// rights: NULL is false.
const readAccess = `
	WITH need (role, privilege, relation) AS (SELECT * FROM unnest($1::text[], $2::text[], $3::text[])),
	missing (statement) AS (
		SELECT format('GRANT %s ON %s TO %s', privilege, relation, role) FROM need
		WHERE to_regrole(role) IS NOT NULL AND to_regclass(relation) IS NOT NULL
		AND NOT has_table_privilege(to_regrole(role)::oid, to_regclass(relation)::oid, privilege)
		UNION ALL
		SELECT 'GRANT EXECUTE ON FUNCTION auditflow_create_partition TO ` + writerRole + `'
		FROM pg_proc WHERE oid = to_regproc('auditflow_create_partition') AND to_regrole('` + writerRole + `') IS NOT NULL
		AND NOT has_function_privilege(to_regrole('` + writerRole + `')::oid, oid, 'EXECUTE')
		UNION ALL
		SELECT format('ALTER TABLE %s OWNER TO ` + maintainerRole + `', oid::regclass) FROM pg_class
		WHERE oid IN (SELECT to_regclass(relation) FROM need) AND relowner <> to_regrole('` + maintainerRole + `')::oid)
	SELECT current_user::text, current_setting('server_version'), current_setting('server_version_num')::int,
		(SELECT rolsuper FROM pg_roles WHERE rolname = current_user),
		coalesce(has_table_privilege(to_regclass('` + auditTable + `')::oid, 'SELECT'), false),
		coalesce(has_table_privilege(to_regclass('` + auditTable + `')::oid, 'INSERT'), false),
		coalesce(has_table_privilege(to_regclass('` + auditTable + `')::oid, 'UPDATE, DELETE, TRUNCATE'), false),
		coalesce(has_table_privilege(to_regclass('auditflow_hold')::oid, 'SELECT'), false),
		coalesce(pg_has_role(current_user, to_regrole('` + maintainerRole + `')::oid, 'USAGE'), false),
		ARRAY(SELECT statement FROM missing ORDER BY 1),
		ARRAY(SELECT role FROM unnest($4::text[]) AS role WHERE to_regrole(role) IS NULL ORDER BY 1),
		ARRAY(SELECT DISTINCT c.relname::text FROM pg_class c, aclexplode(c.relacl) a
			WHERE c.oid IN (SELECT to_regclass(relation) FROM need) AND a.grantee = 0 ORDER BY 1)`

// Access asks what the login may, and whether the rights are there that
// migrations gave. It needs no right itself.
func (s *Store) Access(ctx context.Context) (a Access, err error) {
	const op = "ask for roles and rights"
	roles, privileges, tables := needs()
	ours := []string{maintainerRole, readerRole, writerRole}
	rows, err := s.pool.Query(ctx, readAccess, roles, privileges, tables, ours)
	if err != nil {
		return a, convert(op, err)
	}
	a, err = pgx.CollectExactlyOneRow(rows, func(row pgx.CollectableRow) (a Access, err error) {
		err = row.Scan(&a.Login, &a.Server, &a.Version, &a.Superuser, &a.Reads, &a.Writes, &a.Changes, &a.Tells, &a.Maintains,
			&a.Missing, &a.Absent, &a.Public)
		a.Server, _, _ = strings.Cut(a.Server, " ") // what distributors add
		return a, err
	})
	a.Missing = slices.Compact(a.Missing)
	return a, convert(op, err)
}
