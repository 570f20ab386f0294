package main

import (
	"encoding/json"
	"time"
)

func rowField(name string, value func(*row) any) field[row] { return field[row]{name, value} }

// rowFields are all fields of a row under their JSON names, those of the record
// in its order; durations also in seconds, resource usage as two columns.
func rowFields() []field[row] {
	return []field[row]{
		rowField("id", func(r *row) any { return r.ID }),
		rowField("execution_id", func(r *row) any { return r.ExecutionID }),
		rowField("workflow_ref", func(r *row) any { return r.WorkflowRef }),
		rowField("step_index", func(r *row) any { return int64(r.StepIndex) }),
		rowField("action_type", func(r *row) any { return r.ActionType }),
		rowField("action_parameters", func(r *row) any { return r.ActionParameters }),
		rowField("target_namespace", func(r *row) any { return r.TargetNamespace }),
		rowField("target_resource_kind", func(r *row) any { return r.TargetResourceKind }),
		rowField("target_resource_name", func(r *row) any { return r.TargetResourceName }),
		rowField("success", func(r *row) any { return r.Success }),
		rowField("output", func(r *row) any { return r.Output }),
		rowField("error", func(r *row) any { return r.Error }),
		rowField("start_time", func(r *row) any { return r.StartTime }),
		rowField("end_time", func(r *row) any { return r.EndTime }),
		rowField("duration", func(r *row) any { return nanoseconds(r.Duration) }),
		rowField("duration_seconds", func(r *row) any { return seconds(r.Duration) }),
		rowField("job_name", func(r *row) any { return r.JobName }),
		rowField("job_pod_name", func(r *row) any { return r.JobPodName }),
		rowField("job_exit_code", func(r *row) any { return whole(r.JobExitCode) }),
		rowField("cpu_millicores", func(r *row) any {
			if r.JobResourceUsage == nil {
				return nil
			}
			return r.JobResourceUsage.CPUMillicores
		}),
		rowField("memory_bytes", func(r *row) any {
			if r.JobResourceUsage == nil {
				return nil
			}
			return r.JobResourceUsage.MemoryBytes
		}),
		rowField("retry_count", func(r *row) any { return int64(r.RetryCount) }),
		rowField("max_retries", func(r *row) any { return int64(r.MaxRetries) }),
		rowField("created_at", func(r *row) any { return r.CreatedAt }),
		rowField("completed_at", func(r *row) any { return r.CompletedAt }),
		rowField("phase", func(r *row) any { return r.Phase }),
		rowField("cluster", func(r *row) any { return r.Cluster }),
		rowField("execution_namespace", func(r *row) any { return r.ExecutionNamespace }),
		rowField("execution_uid", func(r *row) any { return r.ExecutionUID }),
		rowField("source", func(r *row) any { return r.Source }),
		rowField("job_exit_reason", func(r *row) any { return r.JobExitReason }),
		rowField("job_signal", func(r *row) any { return whole(r.JobSignal) }),
		rowField("resource_usage_source", func(r *row) any { return r.ResourceUsageSource }),
		rowField("redactions", func(r *row) any { return document(r.Redactions) }),
		rowField("notes", func(r *row) any { return document(r.Notes) }),
		rowField("record_sha256", func(r *row) any { return r.RecordSHA256 }),
		rowField("delivered_by", func(r *row) any { return r.DeliveredBy }),
		rowField("policy", func(r *row) any { return r.Policy }),
		rowField("persisted_at", func(r *row) any { return r.PersistedAt }),
		rowField("table", func(r *row) any { return r.Table }),
	}
}

func whole(n *int32) any {
	if n == nil {
		return nil
	}
	return int64(*n)
}

func nanoseconds(d *time.Duration) any {
	if d == nil {
		return nil
	}
	return int64(*d)
}

func seconds(d *time.Duration) any {
	if d == nil {
		return nil
	}
	return d.Seconds()
}

// document is a list as JSON text; nothing when it is empty.
func document[T any](list []T) any {
	if len(list) == 0 {
		return nil
	}
	text, err := json.Marshal(list)
	if err != nil {
		panic("auditctl: " + err.Error()) // structs of strings and integers always encode
	}
	return json.RawMessage(text)
}
