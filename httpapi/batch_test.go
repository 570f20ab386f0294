package httpapi_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/auditflow/auditflow/httpapi"
)

func (d *door) batch(body string, header ...string) (reply, httpapi.BatchAnswer) {
	d.t.Helper()
	a := d.send(http.MethodPost, httpapi.PathBatch, body, header...)
	var answer httpapi.BatchAnswer
	if a.StatusCode == http.StatusOK {
		if err := json.Unmarshal([]byte(a.text), &answer); err != nil {
			d.t.Fatal(err)
		}
	}
	return a, answer
}

// named are n good records.
func named(t *testing.T, n int) (records []string) {
	t.Helper()
	for i := range n {
		records = append(records, body(t, "execution_id", string(quoted(fmt.Sprintf("%s-%d", t.Name(), i)))))
	}
	return records
}

func TestEachRecordOfABatchIsAnsweredAsItWouldBeAlone(t *testing.T) {
	t.Parallel()
	d := open(t)
	good := named(t, 3)
	faulty := body(t, "step_index", "-1")
	for name, tc := range map[string]struct {
		body    string
		header  []string
		refusal int
	}{
		"an array": {"[" + strings.Join([]string{good[0], faulty, good[1], good[2]}, ",") + "]", nil, 422},
		"lines":    {strings.Join([]string{good[0], "{half", "\r\n", good[1], good[2]}, "\n"), []string{"Content-Type", "application/x-ndjson"}, 400},
	} {
		a, answer := d.batch(tc.body, tc.header...)
		a.want(t, http.StatusOK)
		if answer.Accepted != 3 || answer.Refused != 1 || len(answer.Results) != 4 {
			t.Fatalf("%s: %s", name, a.text)
		}
		for i, r := range answer.Results {
			want := http.StatusCreated
			if i == 1 {
				want = tc.refusal
			}
			if r.Index != i || r.Status != want || (r.Problem == nil) != (r.Accepted != nil) {
				t.Errorf("%s: record %d: %+v", name, i, r)
			}
		}
		alone := d.post(good[0]).want(t, http.StatusCreated)
		if alone.ID != answer.Results[0].ID || alone.WorkflowID != answer.Results[0].WorkflowID {
			t.Errorf("%s: alone %s, in a batch %+v", name, alone.text, answer.Results[0].Accepted)
		}
	}
}

func TestABatchWithAFaultOfItsOwnStartsNothing(t *testing.T) {
	t.Parallel()
	d := open(t, limits(func(l *httpapi.Limits) { l.BatchRecords, l.RecordBytes, l.BatchBytes = 2, 1000, 5000 }))
	records := named(t, 3)
	for name, tc := range map[string]struct {
		body, contentType string
		status            int
	}{
		"too many":        {"[" + strings.Join(records, ",") + "]", "application/json", 413},
		"too many lines":  {strings.Join(records, "\n"), "application/x-ndjson", 413},
		"too large":       {"[" + strings.Repeat(" ", 5000) + "]", "application/json", 413},
		"not closed":      {"[" + records[0] + ",", "application/json", 400},
		"no array":        {records[0], "application/json", 400},
		"of another kind": {"[]", "text/csv", 415},
	} {
		if a, _ := d.batch(tc.body, "Content-Type", tc.contentType); a.StatusCode != tc.status || a.problem.Type == "" {
			t.Errorf("%s: status %d, want %d: %s", name, a.StatusCode, tc.status, a.text)
		}
	}
	d.send(http.MethodPost, httpapi.PathBatch+"?wait=persisted", "[]").want(t, http.StatusBadRequest)
	if metrics := d.send(http.MethodGet, "/metrics", "").text; !strings.Contains(metrics, `auditflow_http_records_total{outcome="started"} 0`) {
		t.Error("something was started")
	}
	a, answer := d.batch("[" + records[0] + "," + body(t, "output", string(quoted(strings.Repeat("x", 1000)))) + "]")
	if a.want(t, http.StatusOK); answer.Results[0].Status != 201 || answer.Results[1].Status != 413 {
		t.Error(a.text)
	}
	if a, answer := d.batch("[]"); a.StatusCode != http.StatusOK || answer.Results == nil || len(answer.Results) != 0 {
		t.Error(a.text)
	}
}

func TestAnIdempotencyKeyOfABatchIsForEachOfItsRecords(t *testing.T) {
	t.Parallel()
	d := open(t)
	records := named(t, 2)
	_, first := d.batch("["+strings.Join(records, ",")+"]", "Idempotency-Key", t.Name())
	_, again := d.batch("["+records[0]+","+body(t)+"]", "Idempotency-Key", t.Name())
	if first.Accepted != 2 || again.Accepted != 1 || again.Results[1].Status != http.StatusUnprocessableEntity ||
		first.Results[0].WorkflowID != again.Results[0].WorkflowID || first.Results[0].WorkflowID == first.Results[1].WorkflowID {
		t.Errorf("first %+v, then %+v", first, again)
	}
}
