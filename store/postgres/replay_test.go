package postgres_test

import (
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/jackc/pgx/v5"

	"github.com/auditflow/auditflow/audit"
	"github.com/auditflow/auditflow/store/postgres"
)

// closed is a database whose audit table takes no record, until it is opened.
func closed(t *testing.T) (*postgres.Store, *pgx.Conn, func()) {
	t.Helper()
	address := database(t)
	conn := connect(t, address)
	execute(t, conn, `ALTER TABLE kubernetes_execution_audit ADD CONSTRAINT closed CHECK (false) NOT VALID`)
	return open(t, postgres.Config{URL: address}), conn, func() {
		t.Helper()
		execute(t, conn, `ALTER TABLE kubernetes_execution_audit DROP CONSTRAINT closed`)
	}
}

func TestReplayStoresARecordAndTakesItOutOfQuarantine(t *testing.T) {
	t.Parallel()
	store, conn, unlock := closed(t)
	records := many(2, january)
	_, err := store.Append(t.Context(), records)
	must(t, err)

	receipts, err := store.Replay(t.Context(), records[0].ID)
	must(t, err)
	equal(t, "refused again", receipts[0], audit.Receipt{
		ID: records[0].ID, Partition: quarantineTable, Outcome: audit.OutcomeQuarantined,
	})
	equal(t, "in quarantine", count(t, conn, quarantineTable), 2)
	equal(t, "rows", count(t, conn, "kubernetes_execution_audit"), 0)

	unlock()
	execute(t, conn, `DROP TABLE kubernetes_execution_audit_2025_01`) // a missing partition is made
	receipts, err = store.Replay(t.Context(), records[0].ID)
	must(t, err)
	equal(t, "receipts", len(receipts), 1)
	equal(t, "receipt", receipts[0], audit.Receipt{
		ID: records[0].ID, Partition: "kubernetes_execution_audit_2025_01", Outcome: audit.OutcomeStored,
	})
	got := readBack(t, conn, "kubernetes_execution_audit", records[0].ID)
	equal(t, "digest of what was read", got.Digest(), records[0].RecordSHA256)
	equal(t, "delivered_by", got.DeliveredBy, records[0].DeliveredBy)
	equal(t, "policy", got.Policy, records[0].Policy)
	left := column[string](t, conn, `SELECT id FROM `+quarantineTable)
	equal(t, "left in quarantine", strings.Join(left, " "), records[1].ID)
}

func TestReplayMakesNoPartitionWhereThereIsOneOfAnotherInterval(t *testing.T) {
	t.Parallel()
	store, conn, unlock := closed(t) // which would make monthly ones
	records := many(1, january)
	_, err := store.Append(t.Context(), records)
	must(t, err)
	unlock()
	execute(t, conn, `DROP TABLE kubernetes_execution_audit_2025_01`)
	_, err = store.EnsurePeriod(t.Context(), audit.PeriodOf(audit.Daily, january))
	must(t, err)
	before := partitions(t, conn)
	_, err = store.Replay(t.Context(), records[0].ID)
	must(t, err)
	equal(t, "partitions", partitions(t, conn), before)
	equal(t, "rows", count(t, conn, "kubernetes_execution_audit"), 1)
}

func TestReplayNormalisesAsThisReleaseDoes(t *testing.T) {
	t.Parallel()
	address := database(t)
	store, conn := open(t, postgres.Config{URL: address}), connect(t, address)
	r := complete("one", january)
	r.ExecutionID, r.RecordSHA256 = strings.Repeat("é", 300), ""
	_, err := store.Append(t.Context(), []audit.Record{r})
	must(t, err)
	receipts, err := store.Replay(t.Context(), r.ID)
	must(t, err)
	equal(t, "outcome", receipts[0].Outcome, audit.OutcomeStored)
	got := readBack(t, conn, "kubernetes_execution_audit", r.ID)
	equal(t, "digest of what was read", got.Digest(), got.RecordSHA256)
	equal(t, "note", got.Notes[len(got.Notes)-1], audit.Note{Change: audit.ChangeTruncated, Path: "execution_id", Count: 1})
}

