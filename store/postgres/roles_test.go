package postgres_test

import (
	"errors"
	"io"
	"net/url"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/auditflow/auditflow/audit"
	"github.com/auditflow/auditflow/store/postgres"
)

const (
	writer     = "auditflow_writer"
	reader     = "auditflow_reader"
	maintainer = "auditflow_maintainer"
	nobody     = "" // a login without any role
)

// login makes a login of its own for a test, in the groups given, and returns
// the database's URL with it.
func login(t testing.TB, address string, options string, groups ...string) string {
	t.Helper()
	parsed, err := url.Parse(address)
	must(t, err)
	name := pgx.Identifier{"login_" + strings.Trim(parsed.Path, "/") + "_" + strings.Join(groups, "_")}
	conn := connect(t, address)
	execute(t, conn, `CREATE ROLE `+name.Sanitize()+` LOGIN `+options)
	for _, group := range groups {
		if group != nobody {
			execute(t, conn, `GRANT `+group+` TO `+name.Sanitize())
		}
	}
	parsed.User = url.User(name[0])
	return parsed.String()
}

func code(err error) string {
	if server, ok := errors.AsType[*pgconn.PgError](err); ok {
		return server.Code
	}
	if err != nil {
		return err.Error()
	}
	return "done"
}

func TestEachRoleMayDoItsWorkAndNothingElse(t *testing.T) {
	t.Parallel()
	address := database(t)
	_, err := open(t, postgres.Config{URL: address}).Append(t.Context(), []audit.Record{complete("one", january)})
	must(t, err)
	conns := map[string]*pgx.Conn{}
	for _, role := range []string{writer, reader, maintainer, nobody} {
		conns[role] = connect(t, login(t, address, "", role))
	}

	const insert = `(execution_id, workflow_ref, step_index, action_type, success, cluster, source, created_at, record_sha256)
		VALUES ('e', 'w', 0, 'a', true, 'c', 's', '2025-01-15', sha256(''))`
	both, readers, owner := []string{writer, maintainer}, []string{writer, reader, maintainer}, []string{maintainer}
	cases := []struct {
		statement string
		may       []string
	}{
		{`INSERT INTO kubernetes_execution_audit ` + insert, both},
		{`INSERT INTO kubernetes_execution_audit ` + insert + ` ON CONFLICT (id, created_at) DO NOTHING RETURNING tableoid`, both},
		{`INSERT INTO kubernetes_execution_audit ` + insert + ` ON CONFLICT (id, created_at) DO UPDATE SET output = 'x'`, owner},
		{`COPY kubernetes_execution_audit FROM STDIN`, both},
		{`SELECT auditflow_create_partition('kubernetes_execution_audit_2025_02', '2025-02-01 00:00+00', '2025-03-01 00:00+00')`, both},
		{`SELECT * FROM kubernetes_execution_audit`, readers},
		{`COPY (SELECT * FROM kubernetes_execution_audit) TO STDOUT`, readers},
		{`SELECT * FROM auditflow_schema_version`, readers},
		{`SELECT * FROM kubernetes_execution_audit_archive`, []string{reader, maintainer}},

		{`SELECT * FROM kubernetes_execution_audit FOR UPDATE`, owner},
		{`UPDATE kubernetes_execution_audit SET output = 'x'`, owner},
		{`UPDATE kubernetes_execution_audit SET output = 'x' WHERE false`, owner},
		{`DELETE FROM kubernetes_execution_audit`, owner},
		{`WITH gone AS (DELETE FROM kubernetes_execution_audit RETURNING id) SELECT * FROM gone`, owner},
		{`MERGE INTO kubernetes_execution_audit a USING (VALUES (1)) v ON true WHEN MATCHED THEN DELETE`, owner},
		{`TRUNCATE kubernetes_execution_audit`, owner},
		{`LOCK TABLE kubernetes_execution_audit IN ACCESS EXCLUSIVE MODE`, owner},
		{`ALTER TABLE kubernetes_execution_audit ADD COLUMN x int`, owner},
		{`ALTER TABLE kubernetes_execution_audit DISABLE TRIGGER ALL`, owner},
		{`CREATE RULE r AS ON INSERT TO kubernetes_execution_audit DO INSTEAD NOTHING`, owner},
		{`ALTER TABLE kubernetes_execution_audit DETACH PARTITION kubernetes_execution_audit_2025_01`, owner},
		{`DROP TABLE kubernetes_execution_audit CASCADE`, owner},
		{`CREATE TABLE kubernetes_execution_audit_2025_02 PARTITION OF kubernetes_execution_audit
			FOR VALUES FROM ('2025-02-01 00:00+00') TO ('2025-03-01 00:00+00')`, owner},
		{`CREATE TABLE anything (x int)`, owner},

		{`SELECT * FROM kubernetes_execution_audit_2025_01`, owner},
		{`COPY kubernetes_execution_audit_2025_01 TO STDOUT`, owner},
		{`INSERT INTO kubernetes_execution_audit_2025_01 ` + insert, owner},
		{`COPY kubernetes_execution_audit_2025_01 FROM STDIN`, owner},
		{`UPDATE kubernetes_execution_audit_2025_01 SET output = 'x'`, owner},
		{`DELETE FROM kubernetes_execution_audit_2025_01`, owner},
		{`TRUNCATE kubernetes_execution_audit_2025_01`, owner},
		{`DROP TABLE kubernetes_execution_audit_2025_01`, owner},

		{`INSERT INTO kubernetes_execution_audit_archive ` + insert, owner},
		{`DELETE FROM kubernetes_execution_audit_archive`, owner},
		{`TRUNCATE kubernetes_execution_audit_archive`, owner},
		{`INSERT INTO auditflow_schema_version (version_id, is_applied) VALUES (99, true)`, owner},
		{`DELETE FROM auditflow_schema_version`, owner},
		{`DROP FUNCTION auditflow_create_partition`, owner},

		{`SELECT * FROM kubernetes_execution_audit_all`, []string{reader, maintainer}},
		{`SELECT * FROM auditflow_manifest`, []string{reader, maintainer}},
		{`SELECT * FROM auditflow_archive_deleted`, []string{reader, maintainer}},
		{`SELECT * FROM auditflow_verification`, []string{reader, maintainer}},
		{`SELECT * FROM auditflow_hold`, []string{reader, maintainer}},
		{`SELECT * FROM auditflow_tombstone`, []string{reader, maintainer}},
		{`SELECT * FROM auditflow_retention`, []string{reader, maintainer}},
		{`SELECT * FROM auditflow_restore`, []string{reader, maintainer}},
		{`SELECT * FROM auditflow_detached`, []string{reader, maintainer}},
		{`INSERT INTO auditflow_hold (kind, value, reason, placed_by) VALUES ('action', 'a', 'r', 'p')`, owner},
		{`UPDATE auditflow_hold SET released_by = 'x', released_at = now()`, owner},
		{`INSERT INTO auditflow_tombstone (what, name, starts, ends, row_count, bytes, why, policy)
			VALUES ('rows', 'n', now(), now(), 0, 0, 'w', 'p')`, owner},
		{`INSERT INTO auditflow_manifest VALUES ('p', 0, 1, '{}', sha256(''), 'o')`, owner},
		{`INSERT INTO auditflow_archive_deleted VALUES ('p', 0)`, owner},
		{`INSERT INTO auditflow_verification VALUES ('p', now())`, owner},
		{`INSERT INTO auditflow_retention (mode, live, archive, confirmed_by) VALUES ('off', '0', '0', 'c')`, owner},
		{`INSERT INTO auditflow_restore (starts, ends, row_count, reason, restored_by, expires_at)
			VALUES ('2025-01-01', '2025-01-02', 0, 'r', 'r', now())`, owner},
		{`DELETE FROM auditflow_restore`, owner},
		{`INSERT INTO auditflow_detached VALUES ('kubernetes_execution_audit_2025_01', now(), now())`, owner},
		{`DELETE FROM auditflow_detached`, owner},
		{`DROP TRIGGER rows_stay ON auditflow_hold`, owner},
		{`DROP VIEW kubernetes_execution_audit_all`, owner},
		{`SET ROLE auditflow_maintainer`, owner},
	}
	for _, c := range cases {
		for role, conn := range conns {
			err := rolledBack(t, conn, c.statement)
			want := "42501"
			if slices.Contains(c.may, role) {
				want = "done"
			}
			equal(t, role+": "+c.statement, code(err), want)
		}
	}
}

