package judge

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

// table is that of the contract.
const table = "kubernetes_execution_audit"

// Live reads the rows of one load, which has their workflow_ref to itself.
func Live(ctx context.Context, db *pgx.Conn, load string) ([]Row, error) {
	return read(ctx, db, table, load)
}

// DetachedTables are the partitions that are detached and not dropped yet.
func DetachedTables(ctx context.Context, db *pgx.Conn) ([]string, error) {
	answer, err := db.Query(ctx, `SELECT relname FROM pg_class WHERE relkind = 'r' AND NOT relispartition
		AND relname ~ ('^'||$1||'_w?[0-9]{4}_[0-9_]+((to|from)_[0-9_]+)*$')`, table)
	if err != nil {
		return nil, fmt.Errorf("list detached partitions: %w", err)
	}
	names, err := pgx.CollectRows(answer, pgx.RowTo[string])
	if err != nil {
		return nil, fmt.Errorf("list detached partitions: %w", err)
	}
	return names, nil
}

// Detached reads the rows in such partitions.
func Detached(ctx context.Context, db *pgx.Conn, load string) (rows []Row, err error) {
	names, err := DetachedTables(ctx, db)
	if err != nil {
		return nil, err
	}
	for _, name := range names {
		some, err := read(ctx, db, name, load)
		const undefined = "42P01"
		if gone, is := errors.AsType[*pgconn.PgError](err); is && gone.Code == undefined {
			continue // dropped since; what was in it is in the archive, or lost
		}
		if err != nil {
			return nil, err
		}
		rows = append(rows, some...)
	}
	return rows, nil
}

func read(ctx context.Context, db *pgx.Conn, from, load string) ([]Row, error) {
	answer, err := db.Query(ctx, `
		SELECT coalesce(execution_uid, ''), execution_id, action_type, success,
			sha256(convert_to(coalesce(output, ''), 'UTF8')), persisted_at, tableoid::regclass::text
		FROM `+pgx.Identifier{from}.Sanitize()+` WHERE workflow_ref = $1`, load)
	if err != nil {
		return nil, fmt.Errorf("read the rows of %s: %w", load, err)
	}
	rows, err := pgx.CollectRows(answer, func(from pgx.CollectableRow) (r Row, err error) {
		var output []byte
		err = from.Scan(&r.UID, &r.Name, &r.Action, &r.Success, &output, &r.Persisted, &r.Where)
		copy(r.Output[:], output)
		return r, err
	})
	if err != nil {
		return nil, fmt.Errorf("read the rows of %s: %w", load, err)
	}
	return rows, nil
}

// attention is how soon after a promise somebody looks whether it is kept.
const attention = 300 * time.Millisecond

// Attend looks, until ctx ends, for the row of each execution as soon as it is told
// to be persisted. While the database is away nobody can look; then the promise
// is looked after as soon as it is back, for it must have outlived that.
func (b *Books) Attend(ctx context.Context, database string) {
	var db *pgx.Conn
	defer func() {
		if db != nil {
			_ = db.Close(context.WithoutCancel(ctx))
		}
	}()
	for ctx.Err() == nil {
		select {
		case <-time.After(attention):
		case <-ctx.Done():
			return
		}
		if db == nil || db.IsClosed() {
			var err error
			if db, err = pgx.Connect(ctx, database); err != nil {
				db = nil
				continue
			}
		}
		_ = b.Attest(ctx, db) // it fails when the server dies; then the promises wait
	}
}

// Attest looks for all rows that were told to be persisted since the last time.
func (b *Books) Attest(ctx context.Context, db *pgx.Conn) error {
	taken := b.takePromises()
	if len(taken) == 0 {
		return nil
	}
	names := make([]string, 0, len(taken))
	for _, name := range taken {
		names = append(names, name)
	}
	found := map[string]bool{}
	for some := range slices.Chunk(names, 1000) {
		answer, err := db.Query(ctx, `SELECT execution_uid FROM `+table+` WHERE execution_id = ANY ($1)`, some)
		if err == nil {
			var uid string
			_, err = pgx.ForEachRow(answer, []any{&uid}, func() error {
				found[uid] = true
				return nil
			})
		}
		if err != nil {
			b.returnPromises(taken)
			return fmt.Errorf("look for what was told to be persisted: %w", err)
		}
	}
	for uid := range taken {
		if !found[uid] {
			b.noteAbsent(uid)
		}
	}
	return nil
}
