package postgres

import (
	"encoding/hex"
	"encoding/json"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgtype"

	"github.com/auditflow/auditflow/audit"
)

// rowColumns is what scanRow reads, of a table called a. NULL, where the record
// says "" or 0 for unknown, is read as that.
//
//nolint:gochecknoglobals // a constant that takes a call to write
var rowColumns = strings.TrimSpace(`
	a.id, a.execution_id, a.workflow_ref, a.step_index, a.action_type, a.action_parameters,
	coalesce(a.target_namespace, '') AS target_namespace,
	coalesce(a.target_resource_kind, '') AS target_resource_kind,
	coalesce(a.target_resource_name, '') AS target_resource_name,
	a.success, coalesce(a.output, '') AS output, coalesce(a.error, '') AS error,
	a.start_time, a.end_time, a.duration,
	coalesce(a.job_name, '') AS job_name, coalesce(a.job_pod_name, '') AS job_pod_name,
	a.job_exit_code, a.job_resource_usage,
	coalesce(a.retry_count, 0) AS retry_count, coalesce(a.max_retries, 0) AS max_retries,
	a.created_at, a.completed_at, coalesce(a.phase, '') AS phase, a.cluster,
	coalesce(a.execution_namespace, '') AS execution_namespace, coalesce(a.execution_uid, '') AS execution_uid,
	a.source, coalesce(a.job_exit_reason, '') AS job_exit_reason, a.job_signal,
	coalesce(a.resource_usage_source, '') AS resource_usage_source,
	a.redactions, a.notes, a.record_sha256, coalesce(a.delivered_by, '') AS delivered_by,
	coalesce(a.policy, '') AS policy,
	a.persisted_at, a.tableoid::regclass::text AS table_name`)

// scanRow rebuilds a record from its row, so that its digest is the one that
// was stored; more takes the columns that follow rowColumns.
func scanRow(rows pgx.CollectableRow, more ...any) (row Row, err error) {
	r := &row.Record
	var id pgtype.UUID
	var startTime, endTime, completedAt *time.Time
	var parameters, usage, redactions, notes, digest []byte
	into := append([]any{
		&id, &r.ExecutionID, &r.WorkflowRef, &r.StepIndex, &r.ActionType, &parameters,
		&r.TargetNamespace, &r.TargetResourceKind, &r.TargetResourceName,
		&r.Success, &r.Output, &r.Error,
		&startTime, &endTime, &r.Duration,
		&r.JobName, &r.JobPodName,
		&r.JobExitCode, &usage,
		&r.RetryCount, &r.MaxRetries,
		&r.CreatedAt, &completedAt, &r.Phase, &r.Cluster,
		&r.ExecutionNamespace, &r.ExecutionUID,
		&r.Source, &r.JobExitReason, &r.JobSignal,
		&r.ResourceUsageSource,
		&redactions, &notes, &digest, &r.DeliveredBy,
		&r.Policy,
		&row.PersistedAt, &row.Table,
	}, more...)
	if err := rows.Scan(into...); err != nil {
		return Row{}, err
	}
	r.ID, r.RecordSHA256 = id.String(), hex.EncodeToString(digest)
	r.StartTime, r.EndTime, r.CompletedAt = utc(startTime), utc(endTime), utc(completedAt)
	r.CreatedAt, row.PersistedAt = r.CreatedAt.UTC(), row.PersistedAt.UTC()
	if r.ActionParameters, err = canonical(parameters); err != nil {
		return Row{}, err
	}
	for _, d := range []struct {
		stored []byte
		into   any
	}{{usage, &r.JobResourceUsage}, {redactions, &r.Redactions}, {notes, &r.Notes}} {
		if d.stored == nil {
			continue
		}
		if err := json.Unmarshal(d.stored, d.into); err != nil {
			return Row{}, err
		}
	}
	return row, nil
}

// canonical writes jsonb, which sorts keys its own way and adds spaces, as the
// digest sees it.
func canonical(stored []byte) (json.RawMessage, error) {
	if stored == nil {
		return nil, nil
	}
	decoder := json.NewDecoder(strings.NewReader(string(stored)))
	decoder.UseNumber()
	var value any
	if err := decoder.Decode(&value); err != nil {
		return nil, err
	}
	return audit.CanonicalJSON(value), nil
}

func utc(t *time.Time) time.Time {
	if t == nil {
		return time.Time{}
	}
	return t.UTC()
}
