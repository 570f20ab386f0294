package httpapi_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"go.temporal.io/api/enums/v1"
	"google.golang.org/protobuf/encoding/protojson"

	"github.com/auditflow/auditflow/audit"
	"github.com/auditflow/auditflow/httpapi"
	"github.com/auditflow/auditflow/workflows"
)

func TestARecordIsCreatedOnceTemporalHasIt(t *testing.T) {
	t.Parallel()
	a := open(t).post(body(t)).want(t, http.StatusCreated)
	if a.Accepted.Status != "started" || a.WorkflowID != "audit/KubernetesExecution/"+a.ID || a.Header.Get("Location") != httpapi.PathRecords+"/"+a.ID {
		t.Errorf("answered %s with Location %s", a.text, a.Header.Get("Location"))
	}
	if _, err := temporal.DescribeWorkflowExecution(t.Context(), a.WorkflowID, ""); err != nil {
		t.Error(err)
	}
}

func TestWhoWaitsIsAnsweredOnceTheRowIsCommitted(t *testing.T) {
	t.Parallel()
	d := open(t)
	a := d.send(http.MethodPost, httpapi.PathRecords+"?wait=persisted", body(t, "action_parameters", `{"replicas":3,"password":"hunter2-canary"}`)).want(t, http.StatusCreated)
	row, err := store.Get(t.Context(), a.ID)
	if err != nil {
		t.Fatal(err)
	}
	if a.Accepted.Status != "persisted" || a.Outcome != audit.OutcomeStored || a.Partition != "kubernetes_execution_audit_2026_02" {
		t.Errorf("answered %s", a.text)
	}
	if row.ExecutionID != t.Name() || row.Cluster != "prod" || row.Source != "KubernetesExecution" || row.Phase != "Completed" || row.DeliveredBy != a.WorkflowID {
		t.Errorf("stored %+v", row)
	}
	if strings.Contains(string(row.ActionParameters), "canary") || len(row.Redactions) != 1 {
		t.Errorf("parameters %s, redactions %v", row.ActionParameters, row.Redactions)
	}
}

func TestNothingOfABodyLiesInClearInTemporal(t *testing.T) {
	t.Parallel()
	a := open(t).send(http.MethodPost, httpapi.PathRecords+"?wait=persisted", body(t, "output", `"token=hunter2-canary"`,
		"target_resource_name", `"db-password=hunter2-canary"`)).want(t, http.StatusCreated)
	n := 0
	for history := temporal.GetWorkflowHistory(t.Context(), a.WorkflowID, "", false, enums.HISTORY_EVENT_FILTER_TYPE_ALL_EVENT); history.HasNext(); n++ {
		event, err := history.Next()
		if err != nil {
			t.Fatal(err)
		}
		if text := protojson.Format(event); strings.Contains(text, "canary") {
			t.Errorf("found in %s", text)
		}
	}
	if n == 0 {
		t.Error("no history")
	}
}

func TestTheWaitIsBounded(t *testing.T) {
	t.Parallel()
	d := open(t, limits(func(l *httpapi.Limits) { l.WaitTimeout = time.Nanosecond }))
	a := d.send(http.MethodPost, httpapi.PathRecords+"?wait=persisted", body(t)).want(t, http.StatusAccepted)
	if a.Accepted.Status != "started" || a.Header.Get("Location") == "" {
		t.Errorf("answered %s", a.text)
	}
	d.send(http.MethodPost, httpapi.PathRecords+"?wait=for-ever", body(t)).want(t, http.StatusBadRequest)
}

