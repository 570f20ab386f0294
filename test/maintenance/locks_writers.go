package main

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/auditflow/auditflow/audit"
	"github.com/auditflow/auditflow/store/postgres"
)

const (
	writerCount = 8
	lateOfTen   = 3 // rows in ten that belong anywhere into the year before
)

// call is one Append.
type call struct {
	writer       string
	began, ended time.Time
}

// crowd is writers at full speed. Each has one connection of its own, so that it
// is known which Append a waiting backend was at.
type crowd struct {
	prepared []audit.Record
	from, to time.Time // of created_at
	seed     uint64

	mu     sync.Mutex
	calls  []call
	rows   int
	failed int
	err    error // the first
	stop   context.CancelFunc
	wait   sync.WaitGroup
}

// startCrowd lets them write until stopped. Every row is one that could be
// archived: its digest is that of its content.
func startCrowd(ctx context.Context, d benchDatabase, c *crowd) error {
	ctx, c.stop = context.WithCancel(ctx)
	for n := range writerCount {
		name := fmt.Sprintf("%s %d", asWriter, n)
		store, err := d.open(ctx, asWriter, name, 1)
		if err != nil {
			c.end()
			return err
		}
		c.wait.Go(func() {
			defer store.Close()
			c.write(ctx, name, store, rand.New(rand.NewPCG(c.seed, uint64(n))))
		})
	}
	return nil
}

func (c *crowd) write(ctx context.Context, name string, store *postgres.Store, chance *rand.Rand) {
	for n := 0; ctx.Err() == nil; n++ {
		record := c.record(chance, fmt.Sprintf("%s %d", name, n)) // one at a time, as deliveries come
		one := call{writer: name, began: time.Now()}
		_, err := store.Append(context.WithoutCancel(ctx), []audit.Record{record})
		one.ended = time.Now()
		c.mu.Lock()
		c.calls = append(c.calls, one)
		if err == nil {
			c.rows++
		} else {
			c.failed++
			if c.err == nil {
				c.err = err
			}
			if c.failed > 10 { // something is wrong with all of them
				c.mu.Unlock()
				return
			}
		}
		c.mu.Unlock()
	}
}

// record is a prepared one that happened at another time.
func (c *crowd) record(chance *rand.Rand, uid string) audit.Record {
	r := c.prepared[chance.IntN(len(c.prepared))]
	created := c.to.Add(-time.Duration(chance.Int64N(int64(time.Hour))))
	if chance.IntN(10) < lateOfTen {
		created = c.from.Add(time.Duration(chance.Int64N(int64(c.to.Sub(c.from)))))
	}
	shift := created.Truncate(time.Microsecond).Sub(r.CreatedAt)
	for _, t := range []*time.Time{&r.CreatedAt, &r.StartTime, &r.EndTime, &r.CompletedAt} {
		if !t.IsZero() {
			*t = t.Add(shift)
		}
	}
	r.ExecutionUID = uid
	r.ID = audit.ID(r.Cluster, uid)
	r = r.Normalise()
	r.RecordSHA256 = r.Digest()
	return r
}

// end lets them finish what they are at.
func (c *crowd) end() {
	c.stop()
	c.wait.Wait()
}

// prepareRecords are some rows of the newest partition that has any.
func prepareRecords(ctx context.Context, store *postgres.Store) (prepared []audit.Record, err error) {
	partitions, err := store.Partitions(ctx)
	if err != nil {
		return nil, err
	}
	for i := len(partitions) - 1; i >= 0 && len(prepared) == 0; i-- {
		for row, err := range store.Export(ctx, partitions[i].Name, audit.Key{}, time.Time{}) {
			if err != nil {
				return nil, err
			}
			if prepared = append(prepared, row.Record); len(prepared) == 1000 {
				break
			}
		}
	}
	if len(prepared) == 0 {
		return nil, errors.New("the audit table has no rows to write more like them")
	}
	return prepared, nil
}

// openSnapshot has read the table and keeps what it saw, and the locks of that.
func openSnapshot(ctx context.Context, d benchDatabase) (*pgx.Conn, error) {
	conn, err := d.connect(ctx, asReader)
	if err != nil {
		return nil, err
	}
	_, err = conn.Exec(ctx, `BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT count(id) FROM `+auditTable)
	if err != nil {
		return nil, errors.Join(err, conn.Close(context.WithoutCancel(ctx)))
	}
	return conn, nil
}

// startReader keeps a snapshot open for a while, again and again until stopped,
// with a breath in between: whoever needs the whole table for a moment gets it then.
func startReader(ctx context.Context, d benchDatabase, each, breath time.Duration) (stop func() error) {
	ctx, cancel := context.WithCancel(ctx)
	done := make(chan error, 1)
	go func() {
		for ctx.Err() == nil {
			conn, err := openSnapshot(context.WithoutCancel(ctx), d)
			if err != nil {
				done <- err
				return
			}
			pause(ctx, each)
			_ = conn.Close(context.WithoutCancel(ctx)) // which ends the transaction
			pause(ctx, breath)
		}
		done <- nil
	}()
	return func() error { cancel(); return <-done }
}

func pause(ctx context.Context, d time.Duration) {
	select {
	case <-ctx.Done():
	case <-time.After(d):
	}
}
