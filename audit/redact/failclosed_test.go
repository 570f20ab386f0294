package redact

import (
	"encoding/json"
	"strings"
	"sync"
	"testing"

	"github.com/auditflow/auditflow/audit"
)

// broken is a redactor whose rules panic with the text in hand.
func broken() *Redactor {
	r := &Redactor{rules: []rule{{name: "broken", keywords: []string{"boom"}}}} // no pattern
	r.keywords = keywords(r.rules)
	texts := make([]string, len(r.keywords))
	for i, w := range r.keywords {
		texts[i] = w.text
	}
	r.gate = newGate(texts)
	return r
}

func TestWhatCannotBeProcessedIsMaskedWhole(t *testing.T) {
	t.Parallel()
	r := broken()
	if got, findings := r.Text("boom hunter2"); got != mask(ruleUnprocessable) || len(findings) != 1 {
		t.Errorf("text %q, findings %v", got, findings)
	}
	rec := audit.Record{ID: "id", Output: "boom hunter2", Error: "fine", ActionParameters: json.RawMessage(`{"a":"boom hunter2"}`)}
	got := r.Record(rec)
	if got.Output != mask(ruleUnprocessable) || string(got.ActionParameters) != `"`+mask(ruleUnprocessable)+`"` || got.Error != "fine" {
		t.Errorf("got %+v", got)
	}
	if len(got.Redactions) != 2 || got.Redactions[0].Rule != ruleUnprocessable {
		t.Errorf("redactions %+v", got.Redactions)
	}
}

func TestConcurrentUse(t *testing.T) {
	t.Parallel()
	r := New()
	want, _ := r.Text(repeatedLines)
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for range 20 {
				if got, _ := r.Text(repeatedLines); got != want {
					t.Errorf("got %q", got)
				}
			}
		})
	}
	wg.Wait()
}

var repeatedLines = strings.Repeat("Authorization: Bearer abc123def456ghi 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\n", 20)

func TestNamesSayWhatTheirValuesAre(t *testing.T) {
	t.Parallel()
	tests := []struct {
		names string
		want  kind
	}{
		{"password DB_PASSWORD dbPassword user-passwd PGPASSWORD CLIENTSECRET clientSecret client_secret pin db_pass", password},
		{"token githubToken apiKey api-key APIKey X-API-KEY secretKey AWS_SECRET_ACCESS_KEY privateKey connectionString auth secret_id dsn", token},
		{"secret secrets credentials creds", secret},
		{"fooKey STREAM_KEY", someKey},
		{"secretName secretKeyRef tokenTTL token_type passwordPolicy password_file imagePullSecrets automountServiceAccountToken publicKey public_key sort_key authMethod bypass spinner compass pinned keyboard monkey passed author access_key_id", plain},
	}
	for _, tc := range tests {
		for name := range strings.FieldsSeq(tc.names) {
			if got, _ := classify(name); got != tc.want {
				t.Errorf("%s: kind %d, want %d", name, got, tc.want)
			}
		}
	}
}
