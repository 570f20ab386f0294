package postgres_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/auditflow/auditflow/audit"
	"github.com/auditflow/auditflow/store/postgres"
)

func TestEightStoresMigrateOneDatabaseAtOnce(t *testing.T) {
	t.Parallel()
	address := emptyDatabase(t)
	var wait sync.WaitGroup
	errs := make(chan error, 8)
	for range cap(errs) {
		store := open(t, postgres.Config{URL: address, MaxConns: 1})
		wait.Go(func() { errs <- store.Migrate(t.Context()) })
	}
	wait.Wait()
	close(errs)
	for err := range errs {
		must(t, err)
	}
	applied := column[int64](t, connect(t, address), `SELECT count(*) FROM auditflow_schema_version WHERE version_id = 1`)
	equal(t, "times the first migration was applied", applied[0], 1)
}

func TestANewerSchemaIsRefused(t *testing.T) {
	t.Parallel()
	address := database(t)
	store := open(t, postgres.Config{URL: address})
	must(t, store.Migrate(t.Context())) // twice changes nothing
	ahead(t, address, 99)

	err := store.Migrate(t.Context())
	newer, ok := errors.AsType[*postgres.NewerSchemaError](err)
	if !ok {
		t.Fatalf("got %v, want a NewerSchemaError", err)
	}
	equal(t, "version of the database", newer.Database, 99)
	equal(t, "class", postgres.Class(err), postgres.ClassSchema)
}

// ahead makes a database look as a newer release leaves it, at schema version 99, which
// says what a release has to know to work with it.
func ahead(t *testing.T, address string, oldest int64) {
	t.Helper()
	execute(t, connect(t, address), fmt.Sprintf(`INSERT INTO auditflow_schema_version (version_id, is_applied) VALUES (99, true);
		COMMENT ON TABLE auditflow_schema_version IS '{"oldest_release": %d}'`, oldest))
}

func TestAReleaseWorksOnANewerSchemaThatOnlyAdds(t *testing.T) {
	t.Parallel()
	address := database(t)
	before, err := open(t, postgres.Config{URL: address}).Schema(t.Context())
	must(t, err)
	equal(t, "what this release says of its own", before.OldestRelease, postgres.OldestCompatible)
	ahead(t, address, before.Release)
	for _, role := range []string{writer, reader, maintainer} {
		store := open(t, postgres.Config{URL: login(t, address, "", role)})
		must(t, store.Migrate(t.Context()))
		schema, err := store.Schema(t.Context())
		must(t, err)
		equal(t, "version", schema.Database, 99)
		equal(t, "usable", schema.Usable(), true)
	}
}

// Two releases may migrate at once, and the older one may come last.
func TestWhatANewerReleaseSaysOfItsSchemaStays(t *testing.T) {
	t.Parallel()
	address := emptyDatabase(t)
	store, conn := open(t, postgres.Config{URL: address}), connect(t, address)
	must(t, postgres.MigrateTo(t.Context(), store, 1))
	execute(t, conn, `COMMENT ON TABLE auditflow_schema_version IS '{"oldest_release": 98}'`)
	must(t, store.Migrate(t.Context()))
	schema, err := store.Schema(t.Context())
	must(t, err)
	equal(t, "oldest release", schema.OldestRelease, 98)
}

// oldDatabase is a database as the first release left it, with rows in as many
// daily partitions, from 2025-01-01 on, as days.
func oldDatabase(t testing.TB, days, rows int) (address string) {
	t.Helper()
	address = emptyDatabase(t)
	must(t, postgres.MigrateTo(t.Context(), open(t, postgres.Config{URL: address}), 1))
	conn := connect(t, address)
	execute(t, conn, `
		DO $$ BEGIN
			FOR day IN 0..`+strconv.Itoa(days-1)+` LOOP
				EXECUTE format('CREATE TABLE kubernetes_execution_audit_%s PARTITION OF kubernetes_execution_audit
					FOR VALUES FROM (%L) TO (%L)', to_char('2025-01-01'::date + day, 'YYYY_MM_DD'),
					'2025-01-01 00:00:00+00'::timestamptz + day * interval '1 day',
					'2025-01-02 00:00:00+00'::timestamptz + day * interval '1 day');
			END LOOP;
		END $$`)
	execute(t, conn, insertPlain+`, generate_series(1, $2) n`, days, rows)
	return address
}

// insertPlain inserts a row somewhere in the first $1 days of 2025.
const insertPlain = `INSERT INTO kubernetes_execution_audit
	(execution_id, workflow_ref, step_index, action_type, success, cluster, source, created_at, record_sha256)
	SELECT 'e', 'w', 0, 'a', true, 'c', 's', '2025-01-01'::timestamptz + random() * $1 * interval '1 day', sha256('')
	FROM (VALUES (1)) AS one`

