package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"github.com/google/uuid"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	v1 "github.com/auditflow/auditflow/api/v1"
	"github.com/auditflow/auditflow/httpapi"
	"github.com/auditflow/auditflow/test/world"
)

// load has an execution and a record over HTTP every second, so that rates and
// ratios have something to say.
type load struct {
	*stage
	serial   atomic.Int64
	executed atomic.Int64
	posted   atomic.Int64
}

// carry on until ctx ends. What fails while a fault is out is only not counted.
func (l *load) carry(ctx context.Context) {
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	var wait sync.WaitGroup
	defer wait.Wait()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		n := l.serial.Add(1)
		wait.Go(func() {
			if _, err := l.executor.Execute(ctx, execution(fmt.Sprint("load-", n)), world.Plan{
				Output: "export DB_PASSWORD=hunter2-hunter2 && scaled", ExitCodes: []int{int(n % 10 / 9)},
			}); err == nil {
				l.executed.Add(1)
			}
		})
		wait.Go(func() {
			if status, err := l.post(ctx, httpapi.PathRecords, record(uuid.NewString(), "posted")); err == nil && status == http.StatusCreated {
				l.posted.Add(1)
			}
		})
	}
}

func execution(name string) *v1.KubernetesExecution {
	return &v1.KubernetesExecution{
		ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: name},
		Spec: v1.KubernetesExecutionSpec{
			WorkflowExecutionRef: corev1.ObjectReference{Name: "night"},
			Action:               v1.Action{Type: "scale-deployment", Target: v1.Target{Namespace: "shop", ResourceKind: "Deployment", ResourceName: "web"}},
		},
	}
}

// ended makes an execution that ended at a time, by the clock of whoever ran it.
func (s *stage) ended(ctx context.Context, name string, at time.Time) (*v1.KubernetesExecution, error) {
	ex := execution(name)
	if err := s.executor.Client.Create(ctx, ex); err != nil {
		return nil, fmt.Errorf("create execution %s: %w", name, err)
	}
	began := metav1.NewTime(at.Add(-time.Second))
	end := metav1.NewTime(at)
	status, err := json.Marshal(map[string]any{"status": v1.KubernetesExecutionStatus{
		Phase: v1.PhaseCompleted, Result: &v1.Result{Success: true, StartTime: &began, EndTime: &end},
	}})
	if err != nil {
		return nil, err
	}
	bare := &v1.KubernetesExecution{ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: name}}
	if err := s.executor.Client.Status().Patch(ctx, bare, client.RawPatch(types.MergePatchType, status)); err != nil {
		return nil, fmt.Errorf("end execution %s: %w", name, err)
	}
	return ex, nil
}

// record is one of an execution with this UID.
func record(uid, output string) map[string]any {
	return map[string]any{
		"execution_id": "posted-" + uid[:8], "execution_uid": uid, "workflow_ref": "night", "action_type": "restart-pod",
		"target_namespace": "shop", "success": true, "output": output, "created_at": time.Now().UTC().Truncate(time.Microsecond),
	}
}

// post sends a body to the API and returns the status of its answer.
func (s *stage) post(ctx context.Context, path string, body any) (int, error) {
	return s.postAs(ctx, s.product.Token, path, body)
}

func (s *stage) postAs(ctx context.Context, token, path string, body any) (int, error) {
	text, err := json.Marshal(body)
	if err != nil {
		return 0, err
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, s.product.API.URL+path, bytes.NewReader(text))
	if err != nil {
		return 0, err
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("Authorization", "Bearer "+token)
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return 0, err
	}
	defer res.Body.Close()
	_, err = io.Copy(io.Discard, res.Body)
	return res.StatusCode, err
}

// stored posts a record and returns when its row is committed.
func (s *stage) stored(ctx context.Context, body map[string]any) error {
	status, err := s.post(ctx, httpapi.PathRecords+"?wait=persisted", body)
	if err == nil && status != http.StatusCreated {
		err = fmt.Errorf("the API answers %d", status)
	}
	if err != nil {
		return fmt.Errorf("post a record and wait for its row: %w", err)
	}
	return nil
}