func TestTheSameRecordAgainIsTheSameDelivery(t *testing.T) {
	t.Parallel()
	d := open(t)
	first := d.post(body(t)).want(t, http.StatusCreated)
	again := d.send(http.MethodPost, httpapi.PathRecords+"?wait=persisted", body(t)).want(t, http.StatusCreated)
	if again.ID != first.ID || again.WorkflowID != first.WorkflowID {
		t.Errorf("first %s, then %s", first.text, again.text)
	}
	d.post(body(t)).want(t, http.StatusCreated) // also when it is over
	var rows int
	if err := db.QueryRow(t.Context(), "SELECT count(*) FROM kubernetes_execution_audit WHERE execution_id = $1", t.Name()).Scan(&rows); err != nil || rows != 1 {
		t.Errorf("%d rows, %v", rows, err)
	}
}

func TestAnotherRecordOfTheSameExecutionIsAConflict(t *testing.T) {
	t.Parallel()
	d := open(t)
	d.send(http.MethodPost, httpapi.PathRecords+"?wait=persisted", body(t)).want(t, http.StatusCreated)
	a := d.post(body(t, "success", "false")).want(t, http.StatusConflict)
	if a.problem.Type != "urn:auditflow:problem:conflict" {
		t.Error(a.text)
	}
	d.post(body(t, "created_at", `"2026-02-03T04:05:07Z"`)).want(t, http.StatusCreated) // names are reused
}

func TestAConflictWithARowThatTemporalForgotIsToldToWhoWaits(t *testing.T) {
	t.Parallel()
	d := open(t)
	d.send(http.MethodPost, httpapi.PathRecords+"?wait=persisted", body(t)).want(t, http.StatusCreated)
	// Another workflow id stands for one that the namespace has forgotten.
	d.send(http.MethodPost, httpapi.PathRecords+"?wait=persisted", body(t, "success", "false"), "Idempotency-Key", t.Name()).want(t, http.StatusConflict)
}

func TestAnIdempotencyKeyIsForOneRecord(t *testing.T) {
	t.Parallel()
	d := open(t)
	first := d.post(body(t), "Idempotency-Key", t.Name()).want(t, http.StatusCreated)
	again := d.post(body(t), "Idempotency-Key", t.Name()).want(t, http.StatusCreated)
	if first.WorkflowID != again.WorkflowID || strings.Contains(first.WorkflowID, t.Name()) {
		t.Errorf("first %s, then %s", first.text, again.text)
	}
	other := d.post(body(t, "execution_id", `"other"`, "source", `"Job"`), "Idempotency-Key", t.Name()).want(t, http.StatusUnprocessableEntity)
	if other.problem.Type != "urn:auditflow:problem:idempotency-key" {
		t.Error(other.text)
	}
	d.post(body(t), "Idempotency-Key", strings.Repeat("k", 256)).want(t, http.StatusBadRequest)
}

func TestBothDoorsMeetInOneDelivery(t *testing.T) {
	t.Parallel()
	const uid = "0b0e2b1e-6b7a-4a52-9d53-3c1f0c6f5a11"
	a := open(t).post(body(t, "execution_uid", `"`+uid+`"`)).want(t, http.StatusCreated)
	if a.ID != audit.ID("prod", uid) || a.WorkflowID != workflows.DeliveryID("KubernetesExecution", uid) {
		t.Error(a.text)
	}
}

func TestARecordThatTellsNoTimeIsFiledByItsReceiptAndStillComesOnce(t *testing.T) {
	t.Parallel()
	d := open(t)
	timeless := body(t, "created_at", `"0001-01-01T00:00:00Z"`, "start_time", "null")
	first := d.post(timeless).want(t, http.StatusCreated)
	time.Sleep(2 * time.Microsecond) // another time of receipt
	again := d.send(http.MethodPost, httpapi.PathRecords+"?wait=persisted", timeless).want(t, http.StatusCreated)
	row, err := store.Get(t.Context(), first.ID)
	if err != nil || again.ID != first.ID {
		t.Fatalf("%v: first %s, then %s", err, first.text, again.text)
	}
	if time.Since(row.CreatedAt) > time.Minute || len(row.Notes) != 1 || row.Notes[0].Change != httpapi.ChangeReceived {
		t.Errorf("created at %s, notes %v", row.CreatedAt, row.Notes)
	}
}
