package postgres_test

import (
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/auditflow/auditflow/audit"
	"github.com/auditflow/auditflow/store/postgres"
)

// partitions lists name and bounds, with the common beginnings left out.
func partitions(t *testing.T, conn *pgx.Conn) string {
	t.Helper()
	list := column[string](t, conn, `
		SELECT c.relname || ' ' || pg_get_expr(c.relpartbound, c.oid)
		FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid
		WHERE i.inhparent = 'kubernetes_execution_audit'::regclass ORDER BY 1`)
	return strings.NewReplacer("kubernetes_execution_audit_", "", "FOR VALUES FROM ", "", " 00:00:00+00", "", "'", "").
		Replace(strings.Join(list, "\n"))
}

func at(year int, month time.Month, day int) time.Time {
	return time.Date(year, month, day, 0, 0, 0, 0, time.UTC)
}

func TestEnsurePeriodCreatesOnceAndSaysSo(t *testing.T) {
	t.Parallel()
	address := database(t)
	store, conn := open(t, postgres.Config{URL: address}), connect(t, address)
	for _, want := range []bool{true, false, false} {
		created, err := store.EnsurePeriod(t.Context(), audit.PeriodOf(audit.Monthly, january))
		must(t, err)
		equal(t, "created", created, want)
	}
	equal(t, "partitions", partitions(t, conn), "2025_01 (2025-01-01) TO (2025-02-01)")

	_, err := store.EnsurePeriod(t.Context(), audit.Period{Start: january, End: january})
	if err == nil {
		t.Error("an empty period was accepted")
	}
}

func TestAPartitionHasTheIndexesAndConstraintsOfItsParent(t *testing.T) {
	t.Parallel()
	address := database(t)
	store, conn := open(t, postgres.Config{URL: address}), connect(t, address)
	_, err := store.EnsurePeriod(t.Context(), audit.PeriodOf(audit.Monthly, january))
	must(t, err)
	const attached = `SELECT count(*) FROM pg_index x JOIN pg_inherits i ON i.inhrelid = x.indexrelid
		WHERE x.indrelid = 'kubernetes_execution_audit_2025_01'::regclass`
	const wanted = `SELECT count(*) FROM pg_index WHERE indrelid = 'kubernetes_execution_audit'::regclass`
	equal(t, "indexes attached to those of the parent", column[int64](t, conn, attached)[0], column[int64](t, conn, wanted)[0])
	checks := column[string](t, conn, `SELECT conname FROM pg_constraint
		WHERE conrelid = 'kubernetes_execution_audit_2025_01'::regclass AND contype = 'c'`)
	equal(t, "checks", strings.Join(checks, " "), "record_sha256_is_a_digest")
}

func TestRowsOnTheBoundariesFallWhereUTCSaysWhateverTheSessionsTimeZone(t *testing.T) {
	t.Parallel()
	cases := map[audit.Interval]struct {
		before, on time.Time
		want       string
	}{
		audit.Monthly: {
			at(2025, 3, 1).Add(-time.Microsecond), at(2025, 3, 1),
			"2025_02 (2025-02-01) TO (2025-03-01)\n2025_03 (2025-03-01) TO (2025-04-01)",
		},
		audit.Weekly: {
			at(2025, 3, 31).Add(-time.Microsecond), at(2025, 3, 31),
			"w2025_03_24 (2025-03-24) TO (2025-03-31)\nw2025_03_31 (2025-03-31) TO (2025-04-07)",
		},
		audit.Daily: { // daylight saving time began on the 9th in Los Angeles
			at(2025, 3, 10).Add(-time.Microsecond), at(2025, 3, 10),
			"2025_03_09 (2025-03-09) TO (2025-03-10)\n2025_03_10 (2025-03-10) TO (2025-03-11)",
		},
	}
	for interval, c := range cases {
		for _, zone := range []string{"America/Los_Angeles", "Pacific/Kiritimati"} {
			t.Run(fmt.Sprintf("%s in %s", interval, zone), func(t *testing.T) {
				t.Parallel()
				address := database(t)
				config := postgres.Config{URL: address, Interval: interval}
				store := open(t, config, "timezone="+zone, "datestyle=SQL,DMY")
				for range 2 { // the second time it has to read the bounds it wrote
					_, err := store.Append(t.Context(), []audit.Record{complete("before", c.before), complete("on", c.on)})
					must(t, err)
					_, err = store.EnsurePeriod(t.Context(), audit.PeriodOf(interval, c.on))
					must(t, err)
				}
				equal(t, "partitions", partitions(t, connect(t, address)), c.want)
			})
		}
	}
}

