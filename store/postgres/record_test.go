package postgres_test

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/auditflow/auditflow/audit"
)

var january = time.Date(2025, 1, 15, 12, 30, 45, 123456000, time.UTC)

// minimal is a record with nothing in it that may be unknown.
func minimal(uid string, createdAt time.Time) audit.Record {
	return digested(audit.Record{
		ID:          audit.ID("test", uid),
		ExecutionID: "execution-" + uid,
		ActionType:  "scale-deployment",
		CreatedAt:   createdAt,
		Phase:       "Completed",
		Cluster:     "test",
		Source:      "KubernetesExecution",
	})
}

// complete is a record with a value in every field.
func complete(uid string, createdAt time.Time) audit.Record {
	r := minimal(uid, createdAt)
	duration, exitCode, signal := 90*time.Second+time.Microsecond, int32(137), int32(9)
	r.WorkflowRef, r.StepIndex = "alert-12345-workflow", 3
	r.ActionParameters = json.RawMessage(`{"replicas":3,"labels":{"b":"é","a":"\u0041"}}`)
	r.TargetNamespace, r.TargetResourceKind, r.TargetResourceName = "prod-shop", "Deployment", "cart"
	r.Success, r.Output, r.Error = true, "scaled\n\u2028<b>&", "warning: “slow”"
	r.StartTime, r.EndTime, r.Duration = createdAt.Add(time.Second), createdAt.Add(91*time.Second), &duration
	r.JobName, r.JobPodName, r.JobExitCode, r.JobSignal = "job", "job-x7", &exitCode, &signal
	r.JobResourceUsage = &audit.ResourceUsage{CPUMillicores: 250, MemoryBytes: 1 << 40}
	r.RetryCount, r.MaxRetries = 1, 5
	r.CompletedAt = createdAt.Add(91 * time.Second)
	r.ExecutionNamespace, r.ExecutionUID = "kubernaut", uid
	r.JobExitReason, r.ResourceUsageSource = "OOMKilled", "metrics.k8s.io"
	r.Redactions = []audit.Redaction{{Rule: "aws-access-token", Path: "output", Count: 2}}
	r.Notes = []audit.Note{{Change: audit.ChangeNUL, Path: "error", Count: 1}}
	r.DeliveredBy, r.Policy = "audit/KubernetesExecution/"+uid, "policy-0123456789ab+builtin-2"
	return digested(r)
}

// digested brings a record into the form that Append takes.
func digested(r audit.Record) audit.Record {
	r = r.Normalise()
	r.RecordSHA256 = r.Digest()
	return r
}

func many(n int, createdAt time.Time) []audit.Record {
	records := make([]audit.Record, n)
	for i := range records {
		records[i] = complete(fmt.Sprint("uid-", i), createdAt.Add(time.Duration(i)*time.Millisecond))
	}
	return records
}

// readBack rebuilds a record from its row, knowing nothing of how Append wrote
// it.
func readBack(t *testing.T, conn *pgx.Conn, table, id string) audit.Record {
	t.Helper()
	const query = `
		SELECT id::text, execution_id, workflow_ref, step_index, action_type, action_parameters::text,
			coalesce(target_namespace, ''), coalesce(target_resource_kind, ''), coalesce(target_resource_name, ''),
			success, coalesce(output, ''), coalesce(error, ''), start_time, end_time,
			(extract(epoch FROM duration) * 1e9)::bigint, coalesce(job_name, ''), coalesce(job_pod_name, ''),
			job_exit_code, job_resource_usage::text, retry_count, max_retries, created_at, completed_at,
			coalesce(phase, ''), cluster, coalesce(execution_namespace, ''), coalesce(execution_uid, ''), source,
			coalesce(job_exit_reason, ''), job_signal, coalesce(resource_usage_source, ''),
			redactions::text, notes::text, record_sha256, coalesce(delivered_by, ''), coalesce(policy, '')
		FROM %s WHERE id = $1`
	var r audit.Record
	var parameters, usage, redactions, notes *string
	var startTime, endTime, completedAt *time.Time
	var duration *int64
	var digest []byte
	err := conn.QueryRow(t.Context(), fmt.Sprintf(query, table), id).Scan(
		&r.ID, &r.ExecutionID, &r.WorkflowRef, &r.StepIndex, &r.ActionType, &parameters,
		&r.TargetNamespace, &r.TargetResourceKind, &r.TargetResourceName,
		&r.Success, &r.Output, &r.Error, &startTime, &endTime,
		&duration, &r.JobName, &r.JobPodName,
		&r.JobExitCode, &usage, &r.RetryCount, &r.MaxRetries, &r.CreatedAt, &completedAt,
		&r.Phase, &r.Cluster, &r.ExecutionNamespace, &r.ExecutionUID, &r.Source,
		&r.JobExitReason, &r.JobSignal, &r.ResourceUsageSource,
		&redactions, &notes, &digest, &r.DeliveredBy, &r.Policy)
	must(t, err)
	r.ActionParameters = canonical(t, parameters)
	decode(t, usage, &r.JobResourceUsage)
	decode(t, redactions, &r.Redactions)
	decode(t, notes, &r.Notes)
	r.StartTime, r.EndTime, r.CompletedAt = utc(startTime), utc(endTime), utc(completedAt)
	r.CreatedAt = r.CreatedAt.UTC()
	r.Duration = (*time.Duration)(duration)
	r.RecordSHA256 = hex.EncodeToString(digest)
	return r
}

// canonical writes jsonb, which sorts keys its own way and adds spaces, as the
// digest sees it.
func canonical(t *testing.T, stored *string) json.RawMessage {
	t.Helper()
	if stored == nil {
		return nil
	}
	decoder := json.NewDecoder(bytes.NewReader([]byte(*stored)))
	decoder.UseNumber()
	var value any
	must(t, decoder.Decode(&value))
	return audit.CanonicalJSON(value)
}

func decode(t *testing.T, stored *string, into any) {
	t.Helper()
	if stored != nil {
		must(t, json.Unmarshal([]byte(*stored), into))
	}
}

func utc(t *time.Time) time.Time {
	if t == nil {
		return time.Time{}
	}
	return t.UTC()
}
