package postgres_test

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"pgregory.net/rapid"

	"github.com/auditflow/auditflow/audit"
	"github.com/auditflow/auditflow/store/postgres"
)

// caresUsually is how many sequences are tried unless -rapid.checks says more:
// each has a database of its own.
const caresUsually = 4

// Whatever is done with partitions, in which order, and wherever it is cut off: a
// row that was acknowledged is found, once, by whoever may read, until it is
// dropped, and that only when the archive has it and nobody holds it. What was cut
// off is ended by the next run, and in the end everything can be dropped.
func TestRowsAreFoundUntilTheyAreDroppedWhateverHappensToTheirPartitions(t *testing.T) {
	t.Parallel()
	limit, tried, failed := int64(caresUsually), atomic.Int64{}, atomic.Bool{}
	flag.Visit(func(f *flag.Flag) {
		if f.Name == "rapid.checks" {
			limit = 1 << 62
		}
	})
	admin := connect(t, server.URL)
	spaces := []string{"", space(t, admin), space(t, admin)}
	rapid.Check(t, func(rt *rapid.T) {
		if tried.Add(1) > limit && !failed.Load() {
			return
		}
		defer func() { failed.Store(failed.Load() || rt.Failed()) }()
		c := newCare(t, rt, spaces)
		defer c.close()
		for range rapid.IntRange(4, 16).Draw(rt, "steps") {
			c.step()
			c.check()
		}
		c.finish()
	})
}

// care is a database and what must be true of it.
type care struct {
	*rapid.T

	ctx    context.Context
	stores []*postgres.Store // one for each interval
	eyes   *pgx.Conn         // of somebody who may read
	hand   *pgx.Conn         // of an operator
	spaces []string

	written map[string]audit.Record     // acknowledged, by id
	again   map[string]bool             // delivered once more, when its partition may have been out
	gone    map[string]bool             // dropped, and not delivered again since
	went    map[string]string           // by id, the partition that was dropped in this step
	waiting []audit.Record              // that no partition takes while one is half detached
	archive map[string]*audit.Persisted // by id
	filed   map[string]int              // manifests, by period
	holds   map[int64]audit.Hold
	buried  int64 // rows that tombstones must tell of
	rests   map[int64]audit.Restore
	back    map[string]audit.Record // restored, by id

	partitions []audit.Partition
	lies       map[string][]string // ids, by table
	n          int                 // of what must be told apart
}

func newCare(t *testing.T, rt *rapid.T, spaces []string) *care {
	t.Helper()
	address, err := server.NewDatabase(t.Context(), template)
	must(t, err)
	c := &care{
		T: rt, ctx: t.Context(), spaces: spaces,
		written: map[string]audit.Record{}, again: map[string]bool{}, gone: map[string]bool{}, archive: map[string]*audit.Persisted{},
		filed: map[string]int{}, holds: map[int64]audit.Hold{}, rests: map[int64]audit.Restore{}, back: map[string]audit.Record{},
	}
	for _, interval := range []audit.Interval{audit.Monthly, audit.Daily} {
		store, err := postgres.Open(t.Context(), postgres.Config{URL: address, MaxConns: 2, Interval: interval})
		must(t, err)
		c.stores = append(c.stores, store)
	}
	for _, conn := range []**pgx.Conn{&c.eyes, &c.hand} {
		*conn, err = pgx.Connect(t.Context(), address)
		must(t, err)
	}
	_, err = c.eyes.Exec(t.Context(), `SET ROLE auditflow_reader`)
	must(t, err)
	return c
}

func (c *care) close() {
	for _, s := range c.stores {
		s.Close()
	}
	for _, conn := range []*pgx.Conn{c.eyes, c.hand} {
		_ = conn.Close(context.Background())
	}
}

func (c *care) store() *postgres.Store { return c.stores[0] }