func TestTwentyStoresAppendIntoOneMissingPartition(t *testing.T) {
	t.Parallel()
	address := database(t)
	var wait sync.WaitGroup
	errs := make(chan error, 20)
	for i := range cap(errs) {
		store := open(t, postgres.Config{URL: address, MaxConns: 1})
		wait.Go(func() {
			_, err := store.Append(t.Context(), []audit.Record{complete(fmt.Sprint(i), january)})
			errs <- err
		})
	}
	wait.Wait()
	close(errs)
	for err := range errs {
		must(t, err)
	}
	conn := connect(t, address)
	equal(t, "partitions", partitions(t, conn), "2025_01 (2025-01-01) TO (2025-02-01)")
	equal(t, "rows", column[int64](t, conn, `SELECT count(*) FROM kubernetes_execution_audit`)[0], 20)
}

func TestAnIntervalMayChangeWhileOldPartitionsRemain(t *testing.T) {
	t.Parallel()
	type step struct {
		interval audit.Interval
		day      time.Time
	}
	cases := map[string]struct {
		steps []step
		want  string
	}{
		"monthly to daily: the month ends as it began": {
			[]step{{audit.Monthly, at(2025, 1, 3)}, {audit.Daily, at(2025, 1, 20)}, {audit.Daily, at(2025, 2, 1)}},
			"2025_01 (2025-01-01) TO (2025-02-01)\n2025_02_01 (2025-02-01) TO (2025-02-02)",
		},
		"daily to monthly: the rest of the month": {
			[]step{{audit.Daily, at(2025, 1, 1)}, {audit.Daily, at(2025, 1, 10)}, {audit.Monthly, at(2025, 1, 20)}},
			"2025_01_01 (2025-01-01) TO (2025-01-02)\n2025_01_10 (2025-01-10) TO (2025-01-11)\n" +
				"2025_01_from_2025_01_02 (2025-01-02) TO (2025-01-10)\n2025_01_from_2025_01_11 (2025-01-11) TO (2025-02-01)",
		},
		"weekly to monthly: a week that lies in two months": {
			[]step{{audit.Weekly, at(2025, 1, 30)}, {audit.Monthly, at(2025, 2, 2)}, {audit.Monthly, at(2025, 2, 3)}},
			"2025_02_from_2025_02_03 (2025-02-03) TO (2025-03-01)\nw2025_01_27 (2025-01-27) TO (2025-02-03)",
		},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			address := database(t)
			for i, s := range c.steps {
				store := open(t, postgres.Config{URL: address, Interval: s.interval})
				_, err := store.Append(t.Context(), []audit.Record{complete(fmt.Sprint(i), s.day)})
				must(t, err)
			}
			equal(t, "partitions", partitions(t, connect(t, address)), c.want)
		})
	}
}

