package redact_test

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/auditflow/auditflow/audit"
	"github.com/auditflow/auditflow/audit/redact"
)

// A record as most are, 2 KiB: short names, a few parameters, and some lines of output.
func BenchmarkRecord(b *testing.B) {
	r := redact.New()
	record := audit.Record{
		ID: audit.ID("prod", "1"), ExecutionID: "scale-web-7f6d", WorkflowRef: "alert-1", ActionType: "scale-deployment",
		ActionParameters: json.RawMessage(`{"replicas": 3, "image": "registry.example.com/shop/web:1.2.3", "reason": "cpu above 80 %"}`),
		TargetNamespace:  "prod-shop", TargetResourceKind: "Deployment", TargetResourceName: "web", Output: logText(1700),
		Cluster: "prod", ExecutionUID: "1", Source: "KubernetesExecution", CreatedAt: time.Unix(1_800_000_000, 0),
	}
	b.SetBytes(2 << 10)
	b.ReportAllocs()
	for b.Loop() {
		r.Record(record)
	}
}
