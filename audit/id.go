package audit

import (
	"cmp"
	"crypto/sha1" //nolint:gosec // UUIDv5 is defined over SHA-1 (RFC 9562, section 5.5); nothing here relies on its strength
	"encoding/hex"
)

// namespaceID is the UUIDv5 namespace of record ids. It is part of every row
// ever written and can never change.
var namespaceID = [16]byte{0x6b, 0x1d, 0x3a, 0x52, 0x0f, 0x7c, 0x4e, 0x0a, 0x9c, 0x6e, 0x2b, 0x8f, 0x41, 0xd7, 0xa5, 0x13}

// ID is the identity of an execution's record: the UUIDv5 over cluster and UID.
// Whoever computes it, however often, gets the same one; that is what makes a
// second delivery harmless.
func ID(cluster, uid string) string {
	h := sha1.New() //nolint:gosec // see the import
	h.Write(namespaceID[:])
	h.Write([]byte(cluster))
	h.Write([]byte{0}) // neither a cluster name nor a UID holds NUL, so no two pairs meet
	h.Write([]byte(uid))
	u := h.Sum(nil)[:16]
	u[6] = u[6]&0x0f | 0x50 // version 5
	u[8] = u[8]&0x3f | 0x80 // variant RFC 9562
	s := hex.EncodeToString(u)
	return s[:8] + "-" + s[8:12] + "-" + s[12:16] + "-" + s[16:20] + "-" + s[20:]
}

// DeliveryID is the id of the workflow that delivers one execution. Histories and
// rows remember it, so it can never change.
func DeliveryID(source, uid string) string { return "audit/" + source + "/" + uid }

// DeliveryID is the id of the workflow that delivers this record and no other.
// Where nobody knows the UID of the execution, the record's own id stands for it.
func (r *Record) DeliveryID() string { return DeliveryID(r.Source, cmp.Or(r.ExecutionUID, r.ID)) }
