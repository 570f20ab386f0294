package workflows

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/auditflow/auditflow/audit"
	"github.com/auditflow/auditflow/audit/redact"
)

func labelled(n int, change func(i int, r *audit.Record)) (labels, string) {
	records := make([]audit.Record, n)
	for i := range records {
		records[i] = some(i)
		change(i, &records[i])
	}
	return (&Starter{Redactor: redact.New()}).labels(records)
}

func TestABatchSaysInClearWhatItsRecordsHaveInCommon(t *testing.T) {
	t.Parallel()
	all, _ := labelled(3, func(i int, r *audit.Record) {
		r.TargetNamespace, r.Success = "shop", true
		r.ActionType = []string{"restart", "scale", "scale"}[i]
	})
	set := all.attributes()
	if v, ok := set.GetKeyword(AttributeNamespace); !ok || v != "shop" {
		t.Errorf("namespace %q", v)
	}
	if _, ok := set.GetKeyword(AttributeAction); ok {
		t.Error("they do not agree on an action")
	}
	if v, ok := set.GetBool(AttributeSuccess); !ok || !v {
		t.Error("all succeeded")
	}
	first, _ := set.GetTime(AttributeCreated)
	last, _ := set.GetTime(AttributeCreatedLast)
	if !first.Equal(some(0).CreatedAt) || !last.Equal(some(2).CreatedAt) {
		t.Errorf("created from %s to %s", first, last)
	}
	if ids, _ := set.GetKeywordList(AttributeRecords); len(ids) != 3 || ids[1] != some(1).ID[:8] {
		t.Errorf("records %q", ids)
	}
	if got := all.summary(); got != "3 records: scale 2, restart 1" {
		t.Errorf("summary %q", got)
	}
	mixed, _ := labelled(2, func(i int, r *audit.Record) { r.Success = i == 0 })
	if _, ok := mixed.attributes().GetBool(AttributeSuccess); ok {
		t.Error("one succeeded, the other did not")
	}
}

func TestTheLargestBatchFitsIntoWhatTemporalTakes(t *testing.T) {
	t.Parallel()
	const secret = "ghp_1234567890abcdefghijABCDEFGHIJ123456"
	all, _ := labelled(MaxBatchRecords, func(i int, r *audit.Record) {
		r.ActionType = fmt.Sprint("action-", i, strings.Repeat("x", 80))
		r.ExecutionID, r.ExecutionNamespace = secret, strings.Repeat("ä", 120)
		r.CreatedAt = time.Date(2026, 1, 1, 0, 0, i, 0, time.UTC)
	})
	details := all.details()
	if len(all.summary()) > maxSummary || len(details) > maxBatchDetails+100 || strings.Contains(details, secret) {
		t.Errorf("summary %d bytes, details %d bytes; or a secret in them", len(all.summary()), len(details))
	}
	lines := strings.Split(strings.TrimSpace(details), "\n")
	var more int
	if _, err := fmt.Sscanf(lines[len(lines)-1], "- and %d more", &more); err != nil || len(lines)-1+more != MaxBatchRecords {
		t.Errorf("%d lines, the last one %q", len(lines), lines[len(lines)-1])
	}
	ids, _ := all.attributes().GetKeywordList(AttributeRecords)
	if size := len(fmt.Sprintf("%q", ids)); size > 2048 || len(ids) != MaxBatchRecords {
		t.Errorf("%d ids take %d bytes", len(ids), size)
	}
}

// Who knew a digest of the whole could try what a short secret is.
func TestTheNameOfABatchTellsNothingOfItsSecrets(t *testing.T) {
	t.Parallel()
	digest := func(password, output string) string {
		_, digest := labelled(2, func(_ int, r *audit.Record) {
			r.ActionParameters, r.Output = []byte(`{"password":"`+password+`"}`), output
		})
		return digest
	}
	if digest("kolibri-7-mango", "done") != digest("tapir-9-papaya", "done") {
		t.Error("another password makes another name")
	}
	if digest("kolibri-7-mango", "done") == digest("kolibri-7-mango", "failed") {
		t.Error("other records have the same name")
	}
}
