package audit

import "time"

// Partition is a table that holds the rows of one period.
type Partition struct {
	Name   string `json:"name"`
	Period Period `json:"-"`
	// Rows is PostgreSQL's estimate; -1 when it has none yet.
	Rows  int64 `json:"rows_estimated"`
	Bytes int64 `json:"bytes"` // with indexes and TOAST
	// Tablespace is where its rows lie; empty is the database's default.
	Tablespace string         `json:"tablespace,omitempty"`
	State      PartitionState `json:"state"`
}

// PartitionState is how far a partition is on its way out.
type PartitionState string

// A partition that is detaching has rows that nobody finds through the audit
// table and must be finished; a detached one is a table of its own that waits to
// be compared with the archive and dropped.
const (
	PartitionAttached  PartitionState = "attached"
	PartitionDetaching PartitionState = "detaching"
	PartitionDetached  PartitionState = "detached"
)

// Tombstone remembers a deletion for ever.
type Tombstone struct {
	ID    int64     `json:"id"`
	What  Deletion  `json:"what"`
	Name  string    `json:"name"` // of the table, or of the period in the archive
	Start time.Time `json:"start"`
	End   time.Time `json:"end"`
	Rows  int64     `json:"rows"`
	Bytes int64     `json:"bytes"`
	Why   string    `json:"why"`
	// Policy is the retention that asked for it, in words.
	Policy string `json:"policy"`
	// Manifest is the SHA-256 of the last manifest that was verified before.
	Manifest   string    `json:"manifest_sha256,omitempty"`
	WorkflowID string    `json:"workflow_id,omitempty"`
	RunID      string    `json:"run_id,omitempty"`
	DeletedAt  time.Time `json:"deleted_at"`
}

// Deletion is what a tombstone tells of.
type Deletion string

// What can be deleted: a whole partition, rows of one, or a period in the archive.
const (
	DeletedPartition Deletion = "partition"
	DeletedRows      Deletion = "rows"
	DeletedArchive   Deletion = "archive"
)