// A migration needs a lock that a reader in a long transaction will not let it
// have. Whoever comes later queues behind the one who waits, so it must not
// wait for long, nor give up.
func TestMigratingWaitsForALongReaderWithoutHoldingWritersUp(t *testing.T) {
	t.Parallel()
	address := oldDatabase(t, 3, 100)
	reader, writer, observer := connect(t, address), connect(t, address), connect(t, address)
	tx, err := reader.Begin(t.Context())
	must(t, err)
	execute(t, tx.Conn(), `SELECT count(*) FROM kubernetes_execution_audit`)

	store := open(t, postgres.Config{URL: address})
	done := make(chan error, 1)
	go func() { done <- store.Migrate(t.Context()) }()
	for range 3 {
		until(t, observer, `SELECT `+migrationWaits)
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
		_, err := writer.Exec(ctx, insertPlain, 3)
		cancel()
		if err != nil {
			t.Fatalf("a writer behind the migration: %v", err)
		}
	}
	select {
	case err := <-done:
		t.Fatalf("did not wait for the reader: %v", err)
	default:
	}

	must(t, tx.Commit(t.Context()))
	must(t, <-done)
	schema, err := store.Schema(t.Context())
	must(t, err)
	equal(t, "version", schema.Database, schema.Release)
}

const migrationWaits = `EXISTS (SELECT FROM pg_locks WHERE NOT granted
	AND mode = 'AccessExclusiveLock' AND relation = 'kubernetes_execution_audit'::regclass)`

// until asks a question again and again until the answer is yes.
func until(t testing.TB, conn *pgx.Conn, question string) {
	t.Helper()
	for deadline := time.Now().Add(20 * time.Second); !column[bool](t, conn, question)[0]; {
		if time.Now().After(deadline) {
			t.Fatalf("never came true: %s", question)
		}
	}
}

func TestAMigrationThatIsGivenUpSaysWhatItWaitedFor(t *testing.T) {
	t.Parallel()
	address := oldDatabase(t, 1, 1)
	reader, observer := connect(t, address), connect(t, address)
	execute(t, reader, `BEGIN; SELECT count(*) FROM kubernetes_execution_audit`)
	store := open(t, postgres.Config{URL: address})
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- store.Migrate(ctx) }()
	for _, waits := range []string{"", "NOT", ""} { // the second time, it knows of the first
		until(t, observer, `SELECT `+waits+` `+migrationWaits)
	}
	cancel()
	err := <-done
	equal(t, "class", postgres.Class(err), postgres.ClassTimeout)
	if !strings.Contains(err.Error(), "0002_roles.sql: lock_not_available") {
		t.Errorf("got: %v", err)
	}
}

// The longest that an insert took while 100,000 rows in 90 partitions were
// migrated from the first version to the newest; and, to compare with, in the
// five seconds before.
func BenchmarkAnInsertDuringMigration(b *testing.B) {
	var before, during time.Duration
	for b.Loop() {
		address := oldDatabase(b, 90, 100_000)
		writer := connect(b, address)
		before = max(before, longestInsert(b, writer, time.After(5*time.Second)))

		migrated := make(chan time.Time)
		began := time.Now()
		go func() {
			if err := open(b, postgres.Config{URL: address}).Migrate(b.Context()); err != nil {
				b.Error(err)
			}
			migrated <- time.Now()
		}()
		during = max(during, longestInsert(b, writer, migrated))
		b.ReportMetric(time.Since(began).Seconds(), "s-migration")
	}
	b.ReportMetric(float64(before.Microseconds())/1000, "ms-longest-insert-before")
	b.ReportMetric(float64(during.Microseconds())/1000, "ms-longest-insert")
}

func longestInsert(b *testing.B, writer *pgx.Conn, done <-chan time.Time) (longest time.Duration) {
	b.Helper()
	for {
		began := time.Now()
		execute(b, writer, insertPlain, 90)
		longest = max(longest, time.Since(began))
		select {
		case <-done:
			return longest
		default:
		}
	}
}

func TestADatabaseThatIsNotMigratedSaysSo(t *testing.T) {
	t.Parallel()
	store := open(t, postgres.Config{URL: emptyDatabase(t)})
	_, err := store.Append(t.Context(), many(1, january))
	equal(t, "class of "+err.Error(), postgres.Class(err), postgres.ClassSchema)
	_, err = store.EnsurePeriod(t.Context(), audit.PeriodOf(audit.Monthly, january))
	equal(t, "class of "+err.Error(), postgres.Class(err), postgres.ClassSchema)
}

