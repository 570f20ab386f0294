package e2e

import (
	"encoding/csv"
	"encoding/json"
	"fmt"
	"net/http"
	"reflect"
	"strings"
	"testing"

	"k8s.io/apimachinery/pkg/types"

	"github.com/auditflow/auditflow/audit"
	"github.com/auditflow/auditflow/httpapi"
	"github.com/auditflow/auditflow/test/world"
)

func TestEveryFieldThatIsPostedIsInTheRow(t *testing.T) {
	t.Parallel()
	record := posted(t, fields{
		"step_index": 3, "action_parameters": map[string]any{"replicas": 3, "image": "web:1.2", "list": []any{1.5, nil, true}},
		"target_resource_kind": "Deployment", "target_resource_name": "web", "success": false,
		"output": "line 1\nline 2 – é 👩‍💻", "error": "exit status 3",
		"start_time": "2026-11-03T04:06:00Z", "end_time": "2026-11-03T04:06:07.5Z", "completed_at": "2026-11-03T04:06:07.5Z",
		"duration": 7_500_000_000, "job_name": "web-scale", "job_pod_name": "web-scale-x7x2p", "job_exit_code": 3, "job_signal": 15,
		"job_exit_reason": "Error", "job_resource_usage": map[string]any{"cpu_millicores": 250, "memory_bytes": 67108864},
		"resource_usage_source": "metrics", "retry_count": 1, "max_retries": 2, "phase": "Cancelled", "cluster": world.Cluster,
		"execution_namespace": "remediation", "source": "Ticket",
	})
	a := client8085().post(t, "?wait=persisted", record.json()).want(http.StatusCreated)
	accepted := a.accepted()
	if accepted.Status != "persisted" || accepted.Outcome != audit.OutcomeStored || accepted.Partition != "kubernetes_execution_audit_2026_11" {
		t.Errorf("answered %s", a.text)
	}
	row := theRow(t, patience, types.UID(record.uid()))
	if row.ID != accepted.ID || row.ID != audit.ID(world.Cluster, record.uid()) || row.DeliveredBy != accepted.WorkflowID {
		t.Errorf("row %+v, answered %s", row, a.text)
	}
	var stored fields
	client8085().get(t, a.header.Get("Location")).want(http.StatusOK).read(&stored)
	var want fields
	if err := json.Unmarshal([]byte(record.json()), &want); err != nil { // numbers as JSON has them
		t.Fatal(err)
	}
	for name, value := range want {
		if !reflect.DeepEqual(stored[name], value) {
			t.Errorf("%s: posted %v, stored %v", name, value, stored[name])
		}
		delete(stored, name)
	}
	for _, ours := range []string{"id", "record_sha256", "delivered_by", "policy", "persisted_at"} {
		delete(stored, ours)
	}
	if len(stored) > 0 {
		t.Errorf("nobody posted %v", stored)
	}
}

func TestABatchAndLinesHaveTheirRowsAndAreFoundAgain(t *testing.T) {
	t.Parallel()
	for name, form := range map[string]struct{ contentType, begin, between, end string }{
		"array": {"application/json", "[", ",", "]"}, "lines": {"application/x-ndjson", "", "\n", "\n"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var texts, uids []string
			for i := range 5 {
				r := posted(t, fields{"execution_id": fmt.Sprintf("%s-%d", name, i), "step_index": i, "success": i != 2})
				if i == 3 {
					r["step_index"] = -1 // is refused; the others are not
				} else {
					uids = append(uids, r.uid())
				}
				texts = append(texts, r.json())
			}
			var done httpapi.BatchAnswer
			client8085().send(t, http.MethodPost, httpapi.PathBatch, form.begin+strings.Join(texts, form.between)+form.end,
				"Content-Type", form.contentType).want(http.StatusOK).read(&done)
			if done.Accepted != 4 || done.Refused != 1 || done.Results[3].Problem == nil {
				t.Fatalf("%+v", done)
			}
			for _, uid := range uids {
				theRow(t, patience, types.UID(uid))
			}
			var page struct {
				Items []audit.Persisted `json:"items"`
			}
			client8085().get(t, httpapi.PathRecords+"?oldest_first=true&workflow="+t.Name()).want(http.StatusOK).read(&page)
			if len(page.Items) != 4 {
				t.Fatalf("the list has %d of 4", len(page.Items))
			}
			rows, err := csv.NewReader(strings.NewReader(client8085().get(t, httpapi.PathRecords+"?success=false&workflow="+t.Name(),
				"Accept", "text/csv").want(http.StatusOK).text)).ReadAll()
			if err != nil || len(rows) != 2 {
				t.Errorf("the one that failed, as CSV: %d lines (%v)", len(rows), err)
			}
		})
	}
}

