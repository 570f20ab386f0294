package main

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"

	"github.com/auditflow/auditflow/test/faults/judge"
)

// provoke proves, on the database as it is, that the judge would have noticed: in
// transactions that are rolled back it takes a row away, doubles one and edits one.
func (t *trial) provoke(ctx context.Context) error {
	const (
		one   = ` WHERE workflow_ref = $1 AND execution_id = (SELECT min(execution_id) FROM kubernetes_execution_audit WHERE workflow_ref = $1 AND created_at > now() - interval '1 day')`
		twice = `CREATE TEMPORARY TABLE twin ON COMMIT DROP AS SELECT * FROM kubernetes_execution_audit` + one
	)
	return t.connected(ctx, func(conn *pgx.Conn) error {
		for what, deed := range map[string]struct {
			statements []string
			noticed    func(before, after judge.Verdict) bool
		}{
			"a row that is gone": {[]string{`DELETE FROM kubernetes_execution_audit` + one},
				func(before, after judge.Verdict) bool { return after.Lost == before.Lost+1 }},
			"a row that says something else": {[]string{`UPDATE kubernetes_execution_audit SET success = NOT success` + one},
				func(before, after judge.Verdict) bool { return after.Altered == before.Altered+1 }},
			"a row that is there twice": {[]string{twice, `UPDATE twin SET created_at = created_at + interval '1 microsecond'` + whereAny, `INSERT INTO kubernetes_execution_audit SELECT * FROM twin` + whereAny},
				func(before, after judge.Verdict) bool { return after.Duplicates == before.Duplicates+1 }},
		} {
			if err := t.provokeWith(ctx, conn, what, deed.statements, deed.noticed); err != nil {
				return err
			}
		}
		return nil
	})
}

// whereAny takes the parameter that all statements are given.
const whereAny = ` WHERE $1::text IS NOT NULL`

func (t *trial) provokeWith(ctx context.Context, conn *pgx.Conn, what string, statements []string, noticed func(before, after judge.Verdict) bool) error {
	before, err := t.asThingsStand(ctx, conn)
	if err != nil {
		return err
	}
	tx, err := conn.Begin(ctx)
	if err != nil {
		return err
	}
	defer func() { _ = tx.Rollback(context.WithoutCancel(ctx)) }()
	for _, s := range statements {
		if _, err := tx.Exec(ctx, s, pgx.QueryExecModeSimpleProtocol, t.name); err != nil {
			return fmt.Errorf("provoke the judge with %s: %w", what, err)
		}
	}
	after, err := t.asThingsStand(ctx, conn) // within the transaction
	if err == nil && !noticed(before, after) {
		t.complain("the judge did not notice %s", what)
	}
	return err
}
