package postgres_test

import (
	"encoding/json"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/auditflow/auditflow/audit"
	"github.com/auditflow/auditflow/store/postgres"
)

const quarantineTable = "kubernetes_execution_audit_quarantine"

func TestARecordAtFaultGoesToQuarantineAndTheOthersAreStored(t *testing.T) {
	t.Parallel()
	for _, faults := range [][]int{{0}, {37}, {99}, {0, 1, 2, 50, 99}, odd(100), all(100)} {
		t.Run(fmt.Sprintf("%d of 100", len(faults)), func(t *testing.T) {
			t.Parallel()
			address := database(t)
			store, conn := open(t, postgres.Config{URL: address}), connect(t, address)
			records := many(100, january)
			for _, i := range faults {
				records[i].ExecutionID = strings.Repeat("x", 256)
			}
			receipts, err := store.Append(t.Context(), records)
			must(t, err)
			for i, got := range receipts {
				want := audit.Receipt{ID: records[i].ID, Partition: "kubernetes_execution_audit_2025_01", Outcome: audit.OutcomeStored}
				if slices.Contains(faults, i) {
					want.Partition, want.Outcome = quarantineTable, audit.OutcomeQuarantined
				}
				equal(t, fmt.Sprint("receipt ", i), got, want)
			}
			equal(t, "rows", count(t, conn, "kubernetes_execution_audit"), int64(100-len(faults)))
			equal(t, "in quarantine", count(t, conn, quarantineTable), int64(len(faults)))
		})
	}
}

func TestAppendingAgainStoresNothingTwice(t *testing.T) {
	t.Parallel()
	address := database(t)
	store, conn := open(t, postgres.Config{URL: address}), connect(t, address)
	records := many(10, january)
	records[3].ExecutionID = strings.Repeat("x", 256)
	_, err := store.Append(t.Context(), records[:5]) // then the process dies
	must(t, err)
	for i := range records {
		records[i].DeliveredBy = "audit/batch/another"
	}
	receipts, err := store.Append(t.Context(), records)
	must(t, err)
	for i, got := range receipts {
		want := audit.OutcomeStored
		switch {
		case i == 3:
			want = audit.OutcomeQuarantined
		case i < 5:
			want = audit.OutcomeDuplicate
		}
		equal(t, fmt.Sprint("outcome ", i), got.Outcome, want)
	}
	equal(t, "rows", count(t, conn, "kubernetes_execution_audit"), 9)
	kept := column[string](t, conn, `SELECT delivered_by FROM `+quarantineTable)
	equal(t, "in quarantine, by the first delivery", strings.Join(kept, " "), "audit/KubernetesExecution/uid-3")
}

// What a statement costs is what a batch with a bad row costs.
func TestFindingOneRowAtFaultTakesAFewStatements(t *testing.T) {
	t.Parallel()
	// The one that failed, then at most two for each of seven halvings; one where
	// the first half turns out well.
	for at, most := range map[int]int64{0: 15, 37: 15, 99: 9} {
		t.Run(fmt.Sprint("at ", at), func(t *testing.T) {
			t.Parallel()
			address := database(t)
			store, conn := open(t, postgres.Config{URL: address}), connect(t, address)
			countStatements(t, conn)
			records := many(100, january)
			must(t, ensure(t, store, january)) // so that no statement fails for want of it
			records[at].ExecutionID = strings.Repeat("x", 256)
			_, err := store.Append(t.Context(), records)
			must(t, err)
			if n := statements(t, conn); n < 8 || n > most {
				t.Errorf("took %d statements, want 8 to %d", n, most)
			}
		})
	}
}

