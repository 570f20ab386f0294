package main

import (
	"context"
	"strings"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"
)

// sampleEvery is how often waiting backends are looked for.
const sampleEvery = 2 * time.Millisecond

// whoWaits is cheap while nobody waits, which is nearly always: pg_locks, which
// stops all who want a lock while it is read, is then not read at all. Whose lock
// it is that somebody waits for, or who is before it in the queue for it, is what
// pg_blocking_pids tells.
const whoWaits = `
	SELECT a.pid, a.application_name, l.waitstart, l.wanted, blocking.pids,
		ARRAY(SELECT b.application_name FROM pg_stat_activity b WHERE b.pid = ANY (blocking.pids)),
		coalesce((SELECT left(b.query, 200) FROM pg_stat_activity b WHERE b.pid = ANY (blocking.pids)
			ORDER BY b.application_name = '` + asMaintenance + `' DESC LIMIT 1), '')
	FROM pg_stat_activity a,
		LATERAL (SELECT pg_blocking_pids(a.pid) AS pids OFFSET 0) blocking,
		LATERAL (SELECT waitstart, mode || ' on ' || coalesce(relation::regclass::text, locktype) AS wanted FROM pg_locks WHERE pid = a.pid AND NOT granted LIMIT 1 OFFSET 0) l
	WHERE a.wait_event_type = 'Lock' AND a.datname = current_database() AND l.waitstart IS NOT NULL`

// waiter is one backend in a sample.
type waiter struct {
	pid      int32
	name     string
	since    time.Time
	blockers []int32
	wanted   string   // mode and relation
	names    []string // of the blockers
	behind   string   // what one of them is at, maintenance first
}

// lockWait is how a writer waited for one lock.
type lockWait struct {
	writer      string
	since       time.Time
	seen        time.Time // when it was last seen to wait
	gone        time.Time // when it was first seen not to
	maintenance bool      // it waited for maintenance, perhaps through others
	wanted      string    // which lock
	behind      string    // what the other was at when it was first seen
}

// lockWatch looks, until it is stopped, who waits for whom.
type lockWatch struct {
	mu       sync.Mutex
	open     map[int32]*lockWait // of writers, by backend
	waits    []lockWait
	blocked  bool // maintenance waits, in the last sample
	samples  int
	longest  time.Duration // between two samples
	err      error
	stopping context.CancelFunc
	done     chan struct{}
}

// watchLocks looks from a connection of its own. Clocks of client and server are one.
func watchLocks(ctx context.Context, d benchDatabase) (*lockWatch, error) {
	conn, err := d.connect(ctx, "watcher")
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithCancel(ctx)
	w := &lockWatch{open: map[int32]*lockWait{}, stopping: cancel, done: make(chan struct{})}
	go func() {
		defer close(w.done)
		defer conn.Close(context.WithoutCancel(ctx))
		w.run(ctx, conn)
	}()
	return w, nil
}

func (w *lockWatch) run(ctx context.Context, conn *pgx.Conn) {
	tick := time.NewTicker(sampleEvery)
	defer tick.Stop()
	last := time.Now()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		// Who waits as the query begins may not any more when it ends: later than
		// this is when a wait that it does not show was over.
		sample, err := lookWho(context.WithoutCancel(ctx), conn)
		now := time.Now()
		w.mu.Lock()
		if err != nil {
			w.err = err
			w.mu.Unlock()
			return
		}
		w.samples++
		w.longest = max(w.longest, now.Sub(last))
		w.take(sample, now)
		w.mu.Unlock()
		last = now
	}
}

func lookWho(ctx context.Context, conn *pgx.Conn) ([]waiter, error) {
	rows, err := conn.Query(ctx, whoWaits)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, func(r pgx.CollectableRow) (x waiter, err error) {
		return x, r.Scan(&x.pid, &x.name, &x.since, &x.wanted, &x.blockers, &x.names, &x.behind)
	})
}

// take adds a sample.
func (w *lockWatch) take(sample []waiter, now time.Time) {
	byPID := map[int32]waiter{}
	w.blocked = false
	for _, x := range sample {
		byPID[x.pid] = x
		w.blocked = w.blocked || x.name == asMaintenance
	}
	for pid, open := range w.open {
		if x, still := byPID[pid]; !still || !x.since.Equal(open.since) {
			open.gone = now
			w.waits = append(w.waits, *open)
			delete(w.open, pid)
		}
	}
	for _, x := range sample {
		if !strings.HasPrefix(x.name, asWriter) {
			continue
		}
		if w.open[x.pid] == nil {
			w.open[x.pid] = &lockWait{writer: x.name, since: x.since, wanted: x.wanted, behind: x.behind}
		}
		w.open[x.pid].seen = now
		w.open[x.pid].maintenance = w.open[x.pid].maintenance || forMaintenance(x, byPID, map[int32]bool{})
	}
}

// forMaintenance follows who waits for whom.
func forMaintenance(x waiter, byPID map[int32]waiter, been map[int32]bool) bool {
	for _, name := range x.names {
		if name == asMaintenance {
			return true
		}
	}
	been[x.pid] = true
	for _, pid := range x.blockers {
		if next, waits := byPID[pid]; waits && !been[pid] && forMaintenance(next, byPID, been) {
			return true
		}
	}
	return false
}

// maintenanceWaits tells whether it did in the last sample.
func (w *lockWatch) maintenanceWaits() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.blocked
}

// stop ends the watching and returns what was seen.
func (w *lockWatch) stop() ([]lockWait, error) {
	w.stopping()
	<-w.done
	for _, open := range w.open {
		open.gone = time.Now()
		w.waits = append(w.waits, *open)
	}
	return w.waits, w.err
}