func TestReplayOfWhatIsThereAlreadyTakesItOutUnlessItDiffers(t *testing.T) {
	t.Parallel()
	store, conn, unlock := closed(t)
	first := complete("one", january)
	other := first
	other.Output = "something else"
	other = digested(other)
	for _, r := range []audit.Record{first, other, first} {
		_, err := store.Append(t.Context(), []audit.Record{r})
		must(t, err)
	}
	equal(t, "in quarantine", count(t, conn, quarantineTable), 2)
	unlock()
	_, err := store.Append(t.Context(), []audit.Record{first}) // delivered again
	must(t, err)

	for round := range 2 {
		receipts, err := store.Replay(t.Context(), first.ID)
		must(t, err)
		if round == 0 {
			equal(t, "the same record", receipts[0].Outcome, audit.OutcomeDuplicate)
			receipts = receipts[1:]
		}
		equal(t, "the other record", receipts[0], audit.Receipt{
			ID: first.ID, Partition: "kubernetes_execution_audit_2025_01", Outcome: audit.OutcomeConflict,
		})
		equal(t, "receipts", len(receipts), 1)
		equal(t, "in quarantine", count(t, conn, quarantineTable), 1)
	}
	got := readBack(t, conn, "kubernetes_execution_audit", first.ID)
	equal(t, "digest of the row, which stays the first", got.RecordSHA256, first.RecordSHA256)
}

func TestReplayOfARecordThatIsNotInQuarantine(t *testing.T) {
	t.Parallel()
	store := open(t, postgres.Config{URL: database(t)})
	for _, id := range []string{audit.ID("test", "unknown"), "", "no UUID", "NUL \x00", strings.Repeat("x", 10_000)} {
		if _, err := store.Replay(t.Context(), id); !errors.Is(err, postgres.ErrNotFound) {
			t.Errorf("got %v, want ErrNotFound", err)
		}
	}
}

func TestAnIDThatIsNoUUIDIsFoundAndStays(t *testing.T) {
	t.Parallel()
	store := open(t, postgres.Config{URL: database(t)})
	r := minimal("one", january)
	r.ID = "NUL \x00 and " + strings.Repeat("x", 300)
	_, err := store.Append(t.Context(), []audit.Record{r})
	must(t, err)
	receipts, err := store.Replay(t.Context(), r.ID)
	must(t, err)
	equal(t, "receipt", receipts[0], audit.Receipt{Partition: quarantineTable, Outcome: audit.OutcomeQuarantined})
	for q, err := range store.Quarantine(t.Context(), 0) {
		must(t, err)
		receipts, err = store.Replay(t.Context(), q.ID) // as it is listed
		must(t, err)
		equal(t, "receipts", len(receipts), 1)
	}
}

func TestManyReplaysAtOnceStoreEachRecordOnce(t *testing.T) {
	t.Parallel()
	store, conn, unlock := closed(t)
	records := many(8, january)
	_, err := store.Append(t.Context(), records)
	must(t, err)
	unlock()
	var wait sync.WaitGroup
	stored := make(chan audit.Outcome, 4*len(records))
	for range 4 {
		wait.Go(func() {
			for _, r := range records {
				receipts, err := store.Replay(t.Context(), r.ID)
				if err != nil && !errors.Is(err, postgres.ErrNotFound) {
					t.Error(err)
				}
				for _, receipt := range receipts {
					stored <- receipt.Outcome
				}
			}
		})
	}
	wait.Wait()
	close(stored)
	for outcome := range stored {
		equal(t, "outcome", outcome, audit.OutcomeStored)
	}
	equal(t, "rows", count(t, conn, "kubernetes_execution_audit"), 8)
	equal(t, "in quarantine", count(t, conn, quarantineTable), 0)
}

func TestOnlyTheMaintainerTakesRecordsOutOfQuarantine(t *testing.T) {
	t.Parallel()
	for role, may := range map[string]struct{ put, read, replay bool }{
		"auditflow_writer":     {put: true, read: true},
		"auditflow_reader":     {read: true},
		"auditflow_maintainer": {put: true, read: true, replay: true},
	} {
		t.Run(role, func(t *testing.T) {
			t.Parallel()
			address := database(t)
			r := minimal("one", january)
			r.ExecutionID = strings.Repeat("x", 256)
			_, err := open(t, postgres.Config{URL: address}).Append(t.Context(), []audit.Record{r})
			must(t, err)
			store := open(t, postgres.Config{URL: address}, "options=-c%20role%3D"+role)

			_, err = store.Append(t.Context(), []audit.Record{r})
			equal(t, fmt.Sprint("may put: ", err), err == nil, may.put)
			_, err = store.Quarantined(t.Context())
			equal(t, fmt.Sprint("may read: ", err), err == nil, may.read)
			_, err = store.Replay(t.Context(), r.ID)
			equal(t, fmt.Sprint("may replay: ", err), err == nil, may.replay)
		})
	}
}
