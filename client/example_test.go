package client_test

import (
	"context"
	"encoding/json"
	"fmt"
	"log"
	"time"

	temporal "go.temporal.io/sdk/client"
	batchv1 "k8s.io/api/batch/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	ctrl "sigs.k8s.io/controller-runtime"
	kube "sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/auditflow/auditflow/audit"
	"github.com/auditflow/auditflow/client"
	"github.com/auditflow/auditflow/client/clienttest"
)

// A service delivers a record of what it has done. It needs Temporal and the
// workers' keyset, and neither a database nor Kubernetes.
func Example() {
	connection, err := temporal.NewLazyClient(temporal.Options{HostPort: "temporal-frontend:7233"})
	if err != nil {
		log.Fatal(err)
	}
	row, err := deliverOne(context.Background(), connection)
	if err != nil {
		log.Fatal(err) // or try again: see Retriable
	}
	log.Print(row.Outcome, " in ", row.Partition)
}

func deliverOne(ctx context.Context, connection temporal.Client) (audit.Receipt, error) {
	audits, err := client.New(client.Config{Temporal: connection, KeysetFile: "/etc/auditflow/keyset.json", Cluster: "prod-eu-1"})
	if err != nil {
		return audit.Receipt{}, err
	}
	defer audits.Close() // a service keeps it for as long as it lives
	delivery, err := audits.Deliver(ctx, rotated())
	if err != nil {
		return audit.Receipt{}, err
	}
	return delivery.Wait(ctx)
}

// rotated is the record of a rotation of credentials.
func rotated() audit.Record {
	began := time.Date(2026, 2, 3, 4, 5, 6, 0, time.UTC)
	return audit.Record{
		Source:           "Rotation", // what kind of thing was executed
		ExecutionUID:     "0d5c6e6b-2f2e-4c86-9d1c-4f2b6e6a7c11",
		ExecutionID:      "rotate-billing-db",
		ActionType:       "rotate-credentials",
		ActionParameters: json.RawMessage(`{"user":"billing","password":"correct-horse-battery"}`),
		TargetNamespace:  "billing",
		Success:          true,
		CreatedAt:        began,
		StartTime:        began,
		EndTime:          began.Add(1500 * time.Millisecond),
	}
}

// BackupReconciler takes backups with Jobs, and has each one recorded.
type BackupReconciler struct {
	kube.Client
	Audit client.Deliverer // *client.Client; in tests *clienttest.Client
}

const recordedAnnotation = "backups.example.com/recorded"

// Reconcile looks at the whole state each time, so it may deliver a second time
// what it has delivered already: that is the same delivery. It waits for nobody:
// a sink that is slow or away costs one more look.
func (r *BackupReconciler) Reconcile(ctx context.Context, req ctrl.Request) (ctrl.Result, error) {
	var job batchv1.Job
	if err := r.Get(ctx, req.NamespacedName, &job); err != nil {
		return ctrl.Result{}, kube.IgnoreNotFound(err)
	}
	if job.Status.CompletionTime == nil || job.Annotations[recordedAnnotation] != "" {
		return ctrl.Result{}, nil
	}
	row, err := r.record(ctx, &job)
	switch {
	case client.Retriable(err):
		return ctrl.Result{RequeueAfter: 5 * time.Second}, nil
	case err != nil:
		return ctrl.Result{}, err // the record has a fault: for people
	}
	mark := fmt.Appendf(nil, `{"metadata":{"annotations":{%q:%q}}}`, recordedAnnotation, row.ID)
	return ctrl.Result{}, r.Patch(ctx, &job, kube.RawPatch(types.MergePatchType, mark))
}

func (r *BackupReconciler) record(ctx context.Context, job *batchv1.Job) (audit.Receipt, error) {
	ctx, cancel := context.WithTimeout(ctx, 250*time.Millisecond)
	defer cancel()
	delivery, err := r.Audit.Deliver(ctx, backup(job))
	if err != nil {
		return audit.Receipt{}, err
	}
	return delivery.Wait(ctx)
}

// backup takes everything from the object, nothing from a clock: told again, it
// is the same record.
func backup(job *batchv1.Job) audit.Record {
	r := client.NewRecord("Backup", job)
	r.ActionType = "backup"
	r.TargetNamespace, r.TargetResourceKind, r.TargetResourceName = job.Namespace, "PersistentVolumeClaim", job.Labels["backup-of"]
	r.Success = job.Status.Succeeded > 0
	r.StartTime, r.EndTime = job.Status.StartTime.Time, job.Status.CompletionTime.Time
	return r
}

// A controller delivers while it reconciles, and is never held up.
func Example_reconciler() {
	began := metav1.NewTime(time.Date(2026, 2, 3, 4, 5, 6, 0, time.UTC))
	ended := metav1.NewTime(began.Add(time.Minute))
	job := &batchv1.Job{
		ObjectMeta: metav1.ObjectMeta{
			Namespace: "shop", Name: "backup-7", UID: "7c0f4b52-5f63-4f0a-9f0e-0f0f3f8c6a01",
			CreationTimestamp: began, Labels: map[string]string{"backup-of": "orders"},
		},
		Status: batchv1.JobStatus{Succeeded: 1, StartTime: &began, CompletionTime: &ended},
	}
	audits := &clienttest.Client{Cluster: "prod-eu-1"}
	r := &BackupReconciler{Audit: audits}

	end := audits.Backlog() // PostgreSQL is away
	_, err := r.record(context.Background(), job)
	fmt.Println("to be tried again:", client.Retriable(err))
	end()
	row, err := r.record(context.Background(), job)
	fmt.Println(row.Outcome, row.Partition, err)
	stored, _ := audits.Find(string(job.UID))
	fmt.Println(stored.ID == row.ID, stored.ExecutionID, stored.Phase, stored.Duration)
	// Output:
	// to be tried again: true
	// duplicate kubernetes_execution_audit_2026_02 <nil>
	// true backup-7 Completed 1m0s
}

// A unit test sees the record as it would be stored.
func Example_unitTest() {
	var audits clienttest.Client
	if _, err := audits.Deliver(context.Background(), rotated()); err != nil {
		fmt.Println(err)
		return
	}
	stored, _ := audits.Find("0d5c6e6b-2f2e-4c86-9d1c-4f2b6e6a7c11")
	fmt.Println(string(stored.ActionParameters))
	fmt.Println(stored.Redactions)

	broken := rotated()
	broken.ExecutionUID, broken.ActionType = "4711", ""
	_, err := audits.Deliver(context.Background(), broken)
	fmt.Println(err)
	fmt.Println("to be tried again:", client.Retriable(err))
	// Output:
	// {"password":"[REDACTED:password]","user":"billing"}
	// [{password action_parameters.password 1}]
	// record is not valid:
	// execution_uid: must be a UUID in lower case
	// action_type: is required
	// to be tried again: false
}
