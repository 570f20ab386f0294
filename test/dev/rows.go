package main

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
)

// row is what the books need of the table. Texts that are NULL are empty.
type row struct {
	ID, UID, Cluster, Namespace, Name             string
	Action, TargetNamespace, TargetKind, TargetOf string
	WorkflowRef                                   string
	StepIndex                                     int32
	Parameters                                    json.RawMessage
	Success                                       bool
	Phase, OutputSHA, Error                       string
	OutputBytes                                   int
	JobName, ExitReason                           string
	ExitCode                                      *int32
	Retries                                       int32
	Masked                                        int // places
	DeliveredBy                                   string
	Created, Start, End, Completed                *time.Time
	Persisted                                     time.Time
}

// readRows asks PostgreSQL for digests of the outputs, not for the outputs: the
// text that arrives here would have passed through one more hand.
const readRows = `
SELECT id::text, execution_uid, cluster, execution_namespace, execution_id,
       action_type, coalesce(target_namespace, ''), coalesce(target_resource_kind, ''), coalesce(target_resource_name, ''),
       workflow_ref, step_index, action_parameters, success, phase,
       encode(sha256(convert_to(coalesce(output, ''), 'UTF8')), 'hex'), coalesce(error, ''), octet_length(coalesce(output, '')),
       coalesce(job_name, ''), coalesce(job_exit_reason, ''), job_exit_code, retry_count,
       (SELECT coalesce(sum((r ->> 'count')::int), 0) FROM jsonb_array_elements(redactions) AS r),
       coalesce(delivered_by, ''), created_at, start_time, end_time, completed_at, persisted_at
FROM kubernetes_execution_audit`

func allRows(ctx context.Context, db *pgxpool.Pool) ([]row, error) {
	return queryRows(ctx, db, readRows)
}

func rowsOf(ctx context.Context, db *pgxpool.Pool, uid string) ([]row, error) {
	return queryRows(ctx, db, readRows+" WHERE execution_uid = $1", uid)
}

func queryRows(ctx context.Context, db *pgxpool.Pool, sql string, args ...any) ([]row, error) {
	rows, err := db.Query(ctx, sql, args...)
	if err != nil {
		return nil, fmt.Errorf("read rows: %w", err)
	}
	found, err := pgx.CollectRows(rows, func(r pgx.CollectableRow) (row, error) {
		var x row
		err := r.Scan(&x.ID, &x.UID, &x.Cluster, &x.Namespace, &x.Name,
			&x.Action, &x.TargetNamespace, &x.TargetKind, &x.TargetOf,
			&x.WorkflowRef, &x.StepIndex, &x.Parameters, &x.Success, &x.Phase,
			&x.OutputSHA, &x.Error, &x.OutputBytes,
			&x.JobName, &x.ExitReason, &x.ExitCode, &x.Retries,
			&x.Masked, &x.DeliveredBy, &x.Created, &x.Start, &x.End, &x.Completed, &x.Persisted)
		return x, err
	})
	if err != nil {
		return nil, fmt.Errorf("read rows: %w", err)
	}
	return found, nil
}
