package audit

import (
	"bytes"
	"encoding/json"
	"strconv"
	"time"
)

// reader takes what it is told to look for, if that comes next. A value that is not
// written as [AppendCanonical] writes it makes it odd, for good.
type reader struct {
	jsonText
	odd bool
}

func (in *reader) must(c byte) { in.odd = !in.skip(c) || in.odd }

// next takes a name with the signs around it.
func (in *reader) next(name string) bool {
	rest := in.text[in.at:]
	if in.odd || len(rest) < len(name) || string(rest[:len(name)]) != name {
		return false
	}
	in.at += len(name)
	return true
}

func (in *reader) quote(name string, s *string) {
	if in.next(name) {
		*s = in.string()
	}
}

// first takes an object's first member, which is always written.
func (in *reader) first(name string) (s string) {
	if !in.next(name) {
		in.odd = true
		return ""
	}
	return in.string()
}

func (in *reader) string() string {
	raw, simple, ok := in.quoted()
	if !ok {
		in.odd = true
		return ""
	}
	if !simple {
		raw = plain(raw)
	}
	return string(raw)
}

func (in *reader) json(name string, value *json.RawMessage) {
	if in.next(name) {
		const depth = 2 // of what it lies in: the list and the record
		start := in.at
		in.odd = !in.compact(depth)
		*value = bytes.Clone(in.text[start:in.at])
	}
}

func (in *reader) truth(name string, is *bool) {
	if in.next(name) {
		*is = in.next("true")
		in.odd = !*is && !in.next("false")
	}
}

func (in *reader) instant(name string, t *time.Time) {
	if in.next(name) {
		raw, simple, ok := in.quoted()
		in.odd = !ok || !simple || t.UnmarshalText(raw) != nil
	}
}

func readNumber[T ~int | ~int32 | ~int64](in *reader, name string, n *T) {
	if in.next(name) {
		*n = readInteger[T](in)
	}
}

func readKnown[T ~int32 | ~int64](in *reader, name string, n **T) {
	if in.next(name) {
		*n = new(readInteger[T](in))
	}
}

// readInteger is odd about what does not fit T, and about a sign without digits.
func readInteger[T ~int | ~int32 | ~int64](in *reader) T {
	start := in.at
	in.skip('-')
	first := in.at
	in.odd = !in.digits() || in.text[first] == '0' && in.at > first+1
	n, err := strconv.ParseInt(string(in.text[start:in.at]), 10, 64)
	in.odd = in.odd || err != nil || int64(T(n)) != n
	return T(n)
}

// list takes those that [appendCount] writes, of which there is at least one.
func (in *reader) list(name, first string, add func(kind, path string, count int)) {
	if !in.next(name) {
		return
	}
	in.must('[')
	for more := true; more && !in.odd; more = in.skip(',') {
		var path string
		var count int
		kind := in.first(first)
		in.quote(`,"path":`, &path)
		readNumber(in, `,"count":`, &count)
		in.must('}')
		add(kind, path, count)
	}
	in.must(']')
}