// rolledBack runs a statement and undoes it.
func rolledBack(t *testing.T, conn *pgx.Conn, statement string) error {
	t.Helper()
	execute(t, conn, "BEGIN")
	defer execute(t, conn, "ROLLBACK")
	var err error
	switch {
	case strings.HasSuffix(statement, "FROM STDIN"):
		_, err = conn.PgConn().CopyFrom(t.Context(), strings.NewReader(""), statement)
	case strings.HasSuffix(statement, "TO STDOUT"):
		_, err = conn.PgConn().CopyTo(t.Context(), io.Discard, statement)
	default:
		_, err = conn.Exec(t.Context(), statement)
	}
	return err
}

func TestDetachingConcurrentlyIsForTheMaintainer(t *testing.T) {
	t.Parallel()
	address := database(t)
	_, err := open(t, postgres.Config{URL: address}).Append(t.Context(), []audit.Record{complete("one", january)})
	must(t, err)
	const detach = `ALTER TABLE kubernetes_execution_audit DETACH PARTITION kubernetes_execution_audit_2025_01 CONCURRENTLY`
	for _, role := range []string{writer, reader} {
		_, err := connect(t, login(t, address, "", role)).Exec(t.Context(), detach)
		equal(t, role, code(err), "42501")
	}
	conn := connect(t, login(t, address, "", maintainer))
	execute(t, conn, detach)
	execute(t, conn, `DROP TABLE kubernetes_execution_audit_2025_01`)
}