func TestRowsAtFaultOnlyTogetherAreAllStored(t *testing.T) {
	t.Parallel()
	address := database(t)
	store, conn := open(t, postgres.Config{URL: address}), connect(t, address)
	execute(t, conn, `
		CREATE FUNCTION at_most_three() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
			IF (SELECT count(*) FROM fresh) > 3 THEN RAISE program_limit_exceeded; END IF;
			RETURN NULL;
		END $$;
		CREATE TRIGGER at_most_three AFTER INSERT ON kubernetes_execution_audit
			REFERENCING NEW TABLE AS fresh FOR EACH STATEMENT EXECUTE FUNCTION at_most_three()`)
	receipts, err := store.Append(t.Context(), many(100, january))
	must(t, err)
	equal(t, "stored", outcomes(receipts)[audit.OutcomeStored], 100)
	equal(t, "in quarantine", count(t, conn, quarantineTable), 0)
}

func TestWhatIsNoRecordsFaultFailsTheCallAndPutsNothingIntoQuarantine(t *testing.T) {
	t.Parallel()
	cases := map[string]struct{ sql, class string }{
		"the disk is full":             {raising("disk_full"), postgres.ClassDatabase},
		"a deadlock":                   {raising("deadlock_detected"), postgres.ClassDatabase},
		"a lock is not to be had":      {raising("lock_not_available"), postgres.ClassTimeout},
		"the server shuts down":        {raising("admin_shutdown"), postgres.ClassConnection},
		"a column is missing":          {`ALTER TABLE kubernetes_execution_audit DROP COLUMN notes CASCADE`, postgres.ClassSchema},
		"the partition cannot be made": {`ALTER TABLE kubernetes_execution_audit ADD CHECK (false); DROP FUNCTION auditflow_create_partition`, postgres.ClassSchema},
		"there is no quarantine":       {`ALTER TABLE kubernetes_execution_audit ADD CHECK (false) NOT VALID; DROP TABLE ` + quarantineTable, postgres.ClassSchema},
		"the quarantine will not have it": {`ALTER TABLE kubernetes_execution_audit ADD CHECK (false) NOT VALID;
			ALTER TABLE ` + quarantineTable + ` ADD CONSTRAINT closed CHECK (false)`, postgres.ClassData},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			address := database(t)
			store, conn := open(t, postgres.Config{URL: address}), connect(t, address)
			if !strings.Contains(c.sql, "auditflow_create_partition") {
				must(t, ensure(t, store, january))
			}
			execute(t, conn, c.sql)
			receipts, err := store.Append(t.Context(), many(4, january))
			if err == nil {
				t.Fatalf("no error, receipts %v", receipts)
			}
			equal(t, "class of "+err.Error(), postgres.Class(err), c.class)
			if exists := column[bool](t, conn, `SELECT to_regclass($1) IS NOT NULL`, quarantineTable)[0]; exists {
				equal(t, "in quarantine", count(t, conn, quarantineTable), 0)
			}
		})
	}
}

// raising makes every insert fail with a condition.
func raising(condition string) string {
	return `CREATE FUNCTION fail() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE ` + condition + `; END $$;
		CREATE TRIGGER fail BEFORE INSERT ON kubernetes_execution_audit FOR EACH STATEMENT EXECUTE FUNCTION fail()`
}

