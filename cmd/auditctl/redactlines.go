package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"unicode/utf8"

	"github.com/auditflow/auditflow/audit/redact"
)

// maxTold is how many lines are told of one by one that cannot be read.
const maxTold = 20

// redactLines redacts the texts of a stream of JSON objects, one line each, in
// memory that does not grow with their number.
func (p *program) redactLines(from io.Reader, r *redact.Redactor) error {
	var to io.Writer = p.out.to
	if p.person {
		to = visibleJSON{p.out.to}
	}
	lines := newLineReader(from, maxText)
	var number, broken int64
	for {
		line, err := lines.next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil && !errors.Is(err, errLongLine) {
			return err
		}
		number++
		if err == nil && len(bytes.TrimSpace(line)) == 0 {
			continue
		}
		answer, problem := redactLine(line, err != nil, r)
		if problem != nil {
			if broken++; broken <= maxTold {
				p.tell("line %s: %v", grouped(number), problem)
			}
			continue
		}
		if _, err := to.Write(answer); err != nil {
			return err
		}
		if p.person || lines.waits() { // whoever feeds us line by line has an answer to each
			if err := p.out.to.Flush(); err != nil {
				return err
			}
		}
	}
	if broken > 0 {
		return usage("%s could not be read; all others were written", plural(broken, "line"))
	}
	return nil
}

// finding is a stretch of text that was masked, in bytes.
type finding struct {
	Rule  string `json:"rule"`
	Start int    `json:"start"`
	End   int    `json:"end"` // does not belong to it
}

// redactLine adds to one object what redaction makes of its text. What is wrong
// with a line is told without what is in it.
func redactLine(line []byte, long bool, r *redact.Redactor) ([]byte, error) {
	if long {
		return nil, errors.New("is longer than 64 MiB")
	}
	members, err := parseObject(line)
	if err != nil {
		return nil, err
	}
	text, err := textOf(members)
	if err != nil {
		return nil, err
	}
	masked, found := r.Text(text)
	findings := make([]finding, len(found)) // an empty list where there are none
	for i, f := range found {
		findings[i] = finding{f.Rule, f.Start, f.End}
	}
	return encodeObject(members, member{"redacted", compact(masked)}, member{"findings", compact(findings)}), nil
}

// member is a field of a JSON object, as it was written.
type member struct {
	name  string
	value json.RawMessage
}

// parseObject keeps what encoding/json would lose in a map: the order, names
// that are there twice, and how values are written.
func parseObject(line []byte) (members []member, err error) {
	broken := errors.New("is not a JSON object")
	if !utf8.Valid(line) { // else offsets would be those of another text
		return nil, errors.New("is not UTF-8")
	}
	d := json.NewDecoder(bytes.NewReader(line))
	if open, err := d.Token(); err != nil || open != json.Delim('{') {
		return nil, broken
	}
	for d.More() {
		name, err := d.Token()
		if err != nil {
			return nil, broken
		}
		m := member{name: name.(string)} // the decoder yields only strings here
		if err := d.Decode(&m.value); err != nil {
			return nil, broken
		}
		members = append(members, m)
	}
	if _, err := d.Token(); err != nil { // }
		return nil, broken
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return nil, errors.New("holds more than one JSON object")
	}
	return members, nil
}

func textOf(members []member) (text string, err error) {
	there := 0
	for _, m := range members {
		if m.name != "text" {
			continue
		}
		there++
		if m.value[0] != '"' || json.Unmarshal(m.value, &text) != nil {
			return "", errors.New(`has a field "text" that is not a string`)
		}
	}
	switch there {
	case 0:
		return "", errors.New(`has no field "text"`)
	case 1:
		return text, nil
	}
	return "", fmt.Errorf(`has the field "text" %d times`, there)
}

// encodeObject writes members in their order and then what is added, which
// replaces what had the same name.
func encodeObject(members []member, added ...member) []byte {
	var b bytes.Buffer
	b.WriteByte('{')
	write := func(m member) {
		if b.Len() > 1 {
			b.WriteByte(',')
		}
		b.Write(compact(m.name))
		b.WriteByte(':')
		b.Write(m.value)
	}
	for _, m := range members {
		if m.name != added[0].name && m.name != added[1].name {
			write(m)
		}
	}
	for _, m := range added {
		write(m)
	}
	b.WriteString("}\n")
	return b.Bytes()
}

// compact encodes for programs and people, not for browsers.
func compact(value any) json.RawMessage {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(value); err != nil {
		panic("auditctl: " + err.Error()) // strings and findings can always be encoded
	}
	return bytes.TrimSuffix(b.Bytes(), []byte("\n"))
}
