package postgres_test

import (
	"context"
	"fmt"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/auditflow/auditflow/audit"
	"github.com/auditflow/auditflow/store/postgres"
)

// space creates a tablespace; directories are the server's to make.
func space(t *testing.T, conn *pgx.Conn) string {
	t.Helper()
	name := fmt.Sprintf("space_%x", time.Now().UnixNano())
	directory := filepath.Join(filepath.Dir(server.DataDir), name)
	execute(t, conn, `COPY (SELECT 1) TO PROGRAM 'mkdir `+directory+` && cat > /dev/null'`)
	execute(t, conn, `CREATE TABLESPACE `+name+` LOCATION '`+directory+`'`)
	return name
}

// places tells in which tablespaces a partition and its indexes are, and how many
// tables and indexes that is.
func places(t *testing.T, conn *pgx.Conn, partition string) string {
	t.Helper()
	return strings.Join(column[string](t, conn, `
		SELECT coalesce(s.spcname, '') || ' ' || count(*) FROM pg_class c LEFT JOIN pg_tablespace s ON s.oid = c.reltablespace
		WHERE c.oid = $1::regclass OR c.oid IN (SELECT indexrelid FROM pg_index WHERE indrelid = $1::regclass)
			OR c.oid = (SELECT reltoastrelid FROM pg_class WHERE oid = $1::regclass)
		GROUP BY s.spcname ORDER BY 1`, partition), ", ")
}

const (
	wholePartition = " 15" // itself, its TOAST table and 13 indexes

	shape = `SELECT format('owner %s, settings %s, checks %s, triggers %s, bound %s, indexes attached %s', relowner::regrole, reloptions,
		(SELECT string_agg(conname, ',') FROM pg_constraint WHERE conrelid = c.oid AND contype = 'c'),
		(SELECT count(*) FROM pg_trigger WHERE tgrelid = c.oid), pg_get_expr(relpartbound, oid),
		(SELECT count(*) FROM pg_index x JOIN pg_inherits i ON i.inhrelid = x.indexrelid WHERE x.indrelid = c.oid))
		FROM pg_class c WHERE relname = $1`
)

// nothingLeft checks that no table, trigger or note of a move has stayed behind.
func nothingLeft(t *testing.T, conn *pgx.Conn) {
	t.Helper()
	left := column[string](t, conn, `
		SELECT relname::text FROM pg_class WHERE relkind = 'r' AND relname ~ '_(moving|moved)$'
		UNION ALL SELECT tgname::text FROM pg_trigger WHERE tgname = 'auditflow_mirror'
		UNION ALL SELECT 'a check of ' || conrelid::regclass FROM pg_constraint WHERE conname = 'auditflow_moving'
		UNION ALL SELECT 'a note of ' || table_name FROM auditflow_move`)
	equal(t, "left behind", strings.Join(left, ", "), "")
}

// writers store late rows of January until they are told to stop, and return how
// many they have stored.
func writers(t *testing.T, address string) (stop func() (stored int)) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	var wait sync.WaitGroup
	var stored [2]int
	for w := range stored {
		store := open(t, postgres.Config{URL: address, MaxConns: 1}, "application_name=writer")
		wait.Go(func() {
			for ctx.Err() == nil {
				uid := fmt.Sprint("late-", w, "-", stored[w])
				receipts, err := store.Append(t.Context(), []audit.Record{complete(uid, january.Add(time.Duration(stored[w])*time.Second))})
				if err != nil || receipts[0].Outcome != audit.OutcomeStored {
					t.Errorf("a writer: %v %v", receipts, err)
					return
				}
				stored[w]++
			}
		})
	}
	return func() int {
		cancel()
		wait.Wait()
		return stored[0] + stored[1]
	}
}

// longestWait samples how long writers wait for locks.
func longestWait(t *testing.T, address string) (stop func() time.Duration) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	conn := connect(t, address)
	longest := make(chan time.Duration, 1)
	go func() {
		var most time.Duration
		for ctx.Err() == nil {
			var waited *time.Duration
			err := conn.QueryRow(t.Context(), `SELECT max(clock_timestamp() - l.waitstart) FROM pg_locks l
				JOIN pg_stat_activity a ON a.pid = l.pid WHERE NOT l.granted AND a.application_name = 'writer'
				AND a.datname = current_database()`).Scan(&waited)
			if err == nil && waited != nil {
				most = max(most, *waited)
			}
		}
		longest <- most
	}()
	return func() time.Duration { cancel(); return <-longest }
}

