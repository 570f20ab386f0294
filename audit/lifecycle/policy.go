package lifecycle

import (
	"time"

	"github.com/auditflow/auditflow/audit"
)

// Retaining is a retention as it is configured, to be read by people, with what
// it has to agree with.
type Retaining struct {
	Mode audit.RetentionMode `json:"mode"`
	// After is [audit.Retention.Live].
	After Age `json:"after"`
	// ArchiveAfter is [audit.Retention.Archive]; 0 is never.
	ArchiveAfter Age `json:"archive_after"`
	// Archiving is [Archiving.After].
	Archiving Age `json:"archived_after"`
}

// Retention is what decisions are made by.
func (r Retaining) Retention() audit.Retention {
	return audit.Retention{Mode: r.Mode, Live: time.Duration(r.After), Archive: time.Duration(r.ArchiveAfter)}
}

// Check is [CheckRetention].
func (r Retaining) Check() error { return CheckRetention(r.Retention(), r.Archiving) }