func TestAppendPutsIntoQuarantineWhatTheDatabaseWouldNotCatch(t *testing.T) {
	t.Parallel()
	address := database(t)
	store, conn := open(t, postgres.Config{URL: address}), connect(t, address)
	const digestRule, idRule, timeRule = "record_sha256 must be set, 64 hexadecimal digits",
		"id must be a UUID in lower case", " must lie in the years 1970 to 9999"
	cases := map[string]struct {
		change func(*audit.Record)
		reason string
	}{
		"no digest":                        {func(r *audit.Record) { r.RecordSHA256 = "" }, digestRule},
		"a digest that is none":            {func(r *audit.Record) { r.RecordSHA256 = canary }, digestRule},
		"half a digest":                    {func(r *audit.Record) { r.RecordSHA256 = r.RecordSHA256[:32] }, digestRule},
		"no id":                            {func(r *audit.Record) { r.ID = "" }, idRule},
		"an id that is no UUID":            {func(r *audit.Record) { r.ID = canary }, idRule},
		"an id that text cannot hold":      {func(r *audit.Record) { r.ID = canary + "\x00\xff" }, idRule},
		"an id too long for an index":      {func(r *audit.Record) { r.ID = strings.Repeat("é", 10_000) }, idRule},
		"an id in upper case":              {func(r *audit.Record) { r.ID = strings.ToUpper(r.ID) }, idRule},
		"an id with something for dashes":  {func(r *audit.Record) { r.ID = strings.ReplaceAll(r.ID, "-", "c") }, idRule},
		"a creation time that was not set": {func(r *audit.Record) { r.CreatedAt = time.Time{} }, "created_at" + timeRule},
		"a creation time after 9999":       {func(r *audit.Record) { r.CreatedAt = r.CreatedAt.AddDate(9000, 0, 0) }, "created_at" + timeRule},
		"a start in the year 300000":       {func(r *audit.Record) { r.StartTime = r.StartTime.AddDate(298_000, 0, 0) }, "start_time" + timeRule},
		"an end before 1970":               {func(r *audit.Record) { r.EndTime = r.EndTime.AddDate(-1000, 0, 0) }, "end_time" + timeRule},
		"a completion after 9999":          {func(r *audit.Record) { r.CompletedAt = r.CompletedAt.AddDate(9000, 0, 0) }, "completed_at" + timeRule},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			r, fine := complete("refused "+name, january), minimal("fine "+name, january)
			c.change(&r)
			receipts, err := store.Append(t.Context(), []audit.Record{fine, r})
			must(t, err)
			equal(t, "the other", receipts[0].Outcome, audit.OutcomeStored)
			equal(t, "outcome", receipts[1].Outcome, audit.OutcomeQuarantined)
			if strings.Contains(fmt.Sprint(receipts), canary) {
				t.Errorf("the receipts, which lie in clear, quote content: %v", receipts)
			}
			reason := column[string](t, conn, `SELECT reason FROM `+quarantineTable+` ORDER BY quarantined_at DESC LIMIT 1`)
			equal(t, "reason", reason[0], c.reason)
		})
	}
}

func TestTheQuarantineKeepsRecordsWholeAndYieldsTheOldestFirst(t *testing.T) {
	t.Parallel()
	address := database(t)
	store, conn := open(t, postgres.Config{URL: address, MaxConns: 1}), connect(t, address)
	execute(t, conn, `ALTER TABLE kubernetes_execution_audit ADD CONSTRAINT closed CHECK (false) NOT VALID`)
	want := many(300, january) // more than a page
	for _, r := range want {   // one by one, so that their order is known
		_, err := store.Append(t.Context(), []audit.Record{r})
		must(t, err)
	}
	for _, limit := range []int{0, 1, 256, 299, 1000} {
		n := 0
		for got, err := range store.Quarantine(t.Context(), limit) {
			must(t, err)
			if !reflect.DeepEqual(got.Record, want[n]) {
				t.Fatalf("record %d\n%+v, want\n%+v", n, got.Record, want[n])
			}
			equal(t, "id", got.ID, want[n].ID)
			equal(t, "created_at", got.CreatedAt, want[n].CreatedAt)
			equal(t, "delivered_by", got.DeliveredBy, want[n].DeliveredBy)
			equal(t, "reason", got.Reason, "check_violation (SQLSTATE 23514), table kubernetes_execution_audit_2025_01, constraint closed")
			if age := time.Since(got.QuarantinedAt); age < -time.Minute || age > time.Hour {
				t.Errorf("quarantined %s ago", age)
			}
			n++
			must(t, store.Ping(t.Context())) // the one connection there is must be free meanwhile
		}
		equal(t, fmt.Sprint("yielded, with a limit of ", limit), n, map[bool]int{true: 300, false: limit}[limit == 0 || limit > 300])
	}
	n, err := store.Quarantined(t.Context())
	must(t, err)
	equal(t, "counted", n, 300)
	for _, err := range store.Quarantine(t.Context(), 0) {
		must(t, err)
		break // must not panic
	}
}

