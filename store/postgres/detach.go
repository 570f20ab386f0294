package postgres

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/auditflow/auditflow/audit"
	"github.com/auditflow/auditflow/internal/failpoint"
)

// inUTC fixes how a transaction prints the bounds of partitions.
const inUTC = `SET LOCAL TimeZone = 'UTC'; SET LOCAL DateStyle = 'ISO'`

// standing is what the catalogues say of a table that is a partition or was one.
type standing struct {
	schema, name string
	state        audit.PartitionState
	noted        bool // in auditflow_detached
	// pending is the partition that is just being detached, if any: PostgreSQL
	// does it with one at a time.
	pending    string
	start, end time.Time
	readable   bool // by this login, as a table of its own
}

func (at standing) quoted() string { return pgx.Identifier{at.schema, at.name}.Sanitize() }
func (at standing) parent() string { return pgx.Identifier{at.schema, auditTable}.Sanitize() }

// rows are those of the table, for FROM. A login that may not read a partition by
// itself reads them through the audit table. Nothing that deletes is decided so:
// what is detached in between looks empty there.
func (at standing) rows() string {
	if at.readable || at.state != audit.PartitionAttached {
		return at.quoted()
	}
	bound := func(t time.Time) string { return t.UTC().Format("'2006-01-02 15:04:05.999999+00'") }
	return fmt.Sprintf("(SELECT * FROM %s WHERE created_at >= %s AND created_at < %s)", at.parent(), bound(at.start), bound(at.end))
}

type rowQuerier interface {
	QueryRow(ctx context.Context, sql string, arguments ...any) pgx.Row
}

// findStanding finds no partition in what is none, and was none that we detached.
// The session must print times as inUTC says. See [parent.partitions] for the bounds.
func findStanding(ctx context.Context, db rowQuerier, partition string) (at standing, err error) {
	const find = `
		SELECT n.nspname, c.relname,
			CASE WHEN i.inhrelid IS NULL THEN 'detached' WHEN i.inhdetachpending THEN 'detaching' ELSE 'attached' END,
			d.table_name IS NOT NULL,
			coalesce((SELECT p.relname::text FROM pg_inherits o JOIN pg_class p ON p.oid = o.inhrelid
				WHERE o.inhparent = parent.oid AND o.inhdetachpending LIMIT 1), ''),
			greatest(coalesce(substring(bound FROM 'FROM \(''([^'']+)''\)')::timestamptz, d.starts), '0001-01-01 00:00:00+00'),
			least(coalesce(substring(bound FROM 'TO \(''([^'']+)''\)')::timestamptz, d.ends), '20000-01-01 00:00:00+00'),
			has_table_privilege(c.oid, 'SELECT')
		FROM pg_class parent JOIN pg_namespace n ON n.oid = parent.relnamespace
		JOIN pg_class c ON c.relnamespace = n.oid AND c.relname = $1 AND c.relkind = 'r'
		LEFT JOIN pg_inherits i ON i.inhrelid = c.oid AND i.inhparent = parent.oid
		LEFT JOIN auditflow_detached d ON d.table_name = c.relname,
		pg_get_expr(c.relpartbound, c.oid) AS bound
		WHERE parent.oid = '` + auditTable + `'::regclass`
	err = db.QueryRow(ctx, find, partition).Scan(&at.schema, &at.name, &at.state, &at.noted, &at.pending, &at.start, &at.end, &at.readable)
	if errors.Is(err, pgx.ErrNoRows) || err == nil && at.state == audit.PartitionDetached && !at.noted {
		return standing{}, errNoPartition
	}
	at.start, at.end = at.start.UTC(), at.end.UTC()
	return at, err
}

// Detach takes a partition out of the audit table without keeping readers or
// writers waiting, or finishes what an earlier attempt began; a partition that is
// detached is no error. It refuses one that is held, unless it is on its way out
// already. The table keeps its name and is known as detached until [Store.Drop].
//
// Detaching waits for the transactions that may still see the partition, and
// tries until ctx ends, so give it a deadline. What it leaves then is finished by
// the next call; meanwhile nobody finds the rows of the partition, nor can a late
// one be stored in their period.
func (s *Store) Detach(ctx context.Context, partition string) error {
	op := "detach " + partition
	conn, err := s.connectApart(ctx)
	if err != nil {
		return convert(op, err)
	}
	defer conn.Close(context.WithoutCancel(ctx))
	at, err := findStanding(ctx, conn, partition)
	if err == nil && at.state == audit.PartitionAttached {
		var holds []audit.Hold
		if holds, err = s.holding(ctx, partition); err == nil {
			err = refuseHeld(holds)
		}
	}
	if err == nil {
		err = letRead(ctx, conn, at)
	}
	if err == nil {
		err = detach(ctx, conn, partition)
	}
	return explained(op, err)
}

// letRead gives readers the right to read the table itself, which they have
// through the audit table until it is detached: see [Store.Get]. Others may do so
// at the same time, which PostgreSQL answers to all but one of them with an
// internal error; then the right is there, or is given the next time.
func letRead(ctx context.Context, conn *pgx.Conn, at standing) error {
	for p := (pauses{}); ; {
		var may bool
		if err := conn.QueryRow(ctx, `SELECT has_table_privilege('`+readerRole+`', $1::text, 'SELECT')`, at.quoted()).Scan(&may); err != nil || may {
			return err
		}
		_, err := conn.Exec(ctx, "GRANT SELECT ON "+at.quoted()+" TO "+readerRole)
		pg, ok := errors.AsType[*pgconn.PgError](err)
		if !ok || pg.Code != internalError || p.tries == triesBefore || p.wait(ctx) != nil {
			return err
		}
	}
}

