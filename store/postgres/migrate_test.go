package postgres_test

import (
	"errors"
	"os"
	"regexp"
	"strings"
	"sync"
	"testing"

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
	store, conn := open(t, postgres.Config{URL: address}), connect(t, address)
	must(t, store.Migrate(t.Context())) // twice changes nothing
	execute(t, conn, `INSERT INTO auditflow_schema_version (version_id, is_applied) VALUES (99, true)`)

	err := store.Migrate(t.Context())
	newer, ok := errors.AsType[*postgres.NewerSchemaError](err)
	if !ok {
		t.Fatalf("got %v, want a NewerSchemaError", err)
	}
	equal(t, "version of the database", newer.Database, 99)
	equal(t, "class", postgres.Class(err), postgres.ClassSchema)
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
		FROM pg_indexes WHERE tablename = 'kubernetes_execution_audit' ORDER BY 1`)
	equal(t, "indexes", strings.Join(indexes, "\n"), `idx_action_type(action_type)
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
