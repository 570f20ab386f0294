package audit

import "time"

// Retention says how long records are kept.
type Retention struct {
	// Mode is what is deleted in the database: partitions, once they have expired as
	// a whole; rows, exactly those that have; or nothing.
	Mode RetentionMode `json:"mode"`
	// Live is the age (now - created_at) from which rows leave the database.
	Live time.Duration `json:"live"`
	// Archive is the age from which they leave the archive, too; 0 is never.
	Archive time.Duration `json:"archive"`
	// ConfirmedBy is who put it in force, and when.
	ConfirmedBy string    `json:"confirmed_by,omitempty"`
	ConfirmedAt time.Time `json:"confirmed_at,omitzero"`
}

// RetentionMode is what retention deletes.
type RetentionMode string

// The modes of retention.
const (
	RetainAll        RetentionMode = "off"
	RetainPartitions RetentionMode = "partitions"
	RetainRows       RetentionMode = "rows"
)