func TestAWriterStoresARecordWhosePartitionIsMissing(t *testing.T) {
	t.Parallel()
	address := database(t)
	store := open(t, postgres.Config{URL: login(t, address, "", writer)})
	must(t, store.Migrate(t.Context())) // as it does whenever it starts
	for _, want := range []audit.Outcome{audit.OutcomeStored, audit.OutcomeDuplicate} {
		receipts, err := store.Append(t.Context(), []audit.Record{complete("one", january)})
		must(t, err)
		equal(t, "outcome", receipts[0].Outcome, want)
	}
	created, err := store.EnsurePeriod(t.Context(), audit.PeriodOf(audit.Monthly, january.AddDate(0, 1, 0)))
	must(t, err)
	equal(t, "created by the writer", created, true)
	created, err = open(t, postgres.Config{URL: login(t, address, "", maintainer)}).
		EnsurePeriod(t.Context(), audit.PeriodOf(audit.Monthly, january.AddDate(0, 2, 0)))
	must(t, err)
	equal(t, "created by the maintainer", created, true)

	owners := column[string](t, connect(t, address), `SELECT DISTINCT relowner::regrole::text FROM pg_class c
		WHERE relname LIKE 'kubernetes\_execution\_audit%' OR relname = 'auditflow_schema_version'`)
	equal(t, "owners of tables, partitions and indexes", strings.Join(owners, " "), maintainer)
}

func TestAReaderCannotAppend(t *testing.T) {
	t.Parallel()
	address := database(t)
	_, err := open(t, postgres.Config{URL: login(t, address, "", reader)}).Append(t.Context(), many(1, january))
	e, ok := errors.AsType[*postgres.Error](err)
	if !ok || e.Code != "42501" {
		t.Errorf("got: %v", err)
	}
}

