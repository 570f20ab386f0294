package postgres

import (
	"encoding/binary"
	"encoding/hex"
	"errors"
	"math"
	"time"
)

// fields reads the fields of one tuple in PostgreSQL's binary COPY format: each
// is its length, -1 for NULL, and its value in the form of its type's send
// function (https://www.postgresql.org/docs/current/sql-copy.html). The first
// fault stays; what comes after it is NULL.
type fields struct {
	tuple []byte
	at    int
	fault error
}

// Faults hold nothing of what they are about.
var (
	errForm     = errors.New("a value is not in the form that was asked for")
	errInfinite = errors.New("a time is infinite, which no record can be")
)

func (f *fields) next() (value []byte, known bool) {
	if f.fault != nil {
		return nil, false
	}
	rest := f.tuple[f.at:]
	if len(rest) < 4 {
		return f.fail(errForm)
	}
	size := int(int32At(rest))
	f.at += 4
	if size == -1 {
		return nil, false
	}
	if size < 0 || size > len(rest)-4 {
		return f.fail(errForm)
	}
	f.at += size
	return rest[4 : 4+size], true
}

func (f *fields) fail(fault error) ([]byte, bool) {
	f.fault = fault
	return nil, false
}

// end returns the fault, which there also is when fields are left.
func (f *fields) end() error {
	if f.fault == nil && f.at < len(f.tuple) {
		f.fault = errForm
	}
	return f.fault
}

// fixed is next for a type whose values are all of one size.
func (f *fields) fixed(size int) (value []byte, known bool) {
	value, known = f.next()
	if known && len(value) != size {
		return f.fail(errForm)
	}
	return value, known
}

func (f *fields) boolean() bool {
	value, known := f.fixed(1)
	return known && value[0] != 0
}

func (f *fields) int4() (n int32, known bool) {
	value, known := f.fixed(4)
	if !known {
		return 0, false
	}
	return int32At(value), true
}

// micros is a timestamptz in microseconds since 1970; PostgreSQL counts from 2000.
func (f *fields) micros() (n int64, known bool) {
	const from1970To2000 = 946_684_800_000_000
	value, known := f.fixed(8)
	if !known {
		return 0, false
	}
	n = int64At(value)
	if n == math.MaxInt64 || n == math.MinInt64 {
		f.fail(errInfinite)
		return 0, false
	}
	return n + from1970To2000, true
}

func (f *fields) time() time.Time {
	n, known := f.micros()
	if !known {
		return time.Time{}
	}
	return time.UnixMicro(n).UTC()
}

// duration takes a day of an interval for 24 hours and a month for 30 days.
func (f *fields) duration() (d time.Duration, known bool) {
	const microsPerDay = 24 * 60 * 60 * 1_000_000
	value, known := f.fixed(16)
	if !known {
		return 0, false
	}
	micros := int64At(value)
	days, months := int64(int32At(value[8:])), int64(int32At(value[12:]))
	return time.Duration(micros+(days+30*months)*microsPerDay) * time.Microsecond, true
}

// jsonb is the text of one, which follows the version of the format.
func (f *fields) jsonb() (text []byte, known bool) {
	value, known := f.next()
	if !known {
		return nil, false
	}
	if len(value) == 0 || value[0] != 1 {
		return f.fail(errForm)
	}
	return value[1:], true
}

func (f *fields) uuid() (id [16]byte) {
	value, known := f.fixed(len(id))
	if known {
		copy(id[:], value)
	}
	return id
}

// Integers are sent in two's complement.
func int32At(b []byte) int32 { return int32(binary.BigEndian.Uint32(b)) } //nolint:gosec // G115: no conversion of a value
func int64At(b []byte) int64 { return int64(binary.BigEndian.Uint64(b)) } //nolint:gosec // G115: no conversion of a value

// appendUUID appends the form that PostgreSQL prints.
func appendUUID(dst []byte, id [16]byte) []byte {
	for i, part := range [...][]byte{id[:4], id[4:6], id[6:8], id[8:10], id[10:]} {
		if i > 0 {
			dst = append(dst, '-')
		}
		dst = hex.AppendEncode(dst, part)
	}
	return dst
}
