package postgres

import (
	"bytes"
	"encoding/binary"
	"errors"

	"github.com/auditflow/auditflow/audit"
)

// tuples takes what COPY sends as an [io.Writer] and yields what it decodes to, in
// the goroutine that reads the connection.
type tuples[T any] struct {
	columns string
	decode  func(tuple []byte) (T, error)
	key     func(T) audit.Key
	yield   func(T, error) bool

	begun bool  // the header was read
	n     int   // tuples of this COPY
	last  T     // the last one, or the one at fault
	fault error // what is wrong with it
}

var (
	// errEnough ends a COPY whose reader wants no more, and with it the connection.
	errEnough = errors.New("the reader has stopped")

	copySignature = []byte("PGCOPY\n\xff\r\n\x00")
)

// Write takes one message of the server: always one tuple, by the protocol
// (https://www.postgresql.org/docs/current/protocol-flow.html#PROTOCOL-COPY), the
// first after the header of the file.
func (t *tuples[T]) Write(message []byte) (int, error) {
	rest := message
	if !t.begun {
		var ok bool
		if rest, ok = afterHeader(message); !ok {
			return 0, errForm
		}
		t.begun = true
	}
	if len(rest) == 0 {
		return len(message), nil
	}
	if len(rest) < 2 {
		return 0, errForm
	}
	if trailer := binary.BigEndian.Uint16(rest) == 0xffff; trailer { // else the number of fields
		return len(message), nil
	}
	t.last, t.fault = t.decode(rest[2:])
	if t.fault != nil {
		return 0, t.fault
	}
	t.n++
	if !t.yield(t.last, nil) {
		return 0, errEnough
	}
	return len(message), nil
}

// afterHeader skips the signature, the flags and an extension of any length.
func afterHeader(message []byte) ([]byte, bool) {
	rest, ok := bytes.CutPrefix(message, copySignature)
	if !ok || len(rest) < 8 {
		return nil, false
	}
	extension := int(binary.BigEndian.Uint32(rest[4:]))
	if extension > len(rest)-8 {
		return nil, false
	}
	return rest[8+extension:], true
}
