package archive

import (
	"encoding/hex"
	"encoding/json"
	"strconv"
	"time"

	"github.com/parquet-go/parquet-go"

	"github.com/auditflow/auditflow/audit"
)

type persisted = audit.Persisted

// columns are those of kubernetes_execution_audit, in its order and with its
// names. A file that was written with them must be readable for ever: what is
// added goes to the end, and files without it are read as if it were NULL.
//
//nolint:gochecknoglobals // a table of constants
var columns = []column{
	{name: columnID, node: chance(parquet.UUID()), write: writeID, read: readID},
	text("execution_id", func(p *persisted) *string { return &p.ExecutionID }),
	word("workflow_ref", func(p *persisted) *string { return &p.WorkflowRef }),
	number("step_index", func(p *persisted) *int32 { return &p.StepIndex }),
	word("action_type", func(p *persisted) *string { return &p.ActionType }),
	document("action_parameters", plain, writeParameters, readParameters),
	maybeWord("target_namespace", func(p *persisted) *string { return &p.TargetNamespace }),
	maybeWord("target_resource_kind", func(p *persisted) *string { return &p.TargetResourceKind }),
	maybeWord("target_resource_name", func(p *persisted) *string { return &p.TargetResourceName }),
	{name: "success", node: parquet.Leaf(parquet.BooleanType), write: writeSuccess, read: readSuccess},
	maybeText("output", func(p *persisted) *string { return &p.Output }),
	maybeText("error", func(p *persisted) *string { return &p.Error }),
	instant("start_time", func(p *persisted) *time.Time { return &p.StartTime }),
	instant("end_time", func(p *persisted) *time.Time { return &p.EndTime }),
	orNull(column{name: "duration", node: delta(parquet.Int(64)), write: writeDuration, read: readDuration},
		func(p *persisted) bool { return p.Duration == nil }),
	maybeText("job_name", func(p *persisted) *string { return &p.JobName }),
	maybeText("job_pod_name", func(p *persisted) *string { return &p.JobPodName }),
	maybeNumber("job_exit_code", func(p *persisted) **int32 { return &p.JobExitCode }),
	document("job_resource_usage", words, writeUsage, readUsage),
	number("retry_count", func(p *persisted) *int32 { return &p.RetryCount }),
	number("max_retries", func(p *persisted) *int32 { return &p.MaxRetries }),
	moment(columnCreatedAt, func(p *persisted) *time.Time { return &p.CreatedAt }),
	instant("completed_at", func(p *persisted) *time.Time { return &p.CompletedAt }),
	maybeWord("phase", func(p *persisted) *string { return &p.Phase }),
	word("cluster", func(p *persisted) *string { return &p.Cluster }),
	maybeWord("execution_namespace", func(p *persisted) *string { return &p.ExecutionNamespace }),
	maybeText("execution_uid", func(p *persisted) *string { return &p.ExecutionUID }),
	word("source", func(p *persisted) *string { return &p.Source }),
	maybeWord("job_exit_reason", func(p *persisted) *string { return &p.JobExitReason }),
	maybeNumber("job_signal", func(p *persisted) **int32 { return &p.JobSignal }),
	maybeWord("resource_usage_source", func(p *persisted) *string { return &p.ResourceUsageSource }),
	document("redactions", words, writeList(func(p *persisted) []audit.Redaction { return p.Redactions }),
		func(p *persisted, b []byte, _ *vocabulary) error { return json.Unmarshal(b, &p.Redactions) }),
	document("notes", words, writeList(func(p *persisted) []audit.Note { return p.Notes }),
		func(p *persisted, b []byte, _ *vocabulary) error { return json.Unmarshal(b, &p.Notes) }),
	{name: columnDigest, node: chance(parquet.Leaf(parquet.FixedLenByteArrayType(32))), write: writeDigest, read: readDigest, unbounded: true},
	maybeText("delivered_by", func(p *persisted) *string { return &p.DeliveredBy }),
	instant("persisted_at", func(p *persisted) *time.Time { return &p.PersistedAt }),
	maybeWord(columnPolicy, func(p *persisted) *string { return &p.Policy }),
}

func writeID(r *row, _ *arena) parquet.Value { return parquet.FixedLenByteArrayValue(r.entry.ID[:]) }

func readID(r *row, v parquet.Value, _ *vocabulary) error {
	copy(r.entry.ID[:], v.ByteArray())
	var s [36]byte
	id := r.entry.ID[:]
	hex.Encode(s[:8], id[:4])
	hex.Encode(s[9:13], id[4:6])
	hex.Encode(s[14:18], id[6:8])
	hex.Encode(s[19:23], id[8:10])
	hex.Encode(s[24:], id[10:])
	s[8], s[13], s[18], s[23] = '-', '-', '-', '-'
	r.ID = string(s[:])
	return nil
}

func writeDigest(r *row, _ *arena) parquet.Value {
	return parquet.FixedLenByteArrayValue(r.entry.Digest[:])
}

func readDigest(r *row, v parquet.Value, _ *vocabulary) error {
	copy(r.entry.Digest[:], v.ByteArray())
	r.RecordSHA256 = hex.EncodeToString(r.entry.Digest[:])
	return nil
}

func writeSuccess(r *row, _ *arena) parquet.Value { return parquet.BooleanValue(r.Success) }

func readSuccess(r *row, v parquet.Value, _ *vocabulary) error {
	r.Success = v.Boolean()
	return nil
}

// writeDuration writes microseconds, as the table has them; Parquet's own
// intervals end at milliseconds.
func writeDuration(r *row, _ *arena) parquet.Value {
	return parquet.Int64Value(r.Duration.Microseconds())
}

func readDuration(r *row, v parquet.Value, _ *vocabulary) error {
	d := time.Duration(v.Int64()) * time.Microsecond
	r.Duration = &d
	return nil
}

func writeParameters(p *persisted, b []byte) []byte { return append(b, p.ActionParameters...) }

func readParameters(p *persisted, b []byte, _ *vocabulary) error {
	p.ActionParameters = append(json.RawMessage(nil), b...)
	return nil
}

// writeUsage writes what encoding/json would, for a tenth of the time.
func writeUsage(p *persisted, b []byte) []byte {
	if p.JobResourceUsage == nil {
		return b
	}
	b = append(b, `{"cpu_millicores":`...)
	b = strconv.AppendInt(b, p.JobResourceUsage.CPUMillicores, 10)
	b = append(b, `,"memory_bytes":`...)
	b = strconv.AppendInt(b, p.JobResourceUsage.MemoryBytes, 10)
	return append(b, '}')
}

// readUsage remembers what it has read: there are few different ones.
func readUsage(p *persisted, b []byte, v *vocabulary) error {
	usage, known := v.usages[string(b)]
	if !known {
		if err := json.Unmarshal(b, &usage); err != nil {
			return err
		}
		if len(v.usages) < maxWords {
			v.usages[string(b)] = usage
		}
	}
	p.JobResourceUsage = &usage
	return nil
}

func writeList[T any](list func(*persisted) []T) func(*persisted, []byte) []byte {
	return func(p *persisted, b []byte) []byte {
		if len(list(p)) == 0 {
			return b
		}
		encoded, err := json.Marshal(list(p))
		if err != nil {
			panic("archive: " + err.Error()) // structs of strings and integers always encode
		}
		return append(b, encoded...)
	}
}
