package postgres_test

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/auditflow/auditflow/store/postgres"
	"github.com/auditflow/auditflow/test/world"
)

func TestSchemaTellsHowFarADatabaseIs(t *testing.T) {
	t.Parallel()
	address := emptyDatabase(t)
	store, conn := open(t, postgres.Config{URL: address}), connect(t, address)

	empty, err := store.Schema(t.Context())
	must(t, err)
	equal(t, "version of an empty database", empty.Database, 0)
	equal(t, "pending migrations", len(empty.Pending), int(empty.Release))
	equal(t, "the first", empty.Pending[0], "0001_execution_audit.sql")
	equal(t, "tables it made", column[int64](t, conn, `SELECT count(*) FROM pg_tables WHERE schemaname = 'public'`)[0], 0)

	must(t, postgres.MigrateTo(t.Context(), store, 1))
	old, err := store.Schema(t.Context())
	must(t, err)
	equal(t, "version of an old database", old.Database, 1)
	if !slices.Equal(old.Pending, empty.Pending[1:]) {
		t.Errorf("pending: %v", old.Pending)
	}

	must(t, store.Migrate(t.Context()))
	current, err := store.Schema(t.Context())
	must(t, err)
	equal(t, "version", current.Database, current.Release)
	equal(t, "pending migrations", len(current.Pending), 0)

	execute(t, conn, `INSERT INTO auditflow_schema_version (version_id, is_applied) VALUES (99, true)`)
	newer, err := store.Schema(t.Context())
	must(t, err)
	equal(t, "version of a database that is ahead", newer.Database, 99)
}

// Every worker migrates when it starts, and nearly always there is nothing to do.
func TestMigratingACurrentDatabaseTakesNoLockAndNoRights(t *testing.T) {
	t.Parallel()
	address := database(t)
	busy := connect(t, address)
	execute(t, busy, `BEGIN; SELECT pg_advisory_lock(x'6175646974666c'::bigint);
		LOCK TABLE kubernetes_execution_audit; LOCK TABLE auditflow_schema_version IN EXCLUSIVE MODE`)
	for _, role := range []string{writer, reader, maintainer} {
		ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
		err := open(t, postgres.Config{URL: login(t, address, "", role)}).Migrate(ctx)
		cancel()
		must(t, err)
	}
}

func TestALoginThatMayNotMigrateIsToldWhatToDo(t *testing.T) {
	t.Parallel()
	address := database(t)
	conn := connect(t, address)
	release := column[int64](t, conn, `DELETE FROM auditflow_schema_version
		WHERE version_id = (SELECT max(version_id) FROM auditflow_schema_version) RETURNING version_id`)[0]
	for _, role := range []string{writer, reader} {
		err := open(t, postgres.Config{URL: login(t, address, "", role)}).Migrate(t.Context())
		pending, ok := errors.AsType[*postgres.PendingSchemaError](err)
		if !ok {
			t.Fatalf("got %v, want a PendingSchemaError", err)
		}
		equal(t, "class", postgres.Class(err), postgres.ClassSchema)
		equal(t, "what is missing", strings.Join(pending.Missing, "; "), `GRANT auditflow_maintainer TO "`+pending.Login+`"`)
		said := fmt.Sprintf("schema version %d, this release needs version %d and login %s may not migrate it:"+
			" run auditctl migrate as a member of auditflow_maintainer", release-1, release, pending.Login)
		if !strings.Contains(err.Error(), said) {
			t.Errorf("got: %v", err)
		}
	}
	err := open(t, postgres.Config{URL: login(t, address, "", nobody)}).Migrate(t.Context())
	if err == nil || !strings.Contains(err.Error(), "is the login a member of auditflow_writer, auditflow_reader or auditflow_maintainer?") {
		t.Errorf("a login that may not even read the version: %v", err)
	}
}

// cluster is a server of its own, for what concerns all of its databases.
func cluster(t *testing.T) *world.Postgres {
	t.Helper()
	w, err := world.Start(t.Context(), world.Options{PostgreSQL: true})
	must(t, err)
	t.Cleanup(func() { must(t, w.Stop()) })
	return w.Postgres
}

// newDatabase is an empty one, whose address is for the login it makes.
func newDatabase(t *testing.T, server *world.Postgres, name, options string) (admin *pgx.Conn, address string) {
	t.Helper()
	address, err := server.NewDatabase(t.Context(), "")
	must(t, err)
	admin = connect(t, address)
	execute(t, admin, `CREATE ROLE `+pgx.Identifier{name}.Sanitize()+` LOGIN NOSUPERUSER `+options)
	parsed, err := url.Parse(address)
	must(t, err)
	parsed.User = url.User(name)
	return admin, parsed.String()
}

