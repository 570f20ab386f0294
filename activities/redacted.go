package activities

import (
	"github.com/auditflow/auditflow/audit"
	"github.com/auditflow/auditflow/audit/redact"
)

// Redacted is what is stored of an observed record that this workflow delivers:
// normalised, masked, digested. It is pure.
func Redacted(redactor *redact.Redactor, r audit.Record, workflowID string) audit.Record {
	r.Policy = redactor.Version() // first, so that nothing a door wrote there is noted
	r = redactor.Normalised(r)
	r.RecordSHA256 = r.Digest()
	r.DeliveredBy = workflowID
	return r
}
