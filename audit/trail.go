package audit

import (
	"bytes"
	"cmp"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"
	"time"
)

// Persisted is a record with the time at which its row was written, by the clock
// of the database.
type Persisted struct {
	Record
	PersistedAt time.Time `json:"persisted_at"`
}

// Entry is what proves a row: where it stands in the trail and the digest that
// was written with it. The order of the trail is (CreatedAt, ID).
type Entry struct {
	At     int64 // created_at in microseconds since 1970
	ID     [16]byte
	Digest [32]byte // record_sha256
}

// Compare orders entries as the trail does, without regard to their digests.
func (e Entry) Compare(o Entry) int {
	if c := cmp.Compare(e.At, o.At); c != 0 {
		return c
	}
	return bytes.Compare(e.ID[:], o.ID[:])
}

// Key is the entry's place in the trail.
func (e Entry) Key() Key {
	return Key{time.UnixMicro(e.At).UTC(), fmt.Sprintf("%x-%x-%x-%x-%x", e.ID[:4], e.ID[4:6], e.ID[6:8], e.ID[8:10], e.ID[10:])}
}

// Key is the place of a row in the trail, as manifests write it.
type Key struct {
	CreatedAt time.Time `json:"created_at"`
	ID        string    `json:"id"` // a UUID in lower case
}

// IsZero tells that the key is none.
func (k Key) IsZero() bool { return k.ID == "" }

// Compare orders keys as the trail does.
func (k Key) Compare(o Key) int {
	return cmp.Or(k.CreatedAt.Compare(o.CreatedAt), strings.Compare(k.ID, o.ID))
}

// Entry is what proves the record's row. It fails on a record whose id or digest
// is none.
func (r *Record) Entry() (e Entry, err error) {
	e.At = r.CreatedAt.UnixMicro()
	if !decode(e.ID[:], strings.ReplaceAll(r.ID, "-", "")) || len(r.ID) != 36 {
		return e, errors.New("id: is no UUID")
	}
	if !decode(e.Digest[:], r.RecordSHA256) {
		return e, errors.New("record_sha256: is no SHA-256")
	}
	return e, nil
}

func decode(into []byte, digits string) bool {
	if len(digits) != 2*len(into) {
		return false
	}
	_, err := hex.Decode(into, []byte(digits))
	return err == nil
}