func TestTheFirstMigrationOfACluster(t *testing.T) {
	t.Parallel()
	server := cluster(t)
	allRoles := func(conn *pgx.Conn) string {
		return strings.Join(column[string](t, conn, `SELECT rolname::text FROM pg_roles WHERE rolname LIKE 'auditflow%' ORDER BY 1`), " ")
	}

	admin, address := newDatabase(t, server, `o"wner`, "")
	store := open(t, postgres.Config{URL: address})
	err := store.Migrate(t.Context())
	pending, ok := errors.AsType[*postgres.PendingSchemaError](err)
	if !ok {
		t.Fatalf("without any rights: %v", err)
	}
	equal(t, "roles that were made", allRoles(admin), "")
	for _, statement := range pending.Missing {
		execute(t, admin, statement)
	}
	must(t, store.Migrate(t.Context())) // what the error told was all it took
	execute(t, admin, `REASSIGN OWNED BY auditflow_maintainer TO postgres;
		DROP OWNED BY auditflow_maintainer, auditflow_writer, auditflow_reader;
		DROP ROLE auditflow_maintainer, auditflow_writer, auditflow_reader`)

	t.Run("a login that may create roles and schemas needs nobody's help", func(t *testing.T) {
		admin, address := newDatabase(t, server, "creator", "CREATEROLE")
		database := pgx.Identifier{column[string](t, admin, `SELECT current_database()::text`)[0]}.Sanitize()
		execute(t, admin, `GRANT CREATE ON DATABASE `+database+` TO creator`)
		execute(t, connect(t, address), `CREATE SCHEMA audit`)
		store := open(t, postgres.Config{URL: address + "&search_path=audit"})
		must(t, store.Migrate(t.Context()))
		equal(t, "roles", allRoles(admin), "auditflow_maintainer auditflow_reader auditflow_writer")
		_, err := store.Append(t.Context(), many(1, january))
		must(t, err)
	})

	t.Run("a member of the maintainer needs no more than the schema", func(t *testing.T) {
		admin, address := newDatabase(t, server, "member", "")
		execute(t, admin, `GRANT auditflow_maintainer TO member; GRANT USAGE, CREATE ON SCHEMA public TO auditflow_maintainer`)
		store := open(t, postgres.Config{URL: address})
		must(t, store.Migrate(t.Context()))
		_, err := store.Append(t.Context(), many(1, january))
		must(t, err)
	})
}

func TestEightDatabasesOfANewClusterMigrateAtOnce(t *testing.T) {
	t.Parallel()
	server := cluster(t)
	// Their owner makes itself a member of the maintainer in each of them.
	execute(t, connect(t, server.URL), `CREATE ROLE creator LOGIN CREATEROLE`)
	var wait sync.WaitGroup
	errs := make(chan error, 8)
	for range cap(errs) {
		address, err := server.NewDatabase(t.Context(), "")
		must(t, err)
		conn := connect(t, address)
		name := column[string](t, conn, `SELECT current_database()::text`)[0]
		execute(t, conn, `ALTER DATABASE `+pgx.Identifier{name}.Sanitize()+` OWNER TO creator`)
		store := open(t, postgres.Config{URL: strings.Replace(address, "postgres@", "creator@", 1)})
		wait.Go(func() { errs <- store.Migrate(t.Context()) })
	}
	wait.Wait()
	close(errs)
	for err := range errs {
		must(t, err)
	}
}

// Roles belong to the cluster: while we create one, another database's
// migration may be about to commit the same.
func TestARoleThatAnotherDatabaseCreatesAtTheSameMomentIsTaken(t *testing.T) {
	t.Parallel()
	server := cluster(t)
	address, err := server.NewDatabase(t.Context(), "")
	must(t, err)
	other, observer := connect(t, server.URL), connect(t, server.URL)
	execute(t, other, `BEGIN; CREATE ROLE auditflow_writer`)
	store := open(t, postgres.Config{URL: address})
	done := make(chan error, 1)
	go func() { done <- store.Migrate(t.Context()) }()
	until(t, observer, `SELECT EXISTS (SELECT FROM pg_locks WHERE NOT granted AND locktype = 'transactionid')`)
	execute(t, other, `COMMIT`)
	must(t, <-done)
}

// The tables of the first release belong to whoever migrated it.
func TestPartitionsOfTheFirstReleaseBecomeTheMaintainers(t *testing.T) {
	t.Parallel()
	address := oldDatabase(t, 3, 10)
	store, conn := open(t, postgres.Config{URL: address}), connect(t, address)
	execute(t, conn, `CREATE TABLE "The Past" PARTITION OF kubernetes_execution_audit
		FOR VALUES FROM (MINVALUE) TO ('2025-01-01 00:00:00+00')`)
	must(t, store.Migrate(t.Context()))
	_, err := store.Append(t.Context(), many(1, january))
	must(t, err)
	rows := column[string](t, conn, `SELECT count(*) || ' partitions of ' || relowner::regrole || ': ' || array_to_string(reloptions, ', ')
		FROM pg_class c JOIN pg_inherits i ON i.inhrelid = c.oid
		WHERE i.inhparent = 'kubernetes_execution_audit'::regclass GROUP BY relowner, reloptions`)
	equal(t, "partitions", strings.Join(rows, "\n"), "5 partitions of auditflow_maintainer: "+
		"autovacuum_vacuum_insert_scale_factor=0.02, autovacuum_vacuum_insert_threshold=1000, "+
		"autovacuum_analyze_scale_factor=0.02, autovacuum_analyze_threshold=1000")
}

func TestAPartitionOfSomebodyElseIsNamedInTheError(t *testing.T) {
	t.Parallel()
	address := emptyDatabase(t)
	admin := connect(t, address)
	owner := login(t, address, "")
	name := pgx.Identifier{column[string](t, connect(t, owner), `SELECT current_user::text`)[0]}.Sanitize()
	execute(t, admin, `GRANT auditflow_maintainer TO `+name+`; GRANT USAGE, CREATE ON SCHEMA public TO auditflow_maintainer`)
	store := open(t, postgres.Config{URL: owner})
	must(t, postgres.MigrateTo(t.Context(), store, 1))
	execute(t, admin, `CREATE TABLE "The Past" PARTITION OF kubernetes_execution_audit
		FOR VALUES FROM (MINVALUE) TO ('2025-01-01 00:00:00+00')`)

	err := store.Migrate(t.Context())
	pending, ok := errors.AsType[*postgres.PendingSchemaError](err)
	if !ok {
		t.Fatalf("got %v, want a PendingSchemaError", err)
	}
	equal(t, "what is missing", strings.Join(pending.Missing, "; "), `ALTER TABLE "The Past" OWNER TO auditflow_maintainer`)
	execute(t, admin, pending.Missing[0])
	must(t, store.Migrate(t.Context()))
}
