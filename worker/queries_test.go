package worker_test

import (
	"os"
	"regexp"
	"testing"

	"go.temporal.io/api/workflowservice/v1"
)

// Where a document gives a query, somebody will paste it in the middle of the night.
func TestTemporalUnderstandsTheQueriesOfTheDocuments(t *testing.T) {
	t.Parallel()
	page, err := os.ReadFile("../docs/temporal-ui.md")
	if err != nil {
		t.Fatal(err)
	}
	c := newNamespace(t, "queries")
	rows := regexp.MustCompile("(?m)^\\| [^|]+ \\| `([^`]*(?:Workflow|Audit)[^`]*)` \\|$").FindAllSubmatch(page, -1)
	if len(rows) < 12 {
		t.Fatalf("%d queries found, want all 12 of the table", len(rows))
	}
	for _, row := range rows {
		query := string(row[1])
		_, err := c.CountWorkflow(t.Context(), &workflowservice.CountWorkflowExecutionsRequest{Query: query})
		if err != nil {
			t.Errorf("%s: %v", query, err)
		}
	}
}
