package audit

import "encoding/json"

// ReadsFast tells that json.Unmarshal is not needed to read this text.
func ReadsFast(text []byte) bool {
	_, ok := readRecords(text)
	return ok
}

// Settled tells that Normalise lets this value be.
func Settled(value []byte) bool { return settled(value) }

// Settle is what Normalise does to a value that it does not let be.
func Settle(value json.RawMessage) (json.RawMessage, []Note) {
	var notes notebook
	settled := notes.settle(value)
	return settled, notes.list
}
