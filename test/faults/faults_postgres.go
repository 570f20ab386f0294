package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"
)

// Faults of PostgreSQL.
func postgresFaults() []fault {
	return []fault{
		{
			number: 5, name: "PostgreSQL killed", expectation: "lost 0: what was acknowledged is there after recovery", quick: true, load: usual(),
			injection: "SIGKILL of the postmaster every 0.3–2 s, 100 times; fsync is on",
			inject: func(ctx context.Context, t *trial) error {
				for range sooner(t, 100, 6) {
					if err := rest(ctx, t.between(300*time.Millisecond, 2*time.Second)); err != nil {
						return err
					}
					if err := crashPostgres(ctx, t); err != nil {
						return err
					}
				}
				return nil
			},
		},
		{
			number: 12, name: "PostgreSQL refuses", expectation: "all of it counts as worth a retry, nothing goes to quarantine", load: usual(),
			injection: "read-only for 15 s; no connection for the worker for 15 s; the table locked for 60 s",
			inject:    refusals, heal: permit, settled: rightlyClassified,
		},
		{
			number: 13, name: "partition missing", expectation: "every row creates its partition and is stored", quick: true,
			injection: "future partitions without rows are dropped; records come of months that have none, past and future",
			load:      load{writers: 1, pause: 50 * time.Millisecond, atLeast: 300}, inject: lateRows, settled: rightlyClassified,
		},
	}
}

// sql runs statements as the superuser, past the wire.
func (t *trial) sql(ctx context.Context, statements ...string) error {
	return t.connected(ctx, func(conn *pgx.Conn) error {
		for _, s := range statements {
			if _, err := conn.Exec(ctx, s); err != nil {
				return fmt.Errorf("%s: %w", s, err)
			}
		}
		return nil
	})
}

func (t *trial) connected(ctx context.Context, do func(*pgx.Conn) error) error {
	conn, err := pgx.Connect(ctx, t.Postgres.URL)
	if err != nil {
		return err
	}
	defer conn.Close(context.WithoutCancel(ctx))
	return do(conn)
}

const sendAway = `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'worker'`

// refusals are the ways in which PostgreSQL answers and does not store.
func refusals(ctx context.Context, t *trial) error {
	short := sooner(t, 15*time.Second, 5*time.Second)
	if err := t.sql(ctx, `ALTER ROLE worker SET default_transaction_read_only = on`, sendAway); err != nil {
		return err
	}
	t.runs.Add(1)
	if err := rest(ctx, short); err != nil {
		return err
	}
	if err := t.sql(ctx, `ALTER ROLE worker RESET default_transaction_read_only`, `ALTER ROLE worker CONNECTION LIMIT 0`, sendAway); err != nil {
		return err
	}
	t.runs.Add(1)
	if err := rest(ctx, short); err != nil {
		return err
	}
	if err := permit(ctx, t); err != nil {
		return err
	}
	return t.connected(ctx, func(conn *pgx.Conn) error {
		tx, err := conn.Begin(ctx)
		if err != nil {
			return err
		}
		if _, err := tx.Exec(ctx, `LOCK TABLE kubernetes_execution_audit IN ACCESS EXCLUSIVE MODE`); err != nil {
			return err
		}
		t.runs.Add(1)
		return errors.Join(rest(ctx, sooner(t, 60*time.Second, 10*time.Second)), tx.Rollback(context.WithoutCancel(ctx)))
	})
}

func permit(ctx context.Context, t *trial) error {
	return t.sql(ctx, `ALTER ROLE worker RESET default_transaction_read_only`, `ALTER ROLE worker CONNECTION LIMIT -1`, sendAway)
}

// rightlyClassified looks for failures that were taken for a record's fault, or
// for the schema's.
func rightlyClassified(ctx context.Context, t *trial) error {
	failures, err := labelled(ctx, t.product.Worker.URL, "kubernaut_kubernetesexecutor_audit_storage_failures_total", "error_type")
	if err != nil {
		return err
	}
	for kind, n := range failures {
		if n > 0 && !slices.Contains([]string{"timeout", "connection", "database", "canceled"}, kind) {
			t.complain("%.0f failures were counted as %s", n, kind)
		}
	}
	return t.connected(ctx, func(conn *pgx.Conn) error {
		var n int
		if err := conn.QueryRow(ctx, `SELECT count(*) FROM kubernetes_execution_audit_quarantine WHERE created_at > now() - interval '1 hour'`).Scan(&n); err != nil {
			return err
		}
		if n > 0 {
			t.complain("%d records are in quarantine", n)
		}
		return nil
	})
}

// lateRows come of months of which there is no partition.
func lateRows(ctx context.Context, t *trial) error {
	drop := `DO $$ DECLARE p text; used boolean; BEGIN
		FOR p IN SELECT inhrelid::regclass::text FROM pg_inherits WHERE inhparent = 'kubernetes_execution_audit'::regclass LOOP
			CONTINUE WHEN p <= 'kubernetes_execution_audit_' || to_char(now(), 'YYYY_MM');
			EXECUTE format('SELECT EXISTS (SELECT FROM %I)', p) INTO used;
			CONTINUE WHEN used;
			EXECUTE format('DROP TABLE %I', p);
		END LOOP;
	END $$`
	const day = 24 * time.Hour
	for n, age := range []time.Duration{-40 * day, 70 * day, 500 * day, 1500 * day, -65 * day} {
		if err := t.sql(ctx, drop); err != nil {
			return err
		}
		t.runs.Add(1)
		late := load{label: fmt.Sprintf("late%d-", n), clients: 2, batch: 20, rhythm: 100 * time.Millisecond, age: age}
		if err := t.beside(ctx, late, func(ctx context.Context) error { return rest(ctx, sooner(t, 20*time.Second, 2*time.Second)) }); err != nil {
			return err
		}
	}
	return nil
}
