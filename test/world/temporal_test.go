package world

import (
	"net/http"
	"testing"
	"time"

	"go.temporal.io/api/enums/v1"
	"go.temporal.io/sdk/client"
)

func TestTemporalKeepsAWorkflowOverARestart(t *testing.T) {
	server := shared.Temporal // not parallel: others see the server away
	c, err := client.Dial(client.Options{HostPort: server.Address})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	run, err := c.ExecuteWorkflow(t.Context(),
		client.StartWorkflowOptions{ID: "survivor", TaskQueue: "nobody-listens"}, "AnyWorkflow")
	if err != nil {
		t.Fatal(err)
	}

	began := time.Now()
	if err := server.Stop(t.Context()); err != nil {
		t.Fatal(err)
	}
	stopped := time.Now()
	if err := server.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	t.Logf("stop %.1f s, start %.1f s", stopped.Sub(began).Seconds(), time.Since(stopped).Seconds())

	description, err := c.DescribeWorkflowExecution(t.Context(), "survivor", run.GetRunID())
	if err != nil {
		t.Fatal(err)
	}
	if got := description.GetWorkflowExecutionInfo().GetStatus(); got != enums.WORKFLOW_EXECUTION_STATUS_RUNNING {
		t.Errorf("status after the restart: %s, want running", got)
	}
}

func TestTemporalServesItsUI(t *testing.T) {
	eventually(t, "the UI answers", func() (bool, error) {
		response, err := http.Get(shared.Temporal.UIURL)
		if err != nil {
			return false, err
		}
		defer response.Body.Close()
		return response.StatusCode == http.StatusOK, nil
	})
}
