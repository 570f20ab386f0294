package activities_test

import (
	"strings"
	"testing"

	"github.com/auditflow/auditflow/audit"
	"github.com/auditflow/auditflow/audit/seal"
)

func TestARecordThatDidNotBecomeARowIsLoggedByItsIDAndNoOther(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	first, other, bad := observed("one"), observed("one"), observed("bad")
	other.Output, bad.ExecutionID = "other content "+canary, tooLong
	redacted := b.redact(t, b.seal(t, seal.Observed, first, observed("two")))
	b.persist(t, redacted)
	b.persist(t, redacted) // duplicates are what retries make
	if b.warned.Len() > 0 {
		t.Errorf("stored rows and their duplicates were logged: %s", b.warned)
	}

	b.persist(t, b.redact(t, b.seal(t, seal.Observed, other, bad)))
	lines := strings.Split(strings.TrimSpace(b.warned.String()), "\n")
	if len(lines) != 2 || !strings.Contains(lines[0], "other content; the first stays") || !strings.Contains(lines[0], audit.ID("prod", "one")) ||
		!strings.Contains(lines[1], "in quarantine") || !strings.Contains(lines[1], audit.ID("prod", "bad")) {
		t.Errorf("logged:\n%s", b.warned)
	}
	if strings.Contains(b.warned.String(), canary) || strings.Contains(b.warned.String(), tooLong) {
		t.Errorf("content was logged:\n%s", b.warned)
	}
}
