package postgres

import (
	"encoding/json"
	"errors"
	"reflect"
	"strings"
	"unicode/utf8"

	"github.com/auditflow/auditflow/audit"
)

// encodeRecord is a record as quarantine keeps it: all of it but who delivered it, so
// that the same record delivered again gives the same bytes.
//
// What came in an envelope has been JSON before. There is more that a record can
// hold and JSON cannot; such a record is normalised, which notes what it changes.
func encodeRecord(r audit.Record) []byte {
	r.DeliveredBy = ""
	if !fitsJSON(r) {
		r = r.Normalise()
	}
	return audit.CanonicalJSON(r)
}

func fitsJSON(r audit.Record) bool {
	encoded, err := json.Marshal(r)
	if err != nil {
		return false
	}
	var back audit.Record
	return json.Unmarshal(encoded, &back) == nil && reflect.DeepEqual(back, r)
}

func decodeRecord(encoded []byte, deliveredBy string) (r audit.Record, err error) {
	if json.Unmarshal(encoded, &r) != nil {
		return audit.Record{}, errUnreadable
	}
	r.DeliveredBy = deliveredBy
	return r, nil
}

// errUnreadable withholds what the decoder says, for it quotes.
var errUnreadable = errors.New("a record in quarantine is not what was put there")

// maxID is how much of an id, in runes, is a key in quarantine. An id at fault
// may be as long as it likes, an index entry may not.
const maxID = 255

// quarantineID is the key of a record, whose id may be what is at fault.
func quarantineID(id string) string {
	id = holdable(id)
	if utf8.RuneCountInString(id) > maxID {
		id = string([]rune(id)[:maxID])
	}
	return id
}

// holdable is s without what text cannot hold.
func holdable(s string) string {
	return strings.ReplaceAll(strings.ToValidUTF8(s, "\ufffd"), "\x00", "\u2400")
}

// reason is what the server said, without what we were doing.
func (e *Error) reason() string {
	said := *e
	said.Op = ""
	return strings.TrimPrefix(said.Error(), ": ")
}
