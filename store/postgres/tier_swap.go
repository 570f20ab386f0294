package postgres

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

// outlive waits until all transactions have ended that are under way now and may
// look at the partition with a snapshot that is older than the rows of the twin. A
// transaction that we see has no snapshot (backend_xmin) will take a newer one; of
// other logins PostgreSQL does not tell, so these are waited for. Vacuum looks at
// nothing. It is what CREATE INDEX CONCURRENTLY does, but without a lock that it
// waits for: others would have to wait for it.
func (m *mover) outlive(ctx context.Context) error {
	const list = `
		SELECT l.pid, l.virtualtransaction FROM pg_locks l JOIN pg_stat_activity a ON a.pid = l.pid
		WHERE l.locktype = 'virtualxid' AND l.granted AND l.mode = 'ExclusiveLock'
			AND a.datname = current_database() AND l.pid <> pg_backend_pid()
			AND NOT (a.state IS NOT NULL AND a.backend_xmin IS NULL)
			AND NOT EXISTS (SELECT FROM pg_stat_progress_vacuum v WHERE v.pid = l.pid)`
	const left = `
		SELECT count(*) FROM pg_locks l JOIN unnest($1::int4[], $2::text[]) AS old (pid, virtualtransaction)
			ON l.pid = old.pid AND l.virtualtransaction = old.virtualtransaction
		WHERE l.locktype = 'virtualxid' AND l.granted`
	var pids []int32
	var transactions []string
	rows, err := m.conn.Query(ctx, list)
	if err != nil {
		return err
	}
	var pid int32
	var transaction string
	if _, err := pgx.ForEachRow(rows, []any{&pid, &transaction}, func() error {
		pids, transactions = append(pids, pid), append(transactions, transaction)
		return nil
	}); err != nil {
		return err
	}
	for pause := 5 * time.Millisecond; ; pause = min(2*pause, time.Second) {
		var n int
		if err := m.conn.QueryRow(ctx, left, pids, transactions).Scan(&n); err != nil || n == 0 {
			return err
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(pause):
		}
	}
}

// unsound is the SQLSTATE with which [exchange] ends when there is nothing to
// exchange; AF is no class of PostgreSQL's.
const unsound = "AF001"

// exchange makes the twin the partition. All locks are taken first, that on the
// table before all others, as everybody does; who has one on the partition then,
// without one on the table, is not worth waiting for. With the locks, it looks once
// more at what could have changed until then.
const exchange = `
	LOCK TABLE ONLY {parent} IN ACCESS EXCLUSIVE MODE;
	SET LOCAL lock_timeout = 5;
	LOCK TABLE ONLY {partition}, ONLY {twin} IN ACCESS EXCLUSIVE MODE;
	DO $auditflow$ BEGIN
		IF NOT EXISTS (
			SELECT FROM auditflow_move m JOIN pg_inherits i ON i.inhrelid = m.table_oid
			WHERE m.table_oid = {partition literal}::regclass AND m.twin_oid = {twin literal}::regclass
				AND i.inhparent = {parent literal}::regclass AND NOT i.inhdetachpending
				AND m.mirrored AND NOT m.broken AND NOT m.swapped
				AND NOT EXISTS (SELECT FROM auditflow_detached d WHERE d.table_name = m.table_name)
				AND EXISTS (SELECT FROM pg_trigger g
					WHERE g.tgrelid = m.table_oid AND g.tgname = '{trigger}' AND g.tgenabled IN ('O', 'A')))
		THEN
			RAISE SQLSTATE '` + unsound + `';
		END IF;
	END $auditflow$;
	ALTER TABLE {parent} DETACH PARTITION {partition};
	DROP TRIGGER {trigger} ON {partition};
	ALTER TABLE {partition} RENAME TO {old name};
	ALTER TABLE {twin} RENAME TO {partition name};
	ALTER TABLE {parent} ATTACH PARTITION {partition} {bound};
	ALTER TABLE {partition} DROP CONSTRAINT {check};
	UPDATE auditflow_move SET swapped = true WHERE twin_oid = {partition literal}::regclass`

// swap makes the twin the partition. Nobody reads or writes the table meanwhile,
// which is for milliseconds: nothing is read, see [boundCheck].
func (m *mover) swap(ctx context.Context, at standing, b move) error {
	var bound string
	const find = `SELECT coalesce((SELECT pg_get_expr(relpartbound, oid) FROM pg_class WHERE oid = $1), '')`
	if err := m.conn.QueryRow(ctx, find, b.PartitionOID).Scan(&bound); err != nil {
		return err
	}
	twin := at.sibling(b.Twin)
	err := m.atOnce(ctx, strings.NewReplacer(
		"{parent}", at.parent(), "{parent literal}", literal(at.parent()),
		"{partition}", at.quoted(), "{partition literal}", literal(at.quoted()), "{partition name}", pgx.Identifier{at.name}.Sanitize(),
		"{twin}", twin, "{twin literal}", literal(twin),
		"{old name}", pgx.Identifier{beside(at.name, "_moved")}.Sanitize(),
		"{bound}", bound, "{trigger}", mirrorTrigger, "{check}", boundCheck,
	).Replace(exchange))
	if pg, ok := errors.AsType[*pgconn.PgError](err); ok && (pg.Code == unsound || pg.Code == "42P01") {
		return fmt.Errorf("%w: %w", refuse("it has changed meanwhile, and its copy was thrown away"), errStartOver)
	}
	return err
}

// atOnce runs statements in a transaction that waits for no lock longer than
// others may be kept waiting by it, again and again until ctx ends. They go to the
// server in one message: it must not wait for us, with locks that others want,
// when we are slow or gone.
func (m *mover) atOnce(ctx context.Context, statements string) error {
	transaction := fmt.Sprintf("BEGIN; SET LOCAL lock_timeout = %d; %s; COMMIT", briefly.Milliseconds(), statements)
	return untilUnlocked(ctx, func() error {
		_, err := m.conn.Exec(ctx, transaction)
		if err != nil && !m.conn.IsClosed() {
			if _, rollbackErr := m.conn.Exec(ctx, "ROLLBACK"); rollbackErr != nil {
				return rollbackErr
			}
		}
		return err
	})
}

func literal(s string) string { return "'" + strings.ReplaceAll(s, "'", "''") + "'" }