func TestReportsTellOfWhatWasPosted(t *testing.T) {
	t.Parallel()
	const action = "posted-for-the-reports"
	for i := range 3 {
		client8085().post(t, "?wait=persisted", posted(t, fields{
			"execution_id": fmt.Sprintf("%s-%d", t.Name(), i), "action_type": action, "success": i > 0, "retry_count": i,
			"start_time": "2026-11-03T04:06:00Z", "end_time": "2026-11-03T04:07:00Z", "duration": 60_000_000_000,
			"completed_at": "2026-11-03T04:07:00Z", "job_resource_usage": map[string]any{"cpu_millicores": 100, "memory_bytes": 1 << 20},
		}).json()).want(http.StatusCreated)
	}
	for report, want := range map[string]int{
		"failures?": 1, "slow?over=59s&": 3, "durations?": 1, "retries?": 1, "resources?": 1,
	} {
		var p struct {
			Items []map[string]any `json:"items"`
		}
		client8085().get(t, httpapi.PathReports+report+"from=2026-11-03&to=2026-11-04").want(http.StatusOK).read(&p)
		ours := 0
		for _, item := range p.Items {
			if item["action_type"] == action {
				ours++
			}
		}
		if ours != want {
			t.Errorf("%s has %d lines of ours, want %d: %v", report, ours, want, p.Items)
		}
	}
}

func TestAnIdempotencyKeyStandsForOneRecord(t *testing.T) {
	t.Parallel()
	// Without UID and times only the key tells that it is the same again.
	record := fields{"execution_id": t.Name(), "workflow_ref": t.Name(), "action_type": "scale-deployment", "success": true}
	first := client8085().post(t, "", record.json(), "Idempotency-Key", t.Name()).want(http.StatusCreated).accepted()
	again := client8085().post(t, "?wait=persisted", record.json(), "Idempotency-Key", t.Name()).want(http.StatusCreated).accepted()
	if again.ID != first.ID || again.WorkflowID != first.WorkflowID || again.Status != "persisted" {
		t.Errorf("first %+v, again %+v", first, again)
	}
	record["output"] = "something else"
	client8085().post(t, "", record.json(), "Idempotency-Key", t.Name()).want(http.StatusUnprocessableEntity)
	var rows int
	if err := stage.db.QueryRow(t.Context(),
		`SELECT count(*) FROM kubernetes_execution_audit WHERE workflow_ref = $1`, t.Name()).Scan(&rows); err != nil || rows != 1 {
		t.Errorf("%d rows (%v)", rows, err)
	}
}

func TestAnExecutionThatCameThroughBothDoorsIsOneRow(t *testing.T) {
	t.Parallel()
	done := execute(t, execution("through-both-doors"), world.Plan{Output: "scaled"})
	before := theRow(t, patience, done.UID)
	isMarked(t, done.Name, before.ID)
	var read fields
	client8085().get(t, httpapi.PathRecords+"/"+before.ID).want(http.StatusOK).read(&read)
	for _, ours := range []string{"record_sha256", "delivered_by", "policy", "persisted_at"} {
		delete(read, ours)
	}
	a := client8085().post(t, "?wait=persisted", read.json()).want(http.StatusCreated)
	if got := a.accepted(); got.ID != before.ID || got.WorkflowID != before.DeliveredBy {
		t.Errorf("answered %s, the row is %+v", a.text, before)
	}
	read["output"] = "something else"
	client8085().post(t, "", read.json()).want(http.StatusConflict)
	if after := theRow(t, patience, done.UID); !after.Persisted.Equal(before.Persisted) || *after.Output != "scaled" {
		t.Errorf("the row was %+v and is %+v", before, after)
	}
}