func TestAPartitionIsMovedWithItsIndexesWhileRowsAreWritten(t *testing.T) {
	t.Parallel()
	store, conn, address := filled(t, 3000)
	hot := space(t, conn)
	execute(t, conn, `ALTER TABLE `+january2025+` SET (toast.autovacuum_enabled = off)`)
	before := column[string](t, conn, shape, january2025)[0]
	stopWriters := writers(t, address)

	var reports []int64
	moved, err := store.Move(t.Context(), january2025, hot, func(rows int64) { reports = append(reports, rows) })
	must(t, err)
	equal(t, "moved", moved, true)
	stored := stopWriters()
	equal(t, "rows", column[int64](t, conn, `SELECT count(*) FROM kubernetes_execution_audit`)[0], int64(3000+stored))
	if stored == 0 || len(reports) == 0 || reports[len(reports)-1] < 3000 {
		t.Errorf("%d rows were written meanwhile, reported %v", stored, reports)
	}
	equal(t, "places", places(t, conn, january2025), hot+wholePartition)
	equal(t, "shape", column[string](t, conn, shape, january2025)[0], before)
	toast := column[string](t, conn, `SELECT t.reloptions::text FROM pg_class c JOIN pg_class t ON t.oid = c.reltoastrelid
		WHERE c.relname = $1`, january2025)
	equal(t, "settings of its TOAST table", toast[0], "{autovacuum_enabled=off}")
	list, err := store.Partitions(t.Context())
	must(t, err)
	equal(t, "tablespace", list[0].Tablespace, hot)
	nothingLeft(t, conn)

	moved, err = store.Move(t.Context(), january2025, hot, nil)
	must(t, err)
	equal(t, "moved though it is there", moved, false)
	moved, err = store.Move(t.Context(), january2025, "", nil)
	must(t, err)
	equal(t, "moved back", moved, true)
	equal(t, "places", places(t, conn, january2025), wholePartition)
	equal(t, "shape", column[string](t, conn, shape, january2025)[0], before)
	nothingLeft(t, conn)
}

// Of several moves one will do: where all processors are busy, whoever has a lock
// may wait for one.
func TestNoWriterWaitsLongWhileAPartitionIsMoved(t *testing.T) {
	t.Parallel()
	store, conn, address := filled(t, 500)
	hot := space(t, conn)
	for i := range 40 {
		_, err := store.EnsurePeriod(t.Context(), audit.PeriodOf(audit.Monthly, january.AddDate(0, i, 0)))
		must(t, err)
	}
	stopWriters := writers(t, address)
	defer stopWriters()
	var waits []time.Duration
	for i := range 6 {
		stopWatch := longestWait(t, address)
		moved, err := store.Move(t.Context(), january2025, []string{hot, ""}[i%2], nil)
		must(t, err)
		equal(t, "moved", moved, true)
		waits = append(waits, stopWatch())
		if waits[i] <= 50*time.Millisecond {
			t.Logf("a writer waited %v for a lock", waits[i])
			return
		}
	}
	t.Errorf("writers waited %v for a lock", waits)
}

// Attaching a partition of ten million rows must not read them: everybody waits
// meanwhile.
func TestTheTwinBecomesThePartitionWithoutBeingRead(t *testing.T) {
	t.Parallel()
	store, conn, _ := filled(t, 100)
	_, err := store.Move(t.Context(), january2025, space(t, conn), nil)
	must(t, err)
	eventually(t, "the statistics tell of the move", func() bool {
		return column[bool](t, conn, `SELECT n_tup_ins > 0 FROM pg_stat_all_tables WHERE relname = $1`, january2025)[0]
	})
	equal(t, "rows read by sequential scans", column[int64](t, conn, `SELECT seq_tup_read FROM pg_stat_all_tables WHERE relname = $1`, january2025)[0], 0)
}

// A snapshot that is older than the twin's rows does not show them.
func TestAReaderWithAnOldSnapshotFindsAllRows(t *testing.T) {
	t.Parallel()
	store, conn, address := filled(t, 200)
	hot, reader := space(t, conn), connect(t, address)
	execute(t, reader, `BEGIN ISOLATION LEVEL REPEATABLE READ`)
	equal(t, "one", column[int](t, reader, `SELECT 1`)[0], 1) // takes the snapshot, and no lock

	done := make(chan error, 1)
	go func() { _, err := store.Move(t.Context(), january2025, hot, nil); done <- err }()
	eventually(t, "all is copied and somebody is waited for", func() bool {
		return len(column[int64](t, conn, `SELECT row_count FROM auditflow_move WHERE row_count = 200`)) > 0 &&
			column[bool](t, conn, `SELECT EXISTS (SELECT FROM pg_stat_activity
				WHERE datname = current_database() AND query LIKE '%AS old (pid%' AND pid <> pg_backend_pid())`)[0]
	})
	for range 20 {
		equal(t, "rows in the old snapshot", len(column[string](t, reader, `SELECT id::text FROM kubernetes_execution_audit`)), 200)
	}
	select {
	case err := <-done:
		t.Fatalf("did not wait: %v", err)
	default:
	}
	execute(t, reader, `COMMIT`)
	must(t, <-done)
	equal(t, "rows", len(column[string](t, reader, `SELECT id::text FROM kubernetes_execution_audit`)), 200)
}

