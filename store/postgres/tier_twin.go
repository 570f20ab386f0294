package postgres

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5"

	"github.com/auditflow/auditflow/internal/failpoint"
)

// mirrorTrigger is on a partition that is being moved, and only then.
const mirrorTrigger = "auditflow_mirror"

// boundCheck is on a twin, so that ATTACH need not read it.
const boundCheck = "auditflow_moving"

// settle finishes or throws away what earlier attempts have left, all but the one
// that this call goes on with.
func (m *mover) settle(ctx context.Context, partition, tablespace string) (begun *move, moved bool, err error) {
	moves, err := m.moves(ctx)
	if err != nil {
		return nil, false, err
	}
	for _, b := range moves {
		ours := b.Partition == partition && b.Tablespace == tablespace
		switch {
		case b.Swapped:
			moved = moved || ours
			err = m.dropOld(ctx, b.move)
		case ours && b.Sound:
			begun = &b.move
		default:
			err = m.discard(ctx, b.move)
		}
		if err != nil {
			return nil, false, err
		}
	}
	return begun, moved, nil
}

type knownMove struct {
	move
	Sound bool // the twin and the trigger are what they were
}

func (m *mover) moves(ctx context.Context) ([]knownMove, error) {
	const columns = `ARRAY(SELECT attname || ' ' || format_type(atttypid, atttypmod) FROM pg_attribute
		WHERE attrelid = %s AND attnum > 0 AND NOT attisdropped ORDER BY attnum)`
	list := `
		SELECT m.table_name, m.table_oid, m.twin_name, m.twin_oid, m.tablespace, m.mirrored, m.broken, m.swapped,
			m.copied_at, m.copied_id, m.row_count,
			NOT m.broken AND coalesce(p.relname = m.table_name AND t.relname = m.twin_name, false)
			AND ` + fmt.Sprintf(columns, "p.oid") + ` = ` + fmt.Sprintf(columns, "t.oid") + `
			AND m.mirrored = EXISTS (SELECT FROM pg_trigger g
				WHERE g.tgrelid = p.oid AND g.tgname = '` + mirrorTrigger + `' AND g.tgenabled IN ('O', 'A'))
		FROM auditflow_move m LEFT JOIN pg_class p ON p.oid = m.table_oid LEFT JOIN pg_class t ON t.oid = m.twin_oid
		ORDER BY m.started_at`
	rows, err := m.conn.Query(ctx, list)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, func(row pgx.CollectableRow) (k knownMove, err error) {
		err = row.Scan(&k.Partition, &k.PartitionOID, &k.Twin, &k.TwinOID, &k.Tablespace, &k.Mirrored, &k.Broken, &k.Swapped,
			&k.CopiedAt, &k.CopiedID, &k.Rows, &k.Sound)
		return k, err
	})
}

// discard takes away the trigger and the twin, in two steps: a large table takes a
// while to drop, and the trigger a lock on the partition. In between the twin is
// known to be of no use.
func (m *mover) discard(ctx context.Context, b move) error {
	source, _, err := tableName(ctx, m.conn, b.PartitionOID)
	if err != nil {
		return err
	}
	if source != "" {
		err := m.atOnce(ctx, fmt.Sprintf(`DROP TRIGGER IF EXISTS %s ON %s;
			UPDATE auditflow_move SET broken = true WHERE table_oid = %d`, mirrorTrigger, source, b.PartitionOID))
		if err != nil && !isUndefinedTable(err) {
			return err
		}
	}
	failpoint.Hit("move.unmirrored")
	return m.briefly(ctx, func(tx pgx.Tx) error { return forget(ctx, tx, b, b.TwinOID) })
}

// dropOld drops what was the partition before the exchange.
func (m *mover) dropOld(ctx context.Context, b move) error {
	return m.briefly(ctx, func(tx pgx.Tx) error { return forget(ctx, tx, b, b.PartitionOID) })
}

// forget drops a table and the note of its move. That the table is no partition is
// certain; it costs nothing to be sure.
func forget(ctx context.Context, tx pgx.Tx, b move, table uint32) error {
	name, attached, err := tableName(ctx, tx, table)
	if err != nil {
		return err
	}
	if attached {
		return refuse("the copy of %s that is to be dropped is a partition", b.Partition)
	}
	if name != "" {
		if _, err := tx.Exec(ctx, "DROP TABLE "+name); err != nil {
			return err
		}
	}
	_, err = tx.Exec(ctx, `DELETE FROM auditflow_move WHERE table_name = $1`, b.Partition)
	return err
}

// tableName is empty when there is none of that number.
func tableName(ctx context.Context, db rowQuerier, oid uint32) (name string, attached bool, err error) {
	const find = `SELECT format('%I.%I', n.nspname, c.relname), c.relispartition
		FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE c.oid = $1`
	err = db.QueryRow(ctx, find, oid).Scan(&name, &attached)
	if errors.Is(err, pgx.ErrNoRows) {
		err = nil
	}
	return name, attached, err
}

