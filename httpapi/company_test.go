package httpapi_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/auditflow/auditflow/httpapi"
	"github.com/auditflow/auditflow/workflows"
)

func inCompany(c *httpapi.Config, _ *httpapi.Server) {
	c.Batch = workflows.BatchConfig{Size: 10, Wait: time.Minute}
}

// ids are the workflows that a batch became.
func ids(answer httpapi.BatchAnswer) map[string]int {
	all := map[string]int{}
	for _, r := range answer.Results {
		if r.Accepted != nil {
			all[r.WorkflowID]++
		}
	}
	return all
}

func TestABatchBecomesAsFewWorkflowsAsItCan(t *testing.T) {
	t.Parallel()
	d := open(t, inCompany)
	text := "[" + strings.Join(append(named(t, 25), body(t, "step_index", "-1")), ",") + "]"
	a, answer := d.batch(text)
	a.want(t, http.StatusOK)
	if first := ids(answer); len(first) != 3 || answer.Accepted != 25 || answer.Refused != 1 {
		t.Errorf("%d accepted in workflows %v, want 25 in 3", answer.Accepted, first)
	}
	_, again := d.batch(text)
	for id, n := range ids(again) {
		if ids(answer)[id] != n || !workflows.IsBatch(id) {
			t.Errorf("sent again, %d records are in %s", n, id)
		}
	}
	rows, arrived := 0, make([]string, 25)
	for i, r := range answer.Results[:25] {
		arrived[i] = r.ID
	}
	for deadline := time.Now().Add(time.Minute); rows < 25; time.Sleep(20 * time.Millisecond) {
		if err := db.QueryRow(t.Context(), `SELECT count(*) FROM kubernetes_execution_audit WHERE id = ANY ($1::uuid[])`, arrived).Scan(&rows); err != nil {
			t.Fatal(err)
		}
		if time.Now().After(deadline) {
			t.Fatalf("%d rows after a minute, want 25", rows)
		}
	}
}

func TestWithAKeyEachRecordOfABatchIsAWorkflowOfItsOwn(t *testing.T) {
	t.Parallel()
	_, answer := open(t, inCompany).batch("["+strings.Join(named(t, 5), ",")+"]", "Idempotency-Key", t.Name())
	if n := len(ids(answer)); n != 5 {
		t.Errorf("%d workflows, want 5", n)
	}
}

func TestALoneRecordIsAnsweredAsWithoutBatches(t *testing.T) {
	t.Parallel()
	d, name := open(t, inCompany), string(quoted(t.Name()))
	first := d.post(body(t, "execution_id", name))
	first.want(t, http.StatusCreated)
	if workflows.IsBatch(first.WorkflowID) {
		t.Errorf("it is %s", first.WorkflowID)
	}
	d.post(body(t, "execution_id", name)).want(t, http.StatusCreated)
	d.post(body(t, "execution_id", name, "success", "false")).want(t, http.StatusConflict)
}
