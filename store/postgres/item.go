package postgres

import (
	"crypto/sha256"
	"encoding/hex"
	"time"

	"github.com/jackc/pgx/v5/pgtype"

	"github.com/auditflow/auditflow/audit"
)

// item is one record on its way. It ends with a receipt; if it is at fault, with
// that of its quarantine.
type item struct {
	record *audit.Record
	key    key
	digest []byte // record_sha256

	receipt audit.Receipt
	fault   string // why it has to go to quarantine, without content
}

// key is the primary key: id and created_at, in microseconds since 1970.
type key struct {
	id        pgtype.UUID
	createdAt int64
}

func itemsOf(records []audit.Record) []*item {
	items := make([]*item, len(records))
	for i := range records {
		items[i] = itemOf(&records[i])
	}
	return items
}

// itemOf finds at fault what the statement relies on and the database would not
// catch.
func itemOf(r *audit.Record) *item {
	it := &item{record: r, key: key{rowID(r.ID), r.CreatedAt.UnixMicro()}}
	var err error
	it.digest, err = hex.DecodeString(r.RecordSHA256)
	switch {
	case !it.key.id.Valid:
		it.fault = "id must be a UUID in lower case"
	case err != nil || len(it.digest) != sha256.Size:
		it.fault = "record_sha256 must be set, 64 hexadecimal digits"
	case !normalTime(r.CreatedAt):
		// A row may create its partition, so a time that was never set would
		// create one for the year 1.
		it.fault = "created_at" + timeRule
	default:
		it.fault = timesFault(r)
	}
	return it
}

const timeRule = " must lie in the years 1970 to 9999"

// normalTime tells of a time that [audit.Record.Normalise] leaves: others would
// overflow in pgx and come back as another time.
func normalTime(t time.Time) bool {
	year := t.UTC().Year()
	return year >= 1970 && year <= 9999
}

func timesFault(r *audit.Record) string {
	for name, t := range map[string]time.Time{"start_time": r.StartTime, "end_time": r.EndTime, "completed_at": r.CompletedAt} {
		if !t.IsZero() && !normalTime(t) {
			return name + timeRule
		}
	}
	return ""
}

// rowID takes the one spelling that a row gives back; the zero value is of no
// row.
func rowID(s string) pgtype.UUID {
	var id pgtype.UUID
	if err := id.Scan(s); err != nil || id.String() != s {
		return pgtype.UUID{}
	}
	return id
}

func (it *item) settle(outcome audit.Outcome, table string) {
	it.receipt = audit.Receipt{ID: it.key.id.String(), Partition: table, Outcome: outcome}
}

// fit are the items that are not at fault, atFault those that are.
func fit(items []*item) []*item {
	return choose(items, func(it *item) bool { return it.fault == "" })
}

func atFault(items []*item) []*item {
	return choose(items, func(it *item) bool { return it.fault != "" })
}

// unsettled are the items that have no receipt yet.
func unsettled(items []*item) []*item {
	return choose(items, func(it *item) bool { return it.receipt.Outcome == "" })
}

func choose(items []*item, wanted func(*item) bool) (chosen []*item) {
	for _, it := range items {
		if wanted(it) {
			chosen = append(chosen, it)
		}
	}
	return chosen
}

func receiptsOf(items []*item) []audit.Receipt {
	receipts := make([]audit.Receipt, len(items))
	for i, it := range items {
		receipts[i] = it.receipt
	}
	return receipts
}
