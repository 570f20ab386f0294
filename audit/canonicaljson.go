package audit

import (
	"bytes"
	"errors"
	"slices"
)

// AppendCanonicalJSON appends the canonical form of a JSON text, byte for byte
// what [CanonicalJSON] makes of it once it is decoded with UseNumber, and returns
// the extended slice. It is for what comes out of a jsonb, which sorts keys its
// own way and adds spaces. On an error, which quotes nothing, dst is as long as it
// was.
func AppendCanonicalJSON(dst, text []byte) ([]byte, error) {
	j := jsonText{text: text}
	long, ok := j.canonical(dst, 0)
	if j.space(); !ok || !j.atEnd() {
		return dst, errors.New("not one JSON value")
	}
	return long, nil
}

// maxNesting is that of encoding/json; [Record.Normalise] leaves far less.
const maxNesting = 10_000

// jsonText reads a JSON text (RFC 8259) from the front. Its methods tell whether
// what they look for is there.
type jsonText struct {
	text []byte
	at   int
}

// tooDeep tells of an object or array beyond what encoding/json takes.
func (j *jsonText) tooDeep(depth int) bool {
	return depth >= maxNesting && (j.text[j.at] == '{' || j.text[j.at] == '[')
}

func (j *jsonText) canonical(dst []byte, depth int) ([]byte, bool) {
	j.space()
	if j.atEnd() || j.tooDeep(depth) {
		return dst, false
	}
	start := j.at
	switch j.text[j.at] {
	case '{':
		return j.canonicalObject(dst, depth+1)
	case '[':
		return j.canonicalArray(dst, depth+1)
	case '"':
		raw, simple, ok := j.quoted()
		switch {
		case !ok:
			return dst, false
		case simple:
			return append(dst, j.text[start:j.at]...), true
		}
		return appendQuoted(dst, plain(raw)), true
	default:
		ok := j.scalar()
		return append(dst, j.text[start:j.at]...), ok
	}
}

// member is one of an object: its key and where dst has both key and value.
type member struct {
	key        []byte
	start, end int
}

func (j *jsonText) canonicalObject(dst []byte, depth int) ([]byte, bool) {
	j.at++
	dst = append(dst, '{')
	var few [12]member // on the stack: most objects have no more
	members, start, sorted := few[:0], len(dst), true
	for first := true; ; first = false {
		if j.space(); first && j.skip('}') {
			return append(dst, '}'), true
		}
		key, simple, ok := j.quoted()
		if j.space(); !ok || !j.skip(':') {
			return dst, false
		}
		if !first {
			dst = append(dst, ',')
		}
		if !simple {
			key = plain(key)
		}
		m := member{key: key, start: len(dst)}
		sorted = sorted && (first || bytes.Compare(members[len(members)-1].key, m.key) < 0)
		dst, ok = j.canonical(append(appendQuoted(dst, m.key), ':'), depth)
		if !ok {
			return dst, false
		}
		m.end = len(dst)
		members = append(members, m)
		if j.space(); j.skip('}') {
			break
		}
		if !j.skip(',') {
			return dst, false
		}
	}
	if !sorted {
		dst = rearrange(dst, start, members)
	}
	return append(dst, '}'), true
}

// rearrange sorts the members of an object, which begin at start, by the bytes of
// their keys. Of equal keys the last one counts.
func rearrange(dst []byte, start int, members []member) []byte {
	slices.SortStableFunc(members, func(a, b member) int { return bytes.Compare(a.key, b.key) })
	end := len(dst)
	for i, m := range members {
		if i+1 < len(members) && bytes.Equal(m.key, members[i+1].key) {
			continue
		}
		if len(dst) > end {
			dst = append(dst, ',')
		}
		dst = append(dst, dst[m.start:m.end]...)
	}
	n := copy(dst[start:], dst[end:])
	return dst[:start+n]
}

func (j *jsonText) canonicalArray(dst []byte, depth int) ([]byte, bool) {
	j.at++
	dst = append(dst, '[')
	for first := true; ; first = false {
		if j.space(); first && j.skip(']') {
			return append(dst, ']'), true
		}
		if !first {
			dst = append(dst, ',')
		}
		var ok bool
		if dst, ok = j.canonical(dst, depth); !ok {
			return dst, false
		}
		if j.space(); j.skip(']') {
			return append(dst, ']'), true
		}
		if !j.skip(',') {
			return dst, false
		}
	}
}
