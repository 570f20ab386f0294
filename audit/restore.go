package audit

import "time"

// Restore tells what was brought back from the archive and until when it stays:
// the rows of a stretch of created_at, or one row.
type Restore struct {
	ID         int64     `json:"id"`
	Start      time.Time `json:"start"`               // inclusive
	End        time.Time `json:"end"`                 // exclusive
	Record     string    `json:"record_id,omitempty"` // only this row of the stretch
	Rows       int64     `json:"rows"`
	Reason     string    `json:"reason"`
	RestoredBy string    `json:"restored_by"`
	RestoredAt time.Time `json:"restored_at"`
	ExpiresAt  time.Time `json:"expires_at"`
}
