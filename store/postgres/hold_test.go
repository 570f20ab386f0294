package postgres_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/auditflow/auditflow/audit"
	"github.com/auditflow/auditflow/store/postgres"
)

// placed places a hold.
func placed(t testing.TB, store *postgres.Store, h audit.Hold) audit.Hold {
	t.Helper()
	h.Reason, h.PlacedBy = "an audit", "ann"
	hold, err := store.PlaceHold(t.Context(), h)
	must(t, err)
	return hold
}

func TestAHoldIsKeptAsItWasPlacedAndAsItWasReleased(t *testing.T) {
	t.Parallel()
	store := open(t, postgres.Config{URL: database(t)})
	period := placed(t, store, audit.Hold{Kind: audit.HoldPeriod, Start: january.Add(1), End: january.Add(2)})
	equal(t, "start", period.Start, january)                   // not less than was said, in
	equal(t, "end", period.End, january.Add(time.Microsecond)) // microseconds
	row := placed(t, store, audit.Hold{Kind: audit.HoldID, Value: strings.ToUpper(audit.ID("test", "x")), PlacedAt: january})
	equal(t, "id, as rows spell it", row.Value, audit.ID("test", "x"))
	equal(t, "placed", row.PlacedAt, january)

	released, err := store.ReleaseHold(t.Context(), period.ID, "bob")
	must(t, err)
	again, err := store.ReleaseHold(t.Context(), period.ID, "carol")
	must(t, err)
	equal(t, "released once", again, released)
	equal(t, "by", released.ReleasedBy, "bob")
	if released.ReleasedAt.IsZero() {
		t.Error("released at no time")
	}
	_, err = store.ReleaseHold(t.Context(), 99, "bob")
	refused(t, err, "there is no such hold")
	_, err = store.ReleaseHold(t.Context(), row.ID, "")
	refused(t, err, "released_by: is required")

	holding, err := store.Holds(t.Context(), false)
	must(t, err)
	equal(t, "holding", fmt.Sprint(holding), fmt.Sprint([]audit.Hold{row}))
	all, err := store.Holds(t.Context(), true)
	must(t, err)
	equal(t, "all", fmt.Sprint(all), fmt.Sprint([]audit.Hold{released, row}))
}

func TestAHoldThatSaysNothingIsNotPlaced(t *testing.T) {
	t.Parallel()
	address := database(t)
	store, conn := open(t, postgres.Config{URL: address}), connect(t, address)
	_, err := store.PlaceHold(t.Context(), audit.Hold{Kind: audit.HoldID, Value: "x"})
	for _, fault := range []string{"id: must be a UUID", "reason: is required", "placed_by: is required"} {
		refused(t, err, fault)
	}
	for what, values := range map[string]string{
		"a period without bounds":         `'period', NULL, NULL, NULL`,
		"a period that ends first":        `'period', NULL, '2025-01-02', '2025-01-01'`,
		"a namespace without name":        `'namespace', '', NULL, NULL`,
		"a namespace with a period":       `'namespace', 'x', '2025-01-01', '2025-01-02'`,
		"a kind nobody knows":             `'moon', 'x', NULL, NULL`,
		"an id that rows spell otherwise": `'id', 'F0000000-0000-0000-0000-000000000000', NULL, NULL`,
	} {
		_, err := conn.Exec(t.Context(), `INSERT INTO auditflow_hold (kind, value, starts, ends, reason, placed_by) VALUES (`+values+`, 'r', 'p')`)
		equal(t, what+" by hand", code(err), "23514")
	}
}