// internalError is, among graver things, what "tuple concurrently updated" is.
const internalError = "XX000"

// connectApart is a connection beside the pool, whose size may be 1, and whose
// sessions may end statements earlier than this may take.
func (s *Store) connectApart(ctx context.Context) (*pgx.Conn, error) {
	pool := s.pool.Config()
	if err := pool.BeforeConnect(ctx, pool.ConnConfig); err != nil {
		return nil, err
	}
	conn, err := pgx.ConnectConfig(ctx, pool.ConnConfig)
	if err != nil {
		return nil, err
	}
	const prepare = `
		SET statement_timeout = 0; SET idle_session_timeout = 0;
		SET TimeZone = 'UTC'; SET DateStyle = 'ISO'`
	if _, err := conn.Exec(ctx, prepare); err != nil {
		_ = conn.Close(context.WithoutCancel(ctx))
		return nil, err
	}
	return conn, nil
}

// detach goes step by step, each chosen by what the catalogue says then: others
// may be at it, too.
func detach(ctx context.Context, conn *pgx.Conn, partition string) error {
	var p pauses
	for {
		at, err := findStanding(ctx, conn, partition)
		if err != nil && mayPass(err) && p.wait(ctx) == nil { // looking at its bounds takes a lock, too
			continue
		}
		if err != nil || at.state == audit.PartitionDetached {
			return err
		}
		if at.pending != "" && at.pending != partition {
			if err := detach(ctx, conn, at.pending); err != nil {
				return fmt.Errorf("finish %s first: %w", at.pending, err)
			}
			continue
		}
		err = detachStep(ctx, conn, at, p.lockTimeout())
		if err == nil {
			continue
		}
		now, lookErr := findStanding(ctx, conn, partition)
		if lookErr != nil && !mayPass(lookErr) || now == at && !mayPass(err) {
			return err
		}
		if p.wait(ctx) != nil {
			return err
		}
	}
}

// detachStep begins or finishes. What it is about to do is noted first, so that
// there is never a table that nobody knows.
//
// DETACH … CONCURRENTLY waits for others with no lock but one that creating a
// partition needs, and FINALIZE does with that one, which is what the timeout
// bounds: when it ends a statement, the partition is left pending.
func detachStep(ctx context.Context, conn *pgx.Conn, at standing, timeout time.Duration) error {
	const note = `
		INSERT INTO auditflow_detached (table_name, starts, ends) VALUES ($1, $2, $3)
		ON CONFLICT (table_name) DO UPDATE SET starts = excluded.starts, ends = excluded.ends`
	if _, err := conn.Exec(ctx, note, at.name, at.start, at.end); err != nil {
		return err
	}
	failpoint.Hit("detach.noted")
	how := "CONCURRENTLY"
	if at.state == audit.PartitionDetaching {
		how = "FINALIZE"
	}
	if _, err := conn.Exec(ctx, fmt.Sprintf("SET lock_timeout = %d", timeout.Milliseconds())); err != nil {
		return err
	}
	_, err := conn.Exec(ctx, fmt.Sprintf("ALTER TABLE %s DETACH PARTITION %s %s", at.parent(), at.quoted(), how))
	failpoint.Hit("detach.tried")
	return err
}

// mayPass tells of an error that others cause and that ends when they do: a lock
// they have, a deadlock with them, a partition they are detaching.
func mayPass(err error) bool {
	if errors.Is(err, errHoldsCame) {
		return true
	}
	pg, ok := errors.AsType[*pgconn.PgError](err)
	return ok && slices.Contains([]string{lockNotAvailable, "40P01", "55000"}, pg.Code)
}

const (
	// briefly is how long a statement waits for a lock that others want, too: all
	// who come later queue behind it.
	briefly = 20 * time.Millisecond
	// Of transactions that are longer than that, one may always be under way, and
	// detaching would never end. So after a minute in vain a statement waits longer:
	// a part of the five seconds that whoever creates a partition waits. Nobody else
	// has to, since nobody else wants a lock that it holds meanwhile.
	patient     = time.Second
	triesBefore = 60

	pauseFirst, pauseLongest = 20 * time.Millisecond, time.Second
)

// pauses spreads tries that others' locks have ended.
type pauses struct{ tries int }

func (p *pauses) lockTimeout() time.Duration {
	if p.tries < triesBefore {
		return briefly
	}
	return patient
}

// wait returns an error when the context ended first.
func (p *pauses) wait(ctx context.Context) error {
	pause := max(min(pauseFirst<<min(p.tries, 10), pauseLongest), p.lockTimeout())
	p.tries++
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(pause/2 + rand.N(pause)): //nolint:gosec // G404: spreads tries, hides nothing
		return nil
	}
}

// untilUnlocked tries again what others' locks have ended, until ctx ends.
func untilUnlocked(ctx context.Context, try func() error) error {
	for p := (pauses{}); ; {
		err := try()
		if err == nil || !mayPass(err) || p.wait(ctx) != nil {
			return err
		}
	}
}