// A writer may call the function with anything it likes.
func TestAWriterCanCreateNothingButPartitions(t *testing.T) {
	t.Parallel()
	address := database(t)
	const prefix = "kubernetes_execution_audit_"
	const name, from, to = prefix + "2025_01", "2025-01-01 00:00:00+00", "2025-02-01 00:00:00+00"
	cases := map[string][3]any{
		"a name that ends the statement":         {name + " (x int); DROP TABLE auditflow_schema_version; --", from, to},
		"a name with a quote":                    {name + `"`, from, to},
		"a name with an apostrophe":              {name + `'`, from, to},
		"a name with a schema":                   {"public." + name, from, to},
		"a name in capitals":                     {prefix + "2025_A", from, to},
		"a name with a letter of another script": {prefix + "2025_ä", from, to},
		"a name with a newline":                  {name + "\n", from, to},
		"a name of its own":                      {"payments", from, to},
		"a name that a later release may want":   {prefix + "statistics", from, to},
		"the prefix alone":                       {prefix, from, to},
		"a name of 64 bytes":                     {prefix + "2" + strings.Repeat("0", 64-1-len(prefix)), from, to},
		"no name":                                {nil, from, to},
		"an empty name":                          {"", from, to},
		"a bound within a day":                   {name, "2025-01-01 01:00:00+00", to},
		"midnight somewhere else":                {name, "2025-01-01 00:00:00+01", to},
		"an end within a day":                    {name, from, "2025-02-01 00:00:00.000001+00"},
		"an end before the start":                {name, to, from},
		"no time at all":                         {name, from, from},
		"32 days":                                {name, from, "2025-02-02 00:00:00+00"},
		"years ago":                              {name, "1969-12-01 00:00:00+00", "1970-01-01 00:00:00+00"},
		"a year of five digits":                  {name, "10000-01-01 00:00:00+00", "10000-02-01 00:00:00+00"},
		"from eternity":                          {name, "-infinity", to},
		"to eternity":                            {name, from, "infinity"},
		"no start":                               {name, nil, to},
		"no end":                                 {name, from, nil},
	}
	conn := connect(t, login(t, address, "", writer))
	const call = `SELECT auditflow_create_partition($1::text, $2::text::timestamptz, $3::text::timestamptz)`
	for what, arguments := range cases {
		_, err := conn.Exec(t.Context(), call, arguments[:]...)
		equal(t, what, code(err), "42P17")
	}
	equal(t, "partitions", partitions(t, conn), "")

	// A table of the same name in front of the real one is not the real one.
	execute(t, conn, `CREATE TEMPORARY TABLE kubernetes_execution_audit (created_at timestamptz) PARTITION BY RANGE (created_at)`)
	execute(t, conn, `SET search_path = pg_temp, public; SET TimeZone = 'Asia/Tokyo'; SET DateStyle = 'SQL, DMY'`)
	execute(t, conn, call, name, from, to)
	equal(t, "partitions", partitions(t, connect(t, address)), "2025_01 (2025-01-01) TO (2025-02-01)")
	for what, again := range map[string][2]string{
		"a name that is taken": {name, "42P07"},
		"an overlap":           {name + "_2", "42P17"},
	} {
		_, err := conn.Exec(t.Context(), call, again[0], from, to)
		equal(t, what, code(err), again[1])
	}
}

func TestTheManualsStatementsSetUpWhatItPromises(t *testing.T) {
	t.Parallel()
	manual, err := os.ReadFile("../../docs/database.md")
	must(t, err)
	blocks := regexp.MustCompile("(?s)```sql\n(.*?)```").FindAllStringSubmatch(string(manual), -1)
	equal(t, "blocks of SQL in the manual", len(blocks), 1)
	address, err := cluster(t).NewDatabase(t.Context(), "")
	must(t, err)
	execute(t, connect(t, address), blocks[0][1])
	as := func(login string) *postgres.Store {
		return open(t, postgres.Config{URL: strings.Replace(address, "postgres@", login+"@", 1)})
	}

	must(t, as("audit_migrate").Migrate(t.Context()))
	must(t, as("audit_worker").Migrate(t.Context()))
	_, err = as("audit_worker").Append(t.Context(), many(3, january))
	must(t, err)
	_, err = as("audit_reader").Get(t.Context(), many(3, january)[0].ID)
	must(t, err)
}

func TestAnySchemaWillDo(t *testing.T) {
	t.Parallel()
	for _, schema := range []string{"audit", `we"ird; DROP TABLE x --`} {
		t.Run(schema, func(t *testing.T) {
			t.Parallel()
			quoted := pgx.Identifier{schema}.Sanitize()
			address := emptyDatabase(t)
			execute(t, connect(t, address), `CREATE SCHEMA `+quoted)
			address += "&search_path=" + strings.ReplaceAll(url.QueryEscape(quoted), "+", "%20")
			must(t, open(t, postgres.Config{URL: address}).Migrate(t.Context()))

			store := open(t, postgres.Config{URL: login(t, address, "", writer)})
			must(t, store.Migrate(t.Context()))
			_, err := store.Append(t.Context(), many(3, january))
			must(t, err)
			tables := column[string](t, connect(t, address), `SELECT DISTINCT nspname::text FROM pg_class c
				JOIN pg_namespace n ON n.oid = relnamespace WHERE relname ~ 'audit' AND nspname !~ '^pg_'`)
			equal(t, "schemas with tables of ours", strings.Join(tables, " "), schema)
		})
	}
}
