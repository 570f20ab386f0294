package audit

import "encoding/json"

// DecodeJSON decodes one JSON value, and tells whether it is one: into what
// [json.Decoder] makes of it with UseNumber.
func DecodeJSON(text []byte) (any, bool) {
	j := jsonText{text: text}
	value, ok := j.decode(0)
	if j.space(); !ok || !j.atEnd() {
		return nil, false
	}
	return value, true
}

func (j *jsonText) decode(depth int) (any, bool) {
	j.space()
	if j.atEnd() || j.tooDeep(depth) {
		return nil, false
	}
	start := j.at
	switch j.text[j.at] {
	case '{':
		return j.decodeObject(depth + 1)
	case '[':
		return j.decodeArray(depth + 1)
	case '"':
		raw, simple, ok := j.quoted()
		if ok && !simple {
			raw = plain(raw)
		}
		return string(raw), ok
	default:
		ok := j.scalar()
		switch raw := j.text[start:j.at]; string(raw) {
		case "null":
			return nil, ok
		case "true", "false":
			return raw[0] == 't', ok
		default:
			return json.Number(raw), ok
		}
	}
}

func (j *jsonText) decodeObject(depth int) (any, bool) {
	object := map[string]any{}
	ok := j.list('}', func() bool {
		raw, simple, ok := j.quoted()
		if j.space(); !ok || !j.skip(':') {
			return false
		}
		if !simple {
			raw = plain(raw)
		}
		object[string(raw)], ok = j.decode(depth)
		return ok
	})
	return object, ok
}

func (j *jsonText) decodeArray(depth int) (any, bool) {
	array := []any{}
	ok := j.list(']', func() bool {
		element, ok := j.decode(depth)
		array = append(array, element)
		return ok
	})
	return array, ok
}

// list takes the elements of an object or array, with white space around them.
func (j *jsonText) list(end byte, element func() bool) bool {
	j.at++
	if j.space(); j.skip(end) {
		return true
	}
	for element() {
		if j.space(); j.skip(end) {
			return true
		}
		if !j.skip(',') {
			return false
		}
		j.space()
	}
	return false
}
