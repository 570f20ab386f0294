package postgres

import (
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/jackc/pgx/v5/pgtype"

	"github.com/auditflow/auditflow/audit"
)

// column is one column that Append writes, and how to get its value of each
// record as one array. What is not known is NULL, except in columns that the
// seed declares NOT NULL.
type column struct {
	name, array string // array is the type of the statement's parameter
	values      func([]*item) any
}

// columns lists the table's columns in its order, all but persisted_at, which
// only the database knows.
//
//nolint:gochecknoglobals // a table of constants
var columns = []column{
	{"id", "uuid[]", eachItem(func(it *item) pgtype.UUID { return it.key.id })},
	{"execution_id", "text[]", each(func(r *audit.Record) string { return r.ExecutionID })},
	{"workflow_ref", "text[]", each(func(r *audit.Record) string { return r.WorkflowRef })},
	{"step_index", "int4[]", each(func(r *audit.Record) int32 { return r.StepIndex })},
	{"action_type", "text[]", each(func(r *audit.Record) string { return r.ActionType })},
	{"action_parameters", "jsonb[]", each(func(r *audit.Record) *string { return text(string(r.ActionParameters)) })},
	{"target_namespace", "text[]", each(func(r *audit.Record) *string { return text(r.TargetNamespace) })},
	{"target_resource_kind", "text[]", each(func(r *audit.Record) *string { return text(r.TargetResourceKind) })},
	{"target_resource_name", "text[]", each(func(r *audit.Record) *string { return text(r.TargetResourceName) })},
	{"success", "bool[]", each(func(r *audit.Record) bool { return r.Success })},
	{"output", "text[]", each(func(r *audit.Record) *string { return text(r.Output) })},
	{"error", "text[]", each(func(r *audit.Record) *string { return text(r.Error) })},
	{"start_time", "timestamptz[]", each(func(r *audit.Record) *time.Time { return instant(r.StartTime) })},
	{"end_time", "timestamptz[]", each(func(r *audit.Record) *time.Time { return instant(r.EndTime) })},
	{"duration", "interval[]", each(func(r *audit.Record) *time.Duration { return r.Duration })},
	{"job_name", "text[]", each(func(r *audit.Record) *string { return text(r.JobName) })},
	{"job_pod_name", "text[]", each(func(r *audit.Record) *string { return text(r.JobPodName) })},
	{"job_exit_code", "int4[]", each(func(r *audit.Record) *int32 { return r.JobExitCode })},
	{"job_resource_usage", "jsonb[]", each(func(r *audit.Record) *string { return document(r.JobResourceUsage) })},
	{"retry_count", "int4[]", each(func(r *audit.Record) int32 { return r.RetryCount })},
	{"max_retries", "int4[]", each(func(r *audit.Record) int32 { return r.MaxRetries })},
	{"created_at", "timestamptz[]", each(func(r *audit.Record) time.Time { return r.CreatedAt })},
	{"completed_at", "timestamptz[]", each(func(r *audit.Record) *time.Time { return instant(r.CompletedAt) })},
	{"phase", "text[]", each(func(r *audit.Record) *string { return text(r.Phase) })},
	{"cluster", "text[]", each(func(r *audit.Record) string { return r.Cluster })},
	{"execution_namespace", "text[]", each(func(r *audit.Record) *string { return text(r.ExecutionNamespace) })},
	{"execution_uid", "text[]", each(func(r *audit.Record) *string { return text(r.ExecutionUID) })},
	{"source", "text[]", each(func(r *audit.Record) string { return r.Source })},
	{"job_exit_reason", "text[]", each(func(r *audit.Record) *string { return text(r.JobExitReason) })},
	{"job_signal", "int4[]", each(func(r *audit.Record) *int32 { return r.JobSignal })},
	{"resource_usage_source", "text[]", each(func(r *audit.Record) *string { return text(r.ResourceUsageSource) })},
	{"redactions", "jsonb[]", each(func(r *audit.Record) *string { return documents(r.Redactions) })},
	{"notes", "jsonb[]", each(func(r *audit.Record) *string { return documents(r.Notes) })},
	{"record_sha256", "bytea[]", eachItem(func(it *item) []byte { return it.digest })},
	{"delivered_by", "text[]", each(func(r *audit.Record) *string { return text(r.DeliveredBy) })},
	{"policy", "text[]", each(func(r *audit.Record) *string { return text(r.Policy) })},
}

// insertStatement stores a slice of any length. One array per column instead of
// one parameter per value keeps the text the same, so that each connection
// prepares it once, and has no limit of 65,535 parameters. unnest yields the
// rows in the order of the slice, so of two with one key the first is stored.
//
// A row whose id is there already, with a created_at not far from its own, is
// left out; ON CONFLICT is for those that are being written at this moment. The
// sub-select is no join, so that it looks up rows one by one; see [isNearby] for
// how.
//
//nolint:gochecknoglobals // a constant that takes a loop to write
var insertStatement = func() string {
	var names, arrays []string
	for i, c := range columns {
		names = append(names, c.name)
		arrays = append(arrays, fmt.Sprintf("$%d::%s", i+1, c.array))
	}
	list := strings.Join(names, ", ")
	return fmt.Sprintf(`
		INSERT INTO %[1]s (%[2]s)
		SELECT %[2]s FROM unnest(%[3]s) AS new (%[2]s)
		WHERE (SELECT true FROM %[1]s a WHERE %[4]s LIMIT 1) IS NULL
		ON CONFLICT (id, created_at) DO NOTHING
		RETURNING id, created_at, tableoid::regclass::text`,
		auditTable, list, strings.Join(arrays, ", "), isNearby("new", len(columns)+1))
}()

func insertArguments(items []*item) []any {
	arguments := make([]any, len(columns), len(columns)+2)
	for i, c := range columns {
		arguments[i] = c.values(items)
	}
	from, to := reach(items)
	return append(arguments, from, to)
}

func each[T any](value func(*audit.Record) T) func([]*item) any {
	return eachItem(func(it *item) T { return value(it.record) })
}

func eachItem[T any](value func(*item) T) func([]*item) any {
	return func(items []*item) any {
		array := make([]T, len(items))
		for i, it := range items {
			array[i] = value(it)
		}
		return array
	}
}

func text(s string) *string {
	if s == "" {
		return nil
	}
	return &s
}

func instant(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	return &t
}

func document[T any](v *T) *string {
	if v == nil {
		return nil
	}
	return marshal(v)
}

func documents[T any](list []T) *string {
	if len(list) == 0 {
		return nil
	}
	return marshal(list)
}

func marshal(v any) *string {
	encoded, err := json.Marshal(v)
	if err != nil {
		panic("postgres: " + err.Error()) // structs of strings and integers always encode
	}
	return text(string(encoded))
}
