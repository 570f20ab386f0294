package audit_test

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/auditflow/auditflow/audit"
)

// typical is a record of about 1.2 KB.
func typical() audit.Record {
	r := valid()
	code := int32(0)
	r.WorkflowRef, r.TargetNamespace, r.TargetResourceKind, r.TargetResourceName = "alert-318980-workflow", "team-checkout", "Deployment", "support"
	r.ActionParameters = json.RawMessage(`{"alertID":"985468","app":"support","container":"app","image":"registry.example/shop/app:1.33.7","previous":"registry.example/shop/app:1.56.7"}`)
	r.Output = strings.Repeat("ts=41:26:75.362 level=info msg=\"patched resource\" kind=Deployment took=312ms\n", 4)
	r.StartTime, r.EndTime, r.CompletedAt = r.CreatedAt.Add(time.Second), r.CreatedAt.Add(3*time.Second), r.CreatedAt.Add(3*time.Second)
	r.JobName, r.JobPodName, r.JobExitCode = "update-image-lbst9pvj-job", "update-image-lbst9pvj-job-99blx", &code
	r.JobResourceUsage = &audit.ResourceUsage{CPUMillicores: 100, MemoryBytes: 134217728}
	r.ExecutionNamespace, r.ExecutionUID, r.JobExitReason = "kubernaut-system", "2e5d522e-acaf-4b2f-86e0-3a0f5f4243c2", "Completed"
	r.ResourceUsageSource = "pod_requests"
	return r
}

func BenchmarkDigest(b *testing.B) {
	r := typical()
	b.SetBytes(int64(len(audit.CanonicalJSON(r))))
	b.ReportAllocs()
	for b.Loop() {
		if r.Digest() == "" {
			b.Fatal("no digest")
		}
	}
}

func BenchmarkAppendCanonical(b *testing.B) {
	r := typical()
	var buf []byte
	b.ReportAllocs()
	for b.Loop() {
		buf = audit.AppendCanonical(buf[:0], &r)
	}
}

func BenchmarkAppendCanonicalJSON(b *testing.B) {
	// As jsonb prints it: the shortest keys first.
	text := []byte(`{"app": "support", "image": "registry.example/shop/app:1.33.7", "alertID": "985468", "previous": "registry.example/shop/app:1.56.7", "container": "app"}`)
	var buf []byte
	b.ReportAllocs()
	for b.Loop() {
		var err error
		if buf, err = audit.AppendCanonicalJSON(buf[:0], text); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkUnmarshalRecords(b *testing.B) {
	r := typical()
	text := append(audit.AppendCanonical([]byte("["), &r), ']')
	b.SetBytes(int64(len(text)))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := audit.UnmarshalRecords(text); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkNormalise(b *testing.B) {
	r := typical().Normalise()
	b.ReportAllocs()
	for b.Loop() {
		r = r.Normalise()
	}
}
