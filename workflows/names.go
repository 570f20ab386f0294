package workflows

import (
	"cmp"
	"fmt"

	"go.temporal.io/sdk/temporal"

	"github.com/auditflow/auditflow/audit"
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

// Workflow types of maintenance.
const (
	TypeCreatePartitions  = "CreatePartitions"
	TypeTierPartitions    = "TierPartitions"
	TypeArchivePartitions = "ArchivePartitions"
	TypeEnforceRetention  = "EnforceRetention"
)

// Activity types of maintenance.
const (
	ActivityPlanPartitions       = "PlanPartitions"
	ActivityEnsurePartition      = "EnsurePartition"
	ActivityPlanTiers            = "PlanTiers"
	ActivityMovePartition        = "MovePartition"
	ActivityPlanArchive          = "PlanArchive"
	ActivityExportPeriod         = "ExportPeriod"
	ActivityPublishManifest      = "PublishManifest"
	ActivityAdmitRetention       = "AdmitRetention"
	ActivityPlanRetention        = "PlanRetention"
	ActivityFinishDetaching      = "FinishDetaching"
	ActivityVerifyPeriod         = "VerifyPeriod"
	ActivityDetachPartition      = "DetachPartition"
	ActivityComparePartition     = "ComparePartition"
	ActivityDropPartition        = "DropPartition"
	ActivityDeleteRows           = "DeleteRows"
	ActivityPlanArchiveRetention = "PlanArchiveRetention"
	ActivityDeletePeriod         = "DeletePeriod"
	ActivityExpireRestores       = "ExpireRestores"
	ActivityCountRun             = "CountRun"
)

// Task queues: of deliveries, and of maintenance, which must not keep them waiting.
const (
	QueueDelivery    = "audit-delivery"
	QueueMaintenance = "audit-maintenance"
)

// Schedules, which are also the tasks that metrics tell of.
const (
	ScheduleCreatePartitions = "audit-create-partitions"
	ScheduleTier             = "audit-tier"
	ScheduleArchive          = "audit-archive"
	ScheduleRetention        = "audit-retention"
)

// Tasks are all schedules.
func Tasks() []string {
	return []string{ScheduleCreatePartitions, ScheduleTier, ScheduleArchive, ScheduleRetention}
}

// Search attributes, set when a delivery starts and never changed. They lie in
// clear text for ever, so names pass the redactor before they get here.
var (
	AttributeAction    = temporal.NewSearchAttributeKeyKeyword("AuditAction")
	AttributeNamespace = temporal.NewSearchAttributeKeyKeyword("AuditNamespace") // of the target
	AttributePhase     = temporal.NewSearchAttributeKeyKeyword("AuditPhase")
	AttributeSuccess   = temporal.NewSearchAttributeKeyBool("AuditSuccess")
	AttributeExecution = temporal.NewSearchAttributeKeyKeyword("AuditExecution")
	AttributeCluster   = temporal.NewSearchAttributeKeyKeyword("AuditCluster")
	// AttributeCreated is created_at: retention waits for deliveries whose rows
	// belong into what it is about to drop.
	AttributeCreated = temporal.NewSearchAttributeKeyTime("AuditCreated")
)

// SearchAttributes are all of them; they must be registered in the namespace
// before a delivery can start.
func SearchAttributes() []temporal.SearchAttributeKey {
	return []temporal.SearchAttributeKey{
		AttributeAction, AttributeNamespace, AttributePhase, AttributeSuccess, AttributeExecution, AttributeCluster,
		AttributeCreated,
	}
}

// DeliveryID is the workflow id of the delivery of one execution.
func DeliveryID(source, uid string) string { return fmt.Sprintf("audit/%s/%s", source, uid) }

// DeliveryOfRecord is the workflow id of a record's delivery. Where nobody knows
// the UID of the execution, the record's own id stands for it.
func DeliveryOfRecord(r audit.Record) string {
	return DeliveryID(r.Source, cmp.Or(r.ExecutionUID, r.ID))
}
