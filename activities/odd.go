package activities

import (
	"go.temporal.io/sdk/log"

	"github.com/auditflow/auditflow/audit"
)

// tellOdd logs what an operator has to look at: records that did not become rows
// of the table, each by its id.
func tellOdd(logger log.Logger, receipts []audit.Receipt) {
	for _, r := range receipts {
		switch r.Outcome {
		case audit.OutcomeConflict:
			logger.Warn("the row is there with other content; the first stays", "row", r.ID, "partition", r.Partition)
		case audit.OutcomeQuarantined:
			logger.Warn("the table cannot hold the record; it is in quarantine", "row", r.ID)
		}
	}
}
