package postgres

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"strconv"
	"time"

	"github.com/auditflow/auditflow/audit"
)

// copyColumns is what rowDecoder reads, in its order.
const copyColumns = `id, record_sha256, execution_id, workflow_ref, step_index, action_type, action_parameters,
	target_namespace, target_resource_kind, target_resource_name, success, output, error, start_time, end_time, duration,
	job_name, job_pod_name, job_exit_code, job_resource_usage, retry_count, max_retries, created_at, completed_at, phase,
	cluster, execution_namespace, execution_uid, source, job_exit_reason, job_signal, resource_usage_source,
	redactions, notes, delivered_by, policy, persisted_at`

// exported is a record and what it points to, in one piece of memory.
type exported struct {
	audit.Persisted
	duration         time.Duration
	exitCode, signal int32
	usage            audit.ResourceUsage
}

// rowDecoder makes of tuples what scanRow makes of rows, many times faster: it
// makes one string of a whole tuple, of which all texts of the row are slices. The
// two that are printed in another form than the tuple has are in front of it.
type rowDecoder struct {
	fields
	texts  string
	before int    // bytes of texts in front of the tuple
	buffer []byte // used again and again
}

// decode reads the fields of one tuple. The row shares no memory with any other.
func (d *rowDecoder) decode(tuple []byte) (*audit.Persisted, error) {
	row := new(exported)
	r := &row.Record
	r.ID, r.RecordSHA256 = d.begin(tuple)
	r.ExecutionID = d.text()
	r.WorkflowRef = d.text()
	r.StepIndex, _ = d.int4()
	r.ActionType = d.text()
	r.ActionParameters = d.parameters()
	r.TargetNamespace = d.text()
	r.TargetResourceKind = d.text()
	r.TargetResourceName = d.text()
	r.Success = d.boolean()
	r.Output = d.text()
	r.Error = d.text()
	r.StartTime = d.time()
	r.EndTime = d.time()
	r.Duration = known(&row.duration)(d.duration())
	r.JobName = d.text()
	r.JobPodName = d.text()
	r.JobExitCode = known(&row.exitCode)(d.int4())
	r.JobResourceUsage = d.usage(&row.usage)
	r.RetryCount, _ = d.int4()
	r.MaxRetries, _ = d.int4()
	r.CreatedAt = d.time()
	r.CompletedAt = d.time()
	r.Phase = d.text()
	r.Cluster = d.text()
	r.ExecutionNamespace = d.text()
	r.ExecutionUID = d.text()
	r.Source = d.text()
	r.JobExitReason = d.text()
	r.JobSignal = known(&row.signal)(d.int4())
	r.ResourceUsageSource = d.text()
	d.document(&r.Redactions)
	d.document(&r.Notes)
	r.DeliveredBy = d.text()
	r.Policy = d.text()
	row.PersistedAt = d.time()
	return &row.Persisted, d.end()
}

// begin reads the first two fields.
func (d *rowDecoder) begin(tuple []byte) (id, digest string) {
	d.fields = fields{tuple: tuple}
	d.buffer = appendUUID(d.buffer[:0], d.uuid())
	split := len(d.buffer)
	sum, _ := d.next()
	d.buffer = hex.AppendEncode(d.buffer, sum)
	d.before = len(d.buffer)
	d.buffer = append(d.buffer, tuple...)
	d.texts = string(d.buffer)
	return d.texts[:split], d.texts[split:d.before]
}

// text is "" where it is NULL.
func (d *rowDecoder) text() string {
	value, _ := d.next()
	if len(value) == 0 {
		return ""
	}
	end := d.before + d.at
	return d.texts[end-len(value) : end]
}

// known returns where a value that is known is kept, nil for one that is not.
func known[T any](where *T) func(value T, known bool) *T {
	return func(value T, known bool) *T {
		if !known {
			return nil
		}
		*where = value
		return where
	}
}

// parameters has memory of its own: whoever has the row may change them.
func (d *rowDecoder) parameters() json.RawMessage {
	text, known := d.jsonb()
	if !known {
		return nil
	}
	var err error
	if d.buffer, err = audit.AppendCanonicalJSON(d.buffer[:0], text); err != nil {
		d.fail(errForm)
	}
	return bytes.Clone(d.buffer)
}

func (d *rowDecoder) document(into any) {
	text, known := d.jsonb()
	if !known {
		return
	}
	if err := json.Unmarshal(text, into); err != nil {
		d.fail(errForm)
	}
}

// usage knows how jsonb prints what Append writes, and leaves the rest to
// encoding/json.
func (d *rowDecoder) usage(into *audit.ResourceUsage) *audit.ResourceUsage {
	text, known := d.jsonb()
	if !known {
		return nil
	}
	if rest, ok := bytes.CutPrefix(text, []byte(`{"memory_bytes": `)); ok {
		memory, cpu, ok := bytes.Cut(rest, []byte(`, "cpu_millicores": `))
		if cpu, end := bytes.CutSuffix(cpu, []byte("}")); ok && end {
			var memoryErr, cpuErr error
			into.MemoryBytes, memoryErr = strconv.ParseInt(string(memory), 10, 64)
			into.CPUMillicores, cpuErr = strconv.ParseInt(string(cpu), 10, 64)
			if memoryErr == nil && cpuErr == nil {
				return into
			}
		}
	}
	var usage *audit.ResourceUsage
	if err := json.Unmarshal(text, &usage); err != nil {
		d.fail(errForm)
	}
	return usage
}