func TestPartitionsThatAnOperatorMadeAreRespected(t *testing.T) {
	t.Parallel()
	address := database(t)
	store, conn := open(t, postgres.Config{URL: address}), connect(t, address)
	execute(t, conn, `CREATE TABLE "The Past" PARTITION OF kubernetes_execution_audit
		FOR VALUES FROM (MINVALUE) TO ('2025-01-10 00:00:00+00')`)
	execute(t, conn, `CREATE TABLE future PARTITION OF kubernetes_execution_audit
		FOR VALUES FROM ('2025-01-20 00:00:00+00') TO (MAXVALUE)`)

	receipts, err := store.Append(t.Context(), []audit.Record{
		complete("past", at(1999, 1, 1)), complete("now", january), complete("future", at(9999, 12, 31)),
	})
	must(t, err)
	equal(t, "past", receipts[0].Partition, `"The Past"`)
	equal(t, "now", receipts[1].Partition, "kubernetes_execution_audit_2025_01_from_2025_01_10")
	equal(t, "future", receipts[2].Partition, "future")
}

// A partition that was detached and is not dropped yet keeps its name.
func TestALateRowFindsAPlaceThoughItsPartitionIsDetached(t *testing.T) {
	t.Parallel()
	address := database(t)
	store, conn := open(t, postgres.Config{URL: address}), connect(t, address)
	for i, want := range []string{"2025_01", "2025_01_2", "2025_01_3"} {
		receipts, err := store.Append(t.Context(), []audit.Record{complete(fmt.Sprint(i), january)})
		must(t, err)
		equal(t, "partition", receipts[0].Partition, "kubernetes_execution_audit_"+want)
		execute(t, conn, `ALTER TABLE kubernetes_execution_audit DETACH PARTITION `+receipts[0].Partition)
	}
}

func TestTheFirstAndTheLastYearThatAreAllowed(t *testing.T) {
	t.Parallel()
	for interval, want := range map[audit.Interval]string{
		audit.Monthly: "1970_01 (1970-01-01) TO (1970-02-01)\n9999_12 (9999-12-01) TO (10000-01-01)",
		audit.Weekly:  "w1969_12_29 (1969-12-29) TO (1970-01-05)\nw9999_12_27 (9999-12-27) TO (10000-01-03)",
	} {
		address := database(t)
		store := open(t, postgres.Config{URL: address, Interval: interval}, "timezone=Pacific/Kiritimati")
		_, err := store.Append(t.Context(), []audit.Record{complete("first", at(1970, 1, 1)), complete("last", at(9999, 12, 31))})
		must(t, err)
		equal(t, "partitions", partitions(t, connect(t, address)), want)
	}
}

func TestAPeriodThatNoIntervalMakesIsRefused(t *testing.T) {
	t.Parallel()
	store := open(t, postgres.Config{URL: database(t)})
	for what, p := range map[string]audit.Period{
		"a year":             {Start: at(2025, 1, 1), End: at(2026, 1, 1)},
		"bounds within days": {Start: january.Add(time.Hour), End: january.Add(24 * time.Hour)},
	} {
		_, err := store.EnsurePeriod(t.Context(), p)
		if err == nil || !strings.Contains(err.Error(), "invalid_object_definition") {
			t.Errorf("%s: %v", what, err)
		}
		// The record is not at fault, so nothing may quarantine it for that.
		equal(t, "class", postgres.Class(err), postgres.ClassDatabase)
	}
}

func TestCreatingAPartitionNeitherWaitsForNorBlocksReadersAndWriters(t *testing.T) {
	t.Parallel()
	address := database(t)
	store, conn := open(t, postgres.Config{URL: address}), connect(t, address)
	_, err := store.Append(t.Context(), []audit.Record{complete("one", january)})
	must(t, err)
	tx, err := conn.Begin(t.Context())
	must(t, err)
	defer tx.Rollback(t.Context())                                                       //nolint:errcheck // nothing was changed
	_, err = tx.Exec(t.Context(), `UPDATE kubernetes_execution_audit SET output = NULL`) // and does not end
	must(t, err)

	_, err = store.Append(t.Context(), []audit.Record{complete("two", january.AddDate(0, 1, 0))})
	must(t, err)
}