// step is one thing that somebody does, and what arrives meanwhile.
func (c *care) step() {
	steps := []string{"append", "append", "ensure", "move", "hold", "release", "archive", "retire", "retire", "detach", "drop", "attach", "restore", "expire"}
	do := map[string]func(){
		"append": func() {}, "ensure": c.ensure, "move": c.move, "hold": c.hold, "release": c.release, "archive": c.file,
		"retire": c.retire, "detach": c.detach, "drop": c.drop, "attach": c.attach, "restore": c.restore, "expire": c.expire,
	}
	what := rapid.SampledFrom(steps).Draw(c.T, "step")
	var arriving []audit.Record
	if what == "append" || rapid.IntRange(0, 2).Draw(c.T, "meanwhile") == 0 {
		arriving = c.records()
	}
	c.went = map[string]string{}
	stored := make(chan func(), 1)
	go func() { stored <- c.deliver(append(arriving, c.waiting...)) }()
	defer func() { (<-stored)() }()
	do[what]()
}

// records are new ones, and some that are delivered once more; their times lie on
// bounds, where there is no partition, and far away.
func (c *care) records() (records []audit.Record) {
	times := []time.Time{at(1970, 1, 1), at(2024, 2, 29), at(9999, 12, 1).Add(-time.Microsecond)}
	for month := range time.Month(3) {
		start := at(2025, month+1, 1)
		times = append(times, start, start.Add(-time.Microsecond), start.AddDate(0, 0, 10), start.Add(36*time.Hour))
	}
	for range rapid.IntRange(1, 4).Draw(c.T, "records") {
		if known := sorted(c.written); len(known) > 0 && rapid.IntRange(0, 3).Draw(c.T, "again") == 0 {
			records = append(records, c.written[rapid.SampledFrom(known).Draw(c.T, "known")])
			continue
		}
		c.n++
		records = append(records, complete(fmt.Sprint("care-", c.n), rapid.SampledFrom(times).Draw(c.T, "created")))
	}
	return records
}

// disturbed does something that may be cut off: by whoever asked, or at the server.
func (c *care) disturbed(do func(ctx context.Context) error) error {
	how := rapid.SampledFrom([]string{"at its end", "at its end", "cancelled", "terminated"}).Draw(c.T, "it ends")
	after := time.Duration(rapid.SampledFrom([]int{0, 1, 3, 5, 10, 20, 40, 80, 160, 320}).Draw(c.T, "after")) * time.Millisecond
	ctx, cancel := context.WithTimeout(c.ctx, 30*time.Second)
	defer cancel()
	if how == "at its end" {
		return do(ctx)
	}
	ended, cut := make(chan struct{}), make(chan error, 1)
	go func() {
		select {
		case <-ended:
			cut <- nil
			return
		case <-time.After(after):
		}
		if how == "cancelled" {
			cancel()
			cut <- nil
			return
		}
		_, err := c.hand.Exec(c.ctx, `SELECT pg_terminate_backend(pid) FROM pg_stat_activity
			WHERE datname = current_database() AND pid <> pg_backend_pid() AND backend_type = 'client backend' AND pid <> $1`, c.eyes.PgConn().PID())
		cut <- err
	}()
	err := do(ctx)
	close(ended)
	c.must("cut it off", <-cut)
	if err != nil && how == "cancelled" && errors.Is(ctx.Err(), context.Canceled) {
		return context.Canceled // whatever it was waiting for just then
	}
	return err
}

// surely does something that others may cut off, until it ends by itself.
func (c *care) surely(do func() error) (err error) {
	for range 100 {
		if err = do(); !cutOff(err) {
			return err
		}
		time.Sleep(10 * time.Millisecond)
	}
	return err
}

// cutOff tells of what may be tried again: nobody has said no.
func cutOff(err error) bool {
	class := postgres.Class(err)
	return class == postgres.ClassConnection || class == postgres.ClassCanceled
}

func (c *care) must(what string, err error) {
	c.Helper()
	if err != nil {
		c.Fatalf("%s: %v", what, err)
	}
}