// createTwin makes an empty table in the tablespace that can become the partition
// without being read.
func (m *mover) createTwin(ctx context.Context, at standing, tablespace string) (*move, error) {
	b := move{Partition: at.name, Twin: beside(at.name, "_moving"), Tablespace: tablespace}
	twin, place := at.sibling(b.Twin), pgx.Identifier{tablespace}.Sanitize()
	err := m.briefly(ctx, func(tx pgx.Tx) error {
		facts, err := readFacts(ctx, tx, at)
		if err != nil {
			return err
		}
		statements := []string{
			fmt.Sprintf("CREATE TABLE %s (LIKE %s INCLUDING ALL) TABLESPACE %s", twin, at.quoted(), place),
			fmt.Sprintf("ALTER TABLE %s ADD CONSTRAINT %s CHECK (%s)", twin, boundCheck, facts.bound),
		}
		if facts.settings != "" {
			statements = append(statements, fmt.Sprintf("ALTER TABLE %s SET (%s)", twin, facts.settings))
		}
		if err := run(ctx, tx, statements); err != nil {
			return err
		}
		if err := moveIndexes(ctx, tx, twin, place); err != nil {
			return err
		}
		if err := run(ctx, tx, []string{fmt.Sprintf("ALTER TABLE %s OWNER TO %s", twin, facts.owner)}); err != nil {
			return err
		}
		const note = `
			INSERT INTO auditflow_move (table_name, table_oid, twin_name, twin_oid, tablespace)
			VALUES ($1, $2::regclass, $3, $4::regclass, $5)
			RETURNING table_oid, twin_oid, copied_at, copied_id`
		return tx.QueryRow(ctx, note, b.Partition, at.quoted(), b.Twin, twin, tablespace).
			Scan(&b.PartitionOID, &b.TwinOID, &b.CopiedAt, &b.CopiedID)
	})
	return &b, err
}

// beside is the name of a table beside a partition, of at most 63 bytes.
func beside(partition, suffix string) string {
	return strings.ToValidUTF8(partition[:min(len(partition), 63-len(suffix))], "") + suffix
}

// facts are what LIKE does not copy.
type facts struct{ bound, owner, settings string }

func readFacts(ctx context.Context, tx pgx.Tx, at standing) (f facts, err error) {
	const find = `
		SELECT pg_get_partition_constraintdef(c.oid), quote_ident(pg_get_userbyid(c.relowner)),
			coalesce((SELECT string_agg(prefix || split_part(o, '=', 1) || ' = ' || quote_literal(substr(o, strpos(o, '=') + 1)), ', ')
				FROM (SELECT '' AS prefix, unnest(c.reloptions) AS o
					UNION ALL SELECT 'toast.', unnest(t.reloptions) FROM pg_class t WHERE t.oid = c.reltoastrelid) AS options), '')
		FROM pg_class c WHERE c.oid = $1::regclass`
	err = tx.QueryRow(ctx, find, at.quoted()).Scan(&f.bound, &f.owner, &f.settings)
	return f, err
}

// moveIndexes brings the indexes of the empty twin to where it is: LIKE leaves each
// where the one is that it copies.
func moveIndexes(ctx context.Context, tx pgx.Tx, twin, place string) error {
	const list = `
		SELECT format('%I.%I', n.nspname, i.relname)
		FROM pg_index x JOIN pg_class i ON i.oid = x.indexrelid JOIN pg_namespace n ON n.oid = i.relnamespace
		JOIN pg_class t ON t.oid = x.indrelid
		WHERE t.oid = $1::regclass AND i.reltablespace <> t.reltablespace`
	rows, err := tx.Query(ctx, list, twin)
	if err != nil {
		return err
	}
	indexes, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		return err
	}
	for i, index := range indexes {
		indexes[i] = fmt.Sprintf("ALTER INDEX %s SET TABLESPACE %s", index, place)
	}
	return run(ctx, tx, slices.Clip(indexes))
}

func run(ctx context.Context, tx pgx.Tx, statements []string) error {
	for _, statement := range statements {
		if _, err := tx.Exec(ctx, statement); err != nil {
			return err
		}
	}
	return nil
}

// mirror has whatever is written from now on written to the twin, too. It waits
// for the transactions that are writing; rows of those are there to be copied.
func (m *mover) mirror(ctx context.Context, at standing, b move) error {
	return m.atOnce(ctx, fmt.Sprintf(`
		CREATE TRIGGER %s AFTER INSERT OR UPDATE OR DELETE ON %s FOR EACH ROW EXECUTE FUNCTION %s (%s);
		UPDATE auditflow_move SET mirrored = true WHERE table_oid = %d`,
		mirrorTrigger, at.quoted(), at.sibling("auditflow_mirror"), literal(b.Twin), b.PartitionOID))
}
