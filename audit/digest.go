package audit

import (
	"crypto/sha256"
	"encoding/hex"
)

// Digest returns the SHA-256 of the canonical record in hexadecimal: all of it
// but RecordSHA256 itself, and DeliveredBy and Policy, which tell of the
// delivery, not of the execution. So a policy that changes between two attempts
// and masks the same makes a duplicate, not a conflict. It takes a normalised
// record; then the same row read back from PostgreSQL has the same digest.
func (r Record) Digest() string {
	r.RecordSHA256, r.DeliveredBy, r.Policy = "", "", ""
	var room [4 << 10]byte // on the stack; longer records make their own
	sum := sha256.Sum256(AppendCanonical(room[:0], &r))
	return hex.EncodeToString(sum[:])
}
