package main

import (
	"context"
	"encoding/hex"
	"encoding/json"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgtype"

	"github.com/auditflow/auditflow/audit"
)

// column is one column of the table and its value of a record. The list is ours
// and not the store's, so that rows we compare it with, or read through it,
// owe it nothing.
type column struct {
	name  string
	value func(*audit.Record) any
}

//nolint:gochecknoglobals // a table of constants
var columns = []column{
	{"id", func(r *audit.Record) any { return uuid(r.ID) }},
	{"execution_id", func(r *audit.Record) any { return r.ExecutionID }},
	{"workflow_ref", func(r *audit.Record) any { return r.WorkflowRef }},
	{"step_index", func(r *audit.Record) any { return r.StepIndex }},
	{"action_type", func(r *audit.Record) any { return r.ActionType }},
	{"action_parameters", func(r *audit.Record) any { return known(string(r.ActionParameters)) }},
	{"target_namespace", func(r *audit.Record) any { return known(r.TargetNamespace) }},
	{"target_resource_kind", func(r *audit.Record) any { return known(r.TargetResourceKind) }},
	{"target_resource_name", func(r *audit.Record) any { return known(r.TargetResourceName) }},
	{"success", func(r *audit.Record) any { return r.Success }},
	{"output", func(r *audit.Record) any { return known(r.Output) }},
	{"error", func(r *audit.Record) any { return known(r.Error) }},
	{"start_time", func(r *audit.Record) any { return instant(r.StartTime) }},
	{"end_time", func(r *audit.Record) any { return instant(r.EndTime) }},
	{"duration", func(r *audit.Record) any { return pointed(r.Duration) }},
	{"job_name", func(r *audit.Record) any { return known(r.JobName) }},
	{"job_pod_name", func(r *audit.Record) any { return known(r.JobPodName) }},
	{"job_exit_code", func(r *audit.Record) any { return pointed(r.JobExitCode) }},
	{"job_resource_usage", func(r *audit.Record) any { return document(r.JobResourceUsage, r.JobResourceUsage != nil) }},
	{"retry_count", func(r *audit.Record) any { return r.RetryCount }},
	{"max_retries", func(r *audit.Record) any { return r.MaxRetries }},
	{"created_at", func(r *audit.Record) any { return r.CreatedAt }},
	{"completed_at", func(r *audit.Record) any { return instant(r.CompletedAt) }},
	{"phase", func(r *audit.Record) any { return known(r.Phase) }},
	{"cluster", func(r *audit.Record) any { return r.Cluster }},
	{"execution_namespace", func(r *audit.Record) any { return known(r.ExecutionNamespace) }},
	{"execution_uid", func(r *audit.Record) any { return known(r.ExecutionUID) }},
	{"source", func(r *audit.Record) any { return r.Source }},
	{"job_exit_reason", func(r *audit.Record) any { return known(r.JobExitReason) }},
	{"job_signal", func(r *audit.Record) any { return pointed(r.JobSignal) }},
	{"resource_usage_source", func(r *audit.Record) any { return known(r.ResourceUsageSource) }},
	{"redactions", func(r *audit.Record) any { return document(r.Redactions, len(r.Redactions) > 0) }},
	{"notes", func(r *audit.Record) any { return document(r.Notes, len(r.Notes) > 0) }},
	{"record_sha256", func(r *audit.Record) any { return digest(r.RecordSHA256) }},
	{"delivered_by", func(r *audit.Record) any { return known(r.DeliveredBy) }},
	{"policy", func(r *audit.Record) any { return known(r.Policy) }},
}

func columnNames() []string {
	names := make([]string, len(columns))
	for i, c := range columns {
		names[i] = c.name
	}
	return names
}

// values appends the record's values to dst, in the order of columns.
func values(dst []any, r *audit.Record) []any {
	for _, c := range columns {
		dst = append(dst, c.value(r))
	}
	return dst
}

// copyRows appends rows to a table, persisted_at included.
func copyRows(ctx context.Context, conn *pgx.Conn, table pgx.Identifier, rows []row) error {
	buffer := make([]any, 0, len(columns)+1)
	next := 0
	source := pgx.CopyFromFunc(func() ([]any, error) {
		if next == len(rows) {
			return nil, nil
		}
		r := &rows[next]
		next++
		buffer = append(values(buffer[:0], &r.Record), r.persistedAt)
		return buffer, nil
	})
	_, err := conn.CopyFrom(ctx, table, append(columnNames(), "persisted_at"), source)
	return err
}

func uuid(s string) pgtype.UUID {
	var id pgtype.UUID
	_ = id.Scan(s) // it is one of audit.ID
	return id
}

func digest(s string) []byte {
	sum, _ := hex.DecodeString(s) // it is one of audit.Record.Digest
	return sum
}

func known(s string) any {
	if s == "" {
		return nil
	}
	return s
}

func instant(t time.Time) any {
	if t.IsZero() {
		return nil
	}
	return t
}

func pointed[T any](p *T) any {
	if p == nil {
		return nil
	}
	return *p
}

func document(v any, there bool) any {
	if !there {
		return nil
	}
	text, err := json.Marshal(v)
	if err != nil {
		panic("load: " + err.Error()) // structs of strings and integers always encode
	}
	return string(text)
}