func TestWhatJSONCannotHoldIsNormalisedOnItsWayIntoQuarantine(t *testing.T) {
	t.Parallel()
	store := open(t, postgres.Config{URL: database(t)})
	r := complete("raw", january)
	r.ActionParameters, r.Output = json.RawMessage(`{"a":`), "a\xffb"
	r.CreatedAt = r.CreatedAt.AddDate(9000, 0, 0)
	_, err := store.Append(t.Context(), []audit.Record{r})
	must(t, err)
	for q, err := range store.Quarantine(t.Context(), 0) {
		must(t, err)
		equal(t, "parameters", string(q.Record.ActionParameters), `"{\"a\":"`)
		equal(t, "output", q.Record.Output, "a\ufffdb")
		equal(t, "created_at is not known", q.Record.CreatedAt.IsZero() && q.CreatedAt.IsZero(), true)
		var changes []string
		for _, n := range q.Record.Notes {
			changes = append(changes, n.Change+" "+n.Path)
		}
		equal(t, "notes", strings.Join(changes, ", "),
			"nul_replaced error, invalid_utf8_replaced output, not_json action_parameters, time_out_of_range created_at")
	}
}

func TestAnAlteredRecordInQuarantineIsAnErrorThatDoesNotQuoteIt(t *testing.T) {
	t.Parallel()
	address := database(t)
	store, conn := open(t, postgres.Config{URL: address}), connect(t, address)
	r := minimal("altered", january)
	r.ExecutionID = strings.Repeat("x", 256)
	_, err := store.Append(t.Context(), []audit.Record{r})
	must(t, err)
	execute(t, conn, `UPDATE `+quarantineTable+` SET record = $1`, []byte(`{"success":"`+canary+`"}`))
	for _, err := range store.Quarantine(t.Context(), 0) {
		if err == nil || strings.Contains(err.Error(), canary) {
			t.Errorf("want an error without content, got %v", err)
		}
	}
	if _, err := store.Replay(t.Context(), r.ID); err == nil || strings.Contains(err.Error(), canary) {
		t.Errorf("want an error without content, got %v", err)
	}
}

func count(t *testing.T, conn *pgx.Conn, table string) int64 {
	t.Helper()
	return column[int64](t, conn, `SELECT count(*) FROM `+table)[0]
}

// countStatements counts inserts into the audit table, those that fail as well:
// no rollback takes a sequence back.
func countStatements(t *testing.T, conn *pgx.Conn) {
	t.Helper()
	execute(t, conn, `
		CREATE SEQUENCE statements;
		CREATE FUNCTION count_statement() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
			PERFORM nextval('statements'); RETURN NULL;
		END $$;
		CREATE TRIGGER count_statement BEFORE INSERT ON kubernetes_execution_audit
			FOR EACH STATEMENT EXECUTE FUNCTION count_statement()`)
}

func statements(t *testing.T, conn *pgx.Conn) int64 {
	t.Helper()
	return column[int64](t, conn, `SELECT last_value FROM statements`)[0]
}

func ensure(t *testing.T, store *postgres.Store, at time.Time) error {
	t.Helper()
	_, err := store.EnsurePeriod(t.Context(), audit.PeriodOf(audit.Monthly, at))
	return err
}

func outcomes(receipts []audit.Receipt) map[audit.Outcome]int {
	counts := map[audit.Outcome]int{}
	for _, r := range receipts {
		counts[r.Outcome]++
	}
	return counts
}

func all(n int) (list []int) {
	for i := range n {
		list = append(list, i)
	}
	return list
}

func odd(n int) []int {
	return slices.DeleteFunc(all(n), func(i int) bool { return i%2 == 0 })
}
