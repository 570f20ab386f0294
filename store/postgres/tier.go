package postgres

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgtype"

	"github.com/auditflow/auditflow/audit"
	"github.com/auditflow/auditflow/internal/failpoint"
)

// Move brings a partition with its indexes into a tablespace while rows are read
// and written, and tells report (may be nil) how many rows are copied so far. It
// tells whether anything was moved: not a partition that is there already, is held
// or is on its way out. An empty tablespace is that of the database.
//
// ALTER TABLE … SET TABLESPACE would keep everybody out for as long as copying
// takes. This copies into a twin, to which a trigger writes whatever is written
// meanwhile, compares the two, and exchanges them in milliseconds. Before that it
// waits for all transactions whose snapshot is older than the twin's rows: they
// would not find these. So give it a deadline. The next call goes on where this
// one ended, or starts over; the partition is whole all the time. One partition of
// a table is moved at a time, others wait.
func (s *Store) Move(ctx context.Context, partition, tablespace string, report func(rows int64)) (moved bool, err error) {
	op := "move " + partition
	conn, err := s.connectApart(ctx)
	if err != nil {
		return false, convert(op, err)
	}
	defer conn.Close(context.WithoutCancel(ctx))
	if report == nil {
		report = func(int64) {}
	}
	m := mover{store: s, conn: conn, report: report}
	moved, err = m.move(ctx, partition, tablespace)
	return moved, explained(op, err)
}

// mover has the connection that holds the lock on moving.
type mover struct {
	store  *Store
	conn   *pgx.Conn
	report func(rows int64)
}

// move is what auditflow_move knows of one.
type move struct {
	Partition, Twin, Tablespace string
	PartitionOID, TwinOID       uint32
	Mirrored, Broken, Swapped   bool
	CopiedAt                    pgtype.Timestamptz // which may be infinite
	CopiedID                    pgtype.UUID
	Rows                        int64
}

func (m *mover) move(ctx context.Context, partition, tablespace string) (moved bool, err error) {
	if err := m.takeTurn(ctx); err != nil {
		return false, err
	}
	if tablespace, err = m.tablespace(ctx, tablespace); err != nil {
		return false, err
	}
	begun, moved, err := m.settle(ctx, partition, tablespace)
	if err != nil {
		return false, err
	}
	at, wanted, err := m.wanted(ctx, partition, tablespace)
	if err != nil {
		return false, err
	}
	if !wanted {
		if begun != nil {
			err = m.discard(ctx, *begun)
		}
		return moved, err
	}
	if begun == nil {
		if begun, err = m.createTwin(ctx, at, tablespace); err != nil {
			return false, err
		}
		failpoint.Hit("move.created")
	}
	if err := m.fill(ctx, at, begun); err != nil {
		return false, err
	}
	if err := m.swap(ctx, at, *begun); err != nil {
		return false, m.giveUp(ctx, *begun, err)
	}
	failpoint.Hit("move.swapped")
	return true, m.dropOld(ctx, *begun)
}

// fill makes the twin hold what the partition holds, from then on.
func (m *mover) fill(ctx context.Context, at standing, b *move) error {
	if !b.Mirrored {
		if err := m.mirror(ctx, at, *b); err != nil {
			return err
		}
		failpoint.Hit("move.mirrored")
	}
	if err := m.copy(ctx, at, b); err != nil {
		return err
	}
	failpoint.Hit("move.copied")
	// The planner shall know the twin when it becomes the partition, and index-only
	// scans find its pages all-visible. TRUNCATE would take a lock that writers want.
	if _, err := m.conn.Exec(ctx, "VACUUM (ANALYZE, TRUNCATE false) "+at.sibling(b.Twin)); err != nil {
		return err
	}
	if err := m.compare(ctx, at, *b); err != nil {
		return m.giveUp(ctx, *b, err)
	}
	failpoint.Hit("move.compared")
	return m.outlive(ctx)
}

// errStartOver is of a twin that is of no use any more.
var errStartOver = errors.New("start over")

// giveUp throws a twin away that is of no use; the next call makes another.
func (m *mover) giveUp(ctx context.Context, b move, err error) error {
	if errors.Is(err, errStartOver) {
		if discardErr := m.discard(ctx, b); discardErr != nil {
			return discardErr
		}
	}
	return err
}

// takeTurn waits for others who move a partition of the same table. It polls,
// because a session that waits holds a snapshot for which [mover.outlive] waits.
func (m *mover) takeTurn(ctx context.Context) error {
	for {
		var mine bool
		const try = `SELECT pg_try_advisory_lock(1635083371, '` + auditTable + `'::regclass::oid::int4)`
		if err := m.conn.QueryRow(ctx, try).Scan(&mine); err != nil || mine {
			return err
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(200 * time.Millisecond):
		}
	}
}

// tablespace is the name of one that exists.
func (m *mover) tablespace(ctx context.Context, name string) (string, error) {
	const find = `SELECT t.spcname FROM pg_tablespace t JOIN pg_database d ON d.datname = current_database()
		WHERE t.spcname = $1 OR $1 = '' AND t.oid = d.dattablespace`
	var found string
	err := m.conn.QueryRow(ctx, find, name).Scan(&found)
	if errors.Is(err, pgx.ErrNoRows) {
		return "", refuse("there is no tablespace %s", name)
	}
	return found, err
}

// wanted looks whether the partition is to be moved.
func (m *mover) wanted(ctx context.Context, partition, tablespace string) (at standing, wanted bool, err error) {
	at, err = findStanding(ctx, m.conn, partition)
	if err != nil || at.state != audit.PartitionAttached || at.noted {
		return at, false, err
	}
	const there = `
		SELECT coalesce(nullif(c.reltablespace, 0), d.dattablespace) = t.oid
		FROM pg_class c, pg_database d, pg_tablespace t
		WHERE c.oid = $1::regclass AND d.datname = current_database() AND t.spcname = $2`
	var is bool
	if err := m.conn.QueryRow(ctx, there, at.quoted(), tablespace).Scan(&is); err != nil || is {
		return at, false, err
	}
	holds, err := m.store.holding(ctx, partition)
	return at, len(holds) == 0, err
}

// briefly runs statements in a transaction that waits for no lock longer than
// others may be kept waiting by it, again and again until ctx ends.
func (m *mover) briefly(ctx context.Context, do func(pgx.Tx) error) error {
	return untilUnlocked(ctx, func() error {
		return pgx.BeginFunc(ctx, m.conn, func(tx pgx.Tx) error {
			if _, err := tx.Exec(ctx, fmt.Sprintf("SET LOCAL lock_timeout = %d", briefly.Milliseconds())); err != nil {
				return err
			}
			return do(tx)
		})
	})
}

// sibling is another table beside a partition.
func (at standing) sibling(name string) string { return pgx.Identifier{at.schema, name}.Sanitize() }
