package httpapi_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"testing"
	"time"
)

// kubernetesExecutionAudit and auditStorageClient are what the seed prints
// (sections 3 and 5): a client that knows nothing of ours.
type kubernetesExecutionAudit struct {
	ID                 string          `json:"id"`
	ExecutionID        string          `json:"execution_id"`
	WorkflowRef        string          `json:"workflow_ref"`
	StepIndex          int             `json:"step_index"`
	ActionType         string          `json:"action_type"`
	ActionParameters   json.RawMessage `json:"action_parameters"`
	TargetNamespace    string          `json:"target_namespace"`
	TargetResourceKind string          `json:"target_resource_kind"`
	TargetResourceName string          `json:"target_resource_name"`
	Success            bool            `json:"success"`
	Output             string          `json:"output"`
	Error              string          `json:"error,omitempty"`
	StartTime          time.Time       `json:"start_time"`
	EndTime            time.Time       `json:"end_time"`
	Duration           time.Duration   `json:"duration"`
	JobName            string          `json:"job_name"`
	JobPodName         string          `json:"job_pod_name"`
	JobExitCode        int             `json:"job_exit_code"`
	JobResourceUsage   *struct {
		CPUMillicores int64 `json:"cpu_millicores"`
		MemoryBytes   int64 `json:"memory_bytes"`
	} `json:"job_resource_usage"`
	RetryCount  int       `json:"retry_count"`
	MaxRetries  int       `json:"max_retries"`
	CreatedAt   time.Time `json:"created_at"`
	CompletedAt time.Time `json:"completed_at"`
	Phase       string    `json:"phase"`
}

type auditStorageClient struct {
	storageServiceURL string
	httpClient        *http.Client
}

func (c *auditStorageClient) StoreKubernetesExecutionAudit(ctx context.Context, audit *kubernetesExecutionAudit) error {
	url := fmt.Sprintf("%s/api/v1/audit/kubernetes-execution", c.storageServiceURL)
	body, err := json.Marshal(audit)
	if err != nil {
		return fmt.Errorf("failed to marshal audit: %w", err)
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, url, bytes.NewBuffer(body))
	if err != nil {
		return err
	}
	req.Header.Set("Content-Type", "application/json")
	resp, err := c.httpClient.Do(req)
	if err != nil {
		return fmt.Errorf("failed to store audit: %w", err)
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusCreated {
		return fmt.Errorf("audit storage failed with status: %d", resp.StatusCode)
	}
	return nil
}

// The integration test of the seed (section 9), but for the wait: the row is
// committed soon, not at once.
func TestTheSeedsClientAndIntegrationTestPass(t *testing.T) {
	t.Parallel()
	client := &auditStorageClient{open(t).url, &http.Client{Timeout: 30 * time.Second}}
	err := client.StoreKubernetesExecutionAudit(t.Context(), &kubernetesExecutionAudit{
		ExecutionID: "test-exec-1", ActionType: "scale-deployment", Success: true,
	})
	if err != nil {
		t.Fatal(err)
	}
	var action string
	var unknown bool
	for deadline := time.Now().Add(30 * time.Second); action == "" && time.Now().Before(deadline); time.Sleep(20 * time.Millisecond) {
		_ = db.QueryRow(t.Context(), `SELECT action_type, duration IS NULL AND job_exit_code IS NULL AND start_time IS NULL
			FROM kubernetes_execution_audit WHERE execution_id = $1`, "test-exec-1").Scan(&action, &unknown)
	}
	if action != "scale-deployment" || !unknown {
		t.Errorf("action %q; what was not known is NULL: %t", action, unknown)
	}
}