func TestAPartitionIsHeldByWhatHoldsAnyRowOfIt(t *testing.T) {
	t.Parallel()
	store, conn, _ := filled(t, 3)
	other := complete("other", january.Add(time.Hour))
	other.WorkflowRef, other.ActionType, other.TargetNamespace, other.ExecutionNamespace = "w-2", "drain", "there", "here"
	other = digested(other)
	_, err := store.Append(t.Context(), []audit.Record{other})
	must(t, err)
	cases := map[string]struct {
		hold audit.Hold
		held bool
	}{
		"a workflow":                            {audit.Hold{Kind: audit.HoldWorkflow, Value: "w-2"}, true},
		"a workflow that is not there":          {audit.Hold{Kind: audit.HoldWorkflow, Value: "w-3"}, false},
		"a workflow's name that only begins so": {audit.Hold{Kind: audit.HoldWorkflow, Value: "w-"}, false},
		"an action":                             {audit.Hold{Kind: audit.HoldAction, Value: "drain"}, true},
		"an action that is not there":           {audit.Hold{Kind: audit.HoldAction, Value: "w-2"}, false},
		"the namespace of a target":             {audit.Hold{Kind: audit.HoldNamespace, Value: "there"}, true},
		"the namespace of an execution":         {audit.Hold{Kind: audit.HoldNamespace, Value: "here"}, true},
		"a namespace that is not there":         {audit.Hold{Kind: audit.HoldNamespace, Value: "nowhere"}, false},
		"an id":                                 {audit.Hold{Kind: audit.HoldID, Value: other.ID}, true},
		"an id that is not there":               {audit.Hold{Kind: audit.HoldID, Value: audit.ID("test", "nobody")}, false},
		"a period within it":                    {audit.Hold{Kind: audit.HoldPeriod, Start: at(2025, 1, 2), End: at(2025, 1, 3)}, true},
		"a period that reaches into it":         {audit.Hold{Kind: audit.HoldPeriod, Start: at(2024, 1, 2), End: at(2025, 1, 1).Add(1)}, true},
		"a period that ends where it begins":    {audit.Hold{Kind: audit.HoldPeriod, Start: at(2024, 1, 2), End: at(2025, 1, 1)}, false},
		"a period that begins where it ends":    {audit.Hold{Kind: audit.HoldPeriod, Start: at(2025, 2, 1), End: at(2025, 3, 1)}, false},
	}
	want := map[int64]string{}
	for what, c := range cases {
		if h := placed(t, store, c.hold); c.held {
			want[h.ID] = what
		}
	}
	gone := placed(t, store, audit.Hold{Kind: audit.HoldAction, Value: "drain"})
	_, err = store.ReleaseHold(t.Context(), gone.ID, "bob")
	must(t, err)

	check := func(when string) {
		holds, err := store.Holding(t.Context(), january2025)
		must(t, err)
		got := map[int64]string{}
		for _, h := range holds {
			got[h.ID] = want[h.ID]
		}
		equal(t, when, fmt.Sprint(got), fmt.Sprint(want))
	}
	check("attached")
	execute(t, conn, `UPDATE auditflow_hold SET released_by = 'x', released_at = now() WHERE released_at IS NULL`)
	must(t, store.Detach(t.Context(), january2025))
	clear(want)
	for what, c := range cases {
		if h := placed(t, store, c.hold); c.held {
			want[h.ID] = what
		}
	}
	check("detached")
	_, err = store.Holding(t.Context(), "kubernetes_execution_audit")
	refused(t, err, "there is no such partition")
}

// What holds is asked of partitions with ten million rows.
func TestLookingForHoldsReadsNoWholePartition(t *testing.T) {
	t.Parallel()
	store, conn, _ := filled(t, 5000)
	execute(t, conn, `ANALYZE`)
	for _, h := range []audit.Hold{
		{Kind: audit.HoldWorkflow, Value: "nobody's"}, {Kind: audit.HoldAction, Value: "never-done"},
		{Kind: audit.HoldID, Value: audit.ID("test", "nobody")}, {Kind: audit.HoldPeriod, Start: at(2024, 1, 1), End: at(2024, 2, 1)},
	} {
		placed(t, store, h)
	}
	scans := func() int64 {
		execute(t, conn, `SELECT pg_stat_clear_snapshot()`)
		return column[int64](t, conn, `SELECT seq_scan FROM pg_stat_user_tables WHERE relname = $1`, january2025)[0]
	}
	flushed := func() { // statistics are written when a session ends
		until(t, conn, `SELECT count(pg_terminate_backend(pid)) >= 0 FROM pg_stat_activity
			WHERE datname = current_database() AND pid <> pg_backend_pid() AND backend_type = 'client backend'`)
		until(t, conn, `SELECT count(*) = 1 FROM pg_stat_activity WHERE datname = current_database() AND backend_type = 'client backend'`)
	}
	flushed()
	before := scans()
	holds, err := store.Holding(t.Context(), january2025)
	if err != nil { // the connection that was just ended
		holds, err = store.Holding(t.Context(), january2025)
	}
	must(t, err)
	equal(t, "holds", len(holds), 0)
	flushed()
	equal(t, "times the partition was read as a whole", scans()-before, 0)
}

func TestAHoldCanBeReleasedAndNothingElse(t *testing.T) {
	t.Parallel()
	address := database(t)
	store, conn := open(t, postgres.Config{URL: address}), connect(t, address)
	placed(t, store, audit.Hold{Kind: audit.HoldAction, Value: "drain"})
	const releaseIt = `UPDATE auditflow_hold SET released_by = 'x', released_at = now()`
	for _, statement := range []string{
		`DELETE FROM auditflow_hold`, `TRUNCATE auditflow_hold`, `UPDATE auditflow_hold SET reason = 'none'`,
		`UPDATE auditflow_hold SET value = 'scale'`, releaseIt + `, placed_by = 'somebody else'`,
	} {
		_, err := conn.Exec(t.Context(), statement)
		equal(t, statement, code(err), "42501")
	}
	execute(t, conn, releaseIt)
	_, err := conn.Exec(t.Context(), releaseIt)
	equal(t, "again", code(err), "42501")
}
