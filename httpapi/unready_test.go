package httpapi_test

import (
	"net/http"
	"testing"
	"time"

	"go.temporal.io/api/operatorservice/v1"
	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/sdk/client"
	sdklog "go.temporal.io/sdk/log"
	"google.golang.org/protobuf/types/known/durationpb"

	"github.com/auditflow/auditflow/httpapi"
	"github.com/auditflow/auditflow/internal/temporalclient"
	"github.com/auditflow/auditflow/workflows"
)

// Temporal calls it invalid, as it does what is too large: search attributes that were
// registered a moment ago some of its hosts do not know yet. Who was told that his good
// record is too large would not send it again.
func TestARecordThatTemporalCannotTakeYetIsToBeSentAgain(t *testing.T) {
	t.Parallel()
	const namespace = "unprepared"
	options := client.Options{HostPort: servers.Temporal.Address, Namespace: namespace, Logger: sdklog.NewStructuredLogger(quiet)}
	namespaces, err := client.NewNamespaceClient(options)
	if err != nil {
		t.Fatal(err)
	}
	defer namespaces.Close()
	if err := namespaces.Register(t.Context(), &workflowservice.RegisterNamespaceRequest{
		Namespace: namespace, WorkflowExecutionRetentionPeriod: durationpb.New(24 * time.Hour),
	}); err != nil {
		t.Fatal(err)
	}
	c, err := client.NewLazyClient(options)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	d := open(t, func(o *httpapi.Config, _ *httpapi.Server) {
		o.Starter = &workflows.Starter{Client: c, Sealer: starter.Sealer, Redactor: starter.Redactor}
	})
	record := body(t, "execution_uid", `"5a0d3f43-3d3b-4a8c-9c59-0f6a2a5f8a01"`)
	eventually(t, "the namespace to be known", func() bool {
		_, err := c.OperatorService().ListSearchAttributes(t.Context(), &operatorservice.ListSearchAttributesRequest{Namespace: namespace})
		return err == nil
	})
	d.post(record).want(t, http.StatusServiceUnavailable)
	if err := temporalclient.Prepare(t.Context(), c, namespace, workflows.SearchAttributes()); err != nil {
		t.Fatal(err)
	}
	eventually(t, "it to be taken", func() bool { return d.post(record).StatusCode == http.StatusCreated })
}