// The connection is cut in every step that is seen, a little later each time.
func TestAMoveThatIsCutOffAnywhereIsFinishedByTheNext(t *testing.T) {
	t.Parallel()
	store, conn, address := filled(t, 1500, "application_name=mover")
	hot, stopWriters := space(t, conn), writers(t, address)
	steps, target := map[string]int{}, hot
	for n, moves := 0, 0; moves < 2 || moves%2 == 1 || len(steps) < 5 && n < 100; n++ { // there, and back to where it is looked for
		done := make(chan error, 1)
		go func() { _, err := store.Move(t.Context(), january2025, target, nil); done <- err }()
		moved, err := newStep(t, conn, done, steps)
		if !moved {
			time.Sleep(time.Duration(n%13) * time.Millisecond) // somewhere within the step
			execute(t, conn, `SELECT pg_terminate_backend(pid) FROM pg_stat_activity
				WHERE datname = current_database() AND application_name = 'mover'`)
			err = <-done
		}
		rows := column[int64](t, conn, `SELECT count(*) FROM kubernetes_execution_audit WHERE id IN
			(SELECT id FROM kubernetes_execution_audit WHERE created_at < '2025-01-15 12:30:47+00')`)[0]
		if rows < 1500 {
			t.Fatalf("%d rows are found", rows)
		}
		if err == nil {
			moves++
			nothingLeft(t, conn)
			target = map[string]string{hot: "", "": hot}[target]
		}
	}
	stored := stopWriters()
	equal(t, "rows", column[int64](t, conn, `SELECT count(*) FROM kubernetes_execution_audit`)[0], int64(1500+stored))
	equal(t, "places", places(t, conn, january2025), wholePartition)
	undisturbed := open(t, postgres.Config{URL: address}) // the last cut may come late
	for _, row := range exportAll(t, undisturbed.Export(t.Context(), january2025, audit.Key{}, time.Time{})) {
		equal(t, "digest", row.Digest(), row.RecordSHA256)
	}
	t.Logf("cut off in the steps %v", steps)
	if len(steps) < 5 {
		t.Errorf("only in the steps %v", steps)
	}
}

// newStep waits until a move is in a step in which few were cut off, and counts
// that; or until it has moved.
func newStep(t *testing.T, conn *pgx.Conn, done <-chan error, steps map[string]int) (moved bool, err error) {
	t.Helper()
	for {
		select {
		case err := <-done:
			return true, err
		default:
		}
		if now := step(t, conn); steps[now] < 3 {
			steps[now]++
			return false, nil
		}
	}
}

// step is how far a move is; "" before it has begun.
func step(t *testing.T, conn *pgx.Conn) string {
	t.Helper()
	known := column[string](t, conn, `SELECT CASE WHEN swapped THEN 'swapped' WHEN NOT mirrored THEN 'created'
		WHEN row_count = 0 THEN 'mirrored' WHEN row_count < 1500 THEN 'copying' ELSE 'copied' END FROM auditflow_move`)
	return strings.Join(append(known, ""), "")
}

func TestAPartitionThatIsHeldOrOnItsWayOutIsLeftAlone(t *testing.T) {
	t.Parallel()
	cases := map[string]func(*testing.T, *postgres.Store, *pgx.Conn){
		"held": func(t *testing.T, store *postgres.Store, _ *pgx.Conn) {
			_, err := store.PlaceHold(t.Context(), audit.Hold{
				Kind: audit.HoldPeriod, Start: january, End: january.Add(time.Second), Reason: "court", PlacedBy: "me",
			})
			must(t, err)
		},
		"detached": func(t *testing.T, store *postgres.Store, _ *pgx.Conn) {
			must(t, store.Detach(t.Context(), january2025))
		},
		"about to be detached": func(t *testing.T, _ *postgres.Store, conn *pgx.Conn) {
			execute(t, conn, `INSERT INTO auditflow_detached (table_name, starts, ends) VALUES ($1, '2025-01-01Z', '2025-02-01Z')`, january2025)
		},
	}
	for name, prepare := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			store, conn, _ := filled(t, 10)
			prepare(t, store, conn)
			moved, err := store.Move(t.Context(), january2025, space(t, conn), nil)
			must(t, err)
			equal(t, "moved", moved, false)
			equal(t, "places", places(t, conn, january2025), wholePartition)
			nothingLeft(t, conn)
		})
	}
}

func TestWhatIsNoPartitionOrNoTablespaceIsRefused(t *testing.T) {
	t.Parallel()
	store, conn, _ := filled(t, 1)
	_, err := store.Move(t.Context(), january2025, "nowhere; DROP TABLE x", nil)
	refused(t, err, "there is no tablespace")
	_, err = store.Move(t.Context(), "pg_class", space(t, conn), nil)
	refused(t, err, "there is no such partition")
}
