package workflows

import (
	"strings"

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
	// ActivityRedactEach is Redact for a batch that could not be redacted as one.
	ActivityRedactEach = "RedactEach"
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
	// AttributeCreatedLast is the latest created_at of a batch, of which
	// AttributeCreated is the earliest.
	AttributeCreatedLast = temporal.NewSearchAttributeKeyTime("AuditCreatedLast")
	// AttributeRecords are the [ShortID] of all rows: at most 2 KB in one value,
	// hence [MaxBatchRecords].
	AttributeRecords = temporal.NewSearchAttributeKeyKeywordList("AuditRecords")
)

// SearchAttributes are all of them; they must be registered in the namespace
// before a delivery can start.
func SearchAttributes() []temporal.SearchAttributeKey {
	return []temporal.SearchAttributeKey{
		AttributeAction, AttributeNamespace, AttributePhase, AttributeSuccess, AttributeExecution, AttributeCluster,
		AttributeCreated, AttributeCreatedLast, AttributeRecords,
	}
}

// DeliveryID is the workflow id of the delivery of one execution.
func DeliveryID(source, uid string) string { return audit.DeliveryID(source, uid) }

// DeliveryOfRecord is the workflow id of a record's delivery of its own, see
// [audit.Record.DeliveryID].
func DeliveryOfRecord(r audit.Record) string { return r.DeliveryID() }

// batchPrefix begins the workflow ids of batches, and of nothing else: kinds of
// objects begin with a capital.
const batchPrefix = "audit/batch/"

// BatchID is the workflow id of the delivery of several records, by their digest.
func BatchID(digest string) string { return batchPrefix + digest }

// IsBatch tells whether a workflow id is that of a batch.
func IsBatch(workflowID string) bool { return strings.HasPrefix(workflowID, batchPrefix) }

// ShortID is how a batch names a row in clear: the first eight digits of its id.
func ShortID(rowID string) string { return cut(rowID, 8) }
