package main

import (
	"context"
	"net"
	"path/filepath"
	"testing"
	"time"

	"github.com/auditflow/auditflow/audit"
	"github.com/auditflow/auditflow/test/load/price"
	"github.com/auditflow/auditflow/test/load/turn"
)

// orderFor is a turn of 2 KiB records for a process that works straight on the database.
func orderFor(t *testing.T, work string, records int) turn.Order {
	t.Helper()
	file := filepath.Join(t.TempDir(), "records")
	must(t, turn.Write(file, prepareSized(recordsOfADay(t), recordSize, 20)))
	return turn.Order{Work: work, File: file, Records: records, First: 1000, Base: until.AddDate(0, 0, -1), Callers: 4}
}

func recordsOfADay(t *testing.T) dataset { return records(t, 200, 1, 1) }

// carryOut runs a role and has it carry out one order.
func carryOut(t *testing.T, role func(context.Context, price.Place, price.Serve) error, p price.Place, o turn.Order) (a turn.Answer, err error) {
	t.Helper()
	must(t, role(t.Context(), p, func(ctx context.Context, works map[string]turn.Work) error {
		a, err = works[o.Work](ctx, o)
		return nil
	}))
	return a, err
}

func TestWhoWritesStraightIntoTheTableLeavesARowForEachRecord(t *testing.T) {
	t.Parallel()
	for _, work := range []string{price.WorkInsert, price.WorkAppend, price.WorkCopy} {
		url := database(t)
		_, err := openStore(t, url).EnsurePeriod(t.Context(), audit.PeriodOf(audit.Monthly, until))
		must(t, err)
		a, err := carryOut(t, runWriter, price.Place{DatabaseURL: url}, orderFor(t, work, 250))
		must(t, err)
		equal(t, work+", accepted", a.Accepted, 250)
		equal(t, work+", rows", one[int](t, connect(t, url), `SELECT count(*)::int FROM kubernetes_execution_audit`), 250)
	}
}

func TestTheSeedsDesignStoresWhatItAnswersAndForgetsWhatIsRefused(t *testing.T) {
	t.Parallel()
	url := database(t)
	_, err := openStore(t, url).EnsurePeriod(t.Context(), audit.PeriodOf(audit.Monthly, until))
	must(t, err)
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	must(t, listener.Close())
	p := price.Place{DatabaseURL: url, Service: listener.Addr().String()}
	o := orderFor(t, price.WorkSeed, 50)
	o.Rate = 1000 // on a clock, what is refused is given up
	gone, err := carryOut(t, runSeedClient, p, o)
	must(t, err)
	equal(t, "refused while there is no service", gone.Refused, 50)
	must(t, runSeedService(t.Context(), p, func(context.Context, map[string]turn.Work) error {
		o.Base = o.Base.Add(time.Hour)
		stored, err := carryOut(t, runSeedClient, p, o)
		equal(t, "accepted", stored.Accepted, 50)
		return err
	}))
	equal(t, "rows", one[int](t, connect(t, url), `SELECT count(*)::int FROM kubernetes_execution_audit`), 50)
}
