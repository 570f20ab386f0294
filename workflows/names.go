package workflows

import (
	"fmt"

	"go.temporal.io/sdk/temporal"
)

// Everything a history remembers is a constant here. Go names may change, these
// may not: a running workflow looks for them again after every deployment.
const (
	// TypeDeliverAudit is the workflow type of [DeliverAudit].
	TypeDeliverAudit = "DeliverAudit"
	// ActivityRedact and ActivityPersist are the activity types of a delivery.
	ActivityRedact  = "Redact"
	ActivityPersist = "Persist"
)

// QueueDelivery is the task queue of deliveries.
const QueueDelivery = "audit-delivery"

// Search attributes, set when a delivery starts and never changed. They lie in
// clear text for ever, so names pass the redactor before they get here.
var (
	AttributeAction    = temporal.NewSearchAttributeKeyKeyword("AuditAction")
	AttributeNamespace = temporal.NewSearchAttributeKeyKeyword("AuditNamespace") // of the target
	AttributePhase     = temporal.NewSearchAttributeKeyKeyword("AuditPhase")
	AttributeSuccess   = temporal.NewSearchAttributeKeyBool("AuditSuccess")
	AttributeExecution = temporal.NewSearchAttributeKeyKeyword("AuditExecution")
	AttributeCluster   = temporal.NewSearchAttributeKeyKeyword("AuditCluster")
)

// SearchAttributes are all of them; they must be registered in the namespace
// before a delivery can start.
func SearchAttributes() []temporal.SearchAttributeKey {
	return []temporal.SearchAttributeKey{
		AttributeAction, AttributeNamespace, AttributePhase, AttributeSuccess, AttributeExecution, AttributeCluster,
	}
}

// DeliveryID is the workflow id of the delivery of one execution.
func DeliveryID(source, uid string) string { return fmt.Sprintf("audit/%s/%s", source, uid) }