func TestTheSchemaIsTheSeeds(t *testing.T) {
	t.Parallel()
	conn := connect(t, database(t))

	indexes := column[string](t, conn, `SELECT indexname::text || substring(indexdef FROM ' USING btree (.*)')
		FROM pg_indexes WHERE tablename = 'kubernetes_execution_audit' AND indexname IN ('kubernetes_execution_audit_pkey',
			'idx_execution_id', 'idx_workflow_ref', 'idx_action_type', 'idx_created_at', 'idx_success', 'idx_target_resource')
		ORDER BY 1`)
	equal(t, "indexes of the seed", strings.Join(indexes, "\n"), `idx_action_type(action_type)
idx_created_at(created_at)
idx_execution_id(execution_id)
idx_success(success)
idx_target_resource(target_namespace, target_resource_kind, target_resource_name)
idx_workflow_ref(workflow_ref)
kubernetes_execution_audit_pkey(id, created_at)`)

	columns := column[string](t, conn, `SELECT column_name || ' ' || data_type || ' ' || is_nullable
		FROM information_schema.columns WHERE table_name = 'kubernetes_execution_audit' AND ordinal_position <= 24
		ORDER BY ordinal_position`)
	equal(t, "columns of the seed", strings.Join(columns, "\n"), `id uuid NO
execution_id character varying NO
workflow_ref character varying NO
step_index integer NO
action_type character varying NO
action_parameters jsonb YES
target_namespace character varying YES
target_resource_kind character varying YES
target_resource_name character varying YES
success boolean NO
output text YES
error text YES
start_time timestamp with time zone YES
end_time timestamp with time zone YES
duration interval YES
job_name character varying YES
job_pod_name character varying YES
job_exit_code integer YES
job_resource_usage jsonb YES
retry_count integer YES
max_retries integer YES
created_at timestamp with time zone NO
completed_at timestamp with time zone YES
phase character varying YES`)
}

func TestColumnsAreAsLongAsTheRecordSays(t *testing.T) {
	t.Parallel()
	conn := connect(t, database(t))
	limits := audit.TextLimits()
	rows, err := conn.Query(t.Context(), `SELECT column_name, character_maximum_length
		FROM information_schema.columns
		WHERE table_name = 'kubernetes_execution_audit' AND character_maximum_length IS NOT NULL`)
	must(t, err)
	for rows.Next() {
		var name string
		var length int
		must(t, rows.Scan(&name, &length))
		equal(t, name, length, limits[name])
		delete(limits, name)
	}
	must(t, rows.Err())
	equal(t, "limits without a column", len(limits), 0)
}

func TestTheArchiveTableHasTheSameShape(t *testing.T) {
	t.Parallel()
	address := database(t)
	store, conn := open(t, postgres.Config{URL: address}), connect(t, address)
	r := complete("one", january)
	_, err := store.Append(t.Context(), []audit.Record{r})
	must(t, err)
	// as the seed prints it (section 8)
	execute(t, conn, `INSERT INTO kubernetes_execution_audit_archive
		SELECT * FROM kubernetes_execution_audit
		WHERE created_at < NOW() - INTERVAL '90 days'`)
	equal(t, "digest", readBack(t, conn, "kubernetes_execution_audit_archive", r.ID).Digest(), r.RecordSHA256)
}

func TestEveryColumnIsExplained(t *testing.T) {
	t.Parallel()
	conn := connect(t, database(t))
	unexplained := column[string](t, conn, `SELECT attrelid::regclass || '.' || attname FROM pg_attribute
		WHERE attrelid IN ('kubernetes_execution_audit'::regclass, 'kubernetes_execution_audit_archive'::regclass)
		AND attnum > 0 AND col_description(attrelid, attnum) IS NULL`)
	equal(t, "columns without a comment", strings.Join(unexplained, " "), "")
}

func TestEveryQueryOfTheSeedRunsAsPrinted(t *testing.T) {
	t.Parallel()
	address := database(t)
	store, conn := open(t, postgres.Config{URL: address}), connect(t, address)
	_, err := store.Append(t.Context(), many(10, january))
	must(t, err)
	printed, err := os.ReadFile("testdata/seed_queries.sql")
	must(t, err)
	queries := regexp.MustCompile(`(?s)-- ([^\n]+)\n(SELECT.*?;)`).FindAllStringSubmatch(string(printed), -1)
	equal(t, "queries", len(queries), 7)
	for _, q := range queries {
		t.Run(q[1], func(t *testing.T) { execute(t, conn, q[2]) })
	}
}
