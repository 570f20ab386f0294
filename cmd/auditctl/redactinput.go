package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/auditflow/auditflow/audit"
	"github.com/auditflow/auditflow/audit/redact"
)

// input is stdin, until somebody interrupts.
func (p *program) input(ctx context.Context) io.Reader {
	if p.stdin == nil {
		return strings.NewReader("")
	}
	return &interruptible{ctx, p.stdin}
}

// interruptible is a reader that gives up when its context ends, also while it
// waits: nothing else wakes a read from a terminal or a pipe. What it left
// waiting then ends with the process.
type interruptible struct {
	ctx  context.Context
	from io.Reader
}

type reading struct {
	n   int
	err error
}

func (r *interruptible) Read(b []byte) (int, error) {
	done := make(chan reading, 1)
	go func() {
		n, err := r.from.Read(b)
		done <- reading{n, err}
	}()
	select {
	case read := <-done:
		return read.n, read.err
	case <-r.ctx.Done(): // b is not looked at any more: all who read end with an error
		return 0, r.ctx.Err()
	}
}

// errLongLine is a line of more than the limit; those behind it can be read.
var errLongLine = errors.New("the line is longer than the limit")

// lineReader reads lines of at most limit bytes.
type lineReader struct {
	from  *bufio.Reader
	limit int
	line  []byte
}

func newLineReader(from io.Reader, limit int) *lineReader {
	return &lineReader{from: bufio.NewReaderSize(from, 64<<10), limit: limit}
}

// next returns a line without its end, valid until the next call; io.EOF behind
// the last.
func (r *lineReader) next() ([]byte, error) {
	r.line = r.line[:0]
	long := false
	for {
		part, err := r.from.ReadSlice('\n')
		long = long || len(r.line)+len(bytes.TrimRight(part, "\r\n")) > r.limit
		if !long {
			r.line = append(r.line, part...)
		}
		switch {
		case errors.Is(err, bufio.ErrBufferFull):
			continue
		case err == nil, errors.Is(err, io.EOF) && (long || len(r.line) > 0):
			if long {
				return nil, errLongLine
			}
			return bytes.TrimRight(r.line, "\r\n"), nil
		default:
			return nil, err
		}
	}
}

// waits tells whether the next line has to be waited for.
func (r *lineReader) waits() bool { return r.from.Buffered() == 0 }

// parseRecord reads one record, or a row that show tells. It is as strict as a
// door: a field that is not known might be one that was meant to be masked.
func parseRecord(text string, r *redact.Redactor) (audit.Record, error) {
	var record row
	d := json.NewDecoder(strings.NewReader(text))
	d.DisallowUnknownFields()
	err := d.Decode(&record)
	if err == nil {
		if _, more := d.Token(); !errors.Is(more, io.EOF) {
			return audit.Record{}, errors.New("stdin holds more than one audit record; --jsonl is for many texts")
		}
		return record.Record, nil
	}
	var syntax *json.SyntaxError
	var wrong *json.UnmarshalTypeError
	switch {
	case errors.As(err, &syntax):
		return audit.Record{}, fmt.Errorf("stdin does not hold an audit record: it is not JSON from byte %s on", grouped(syntax.Offset))
	case errors.As(err, &wrong):
		return audit.Record{}, fmt.Errorf("stdin does not hold an audit record: the field %q has another type", strings.TrimPrefix(wrong.Field, "Record."))
	case strings.Contains(err.Error(), "unknown field"): // whose name may be a secret
		return audit.Record{}, fmt.Errorf("stdin does not hold an audit record: %s", r.Name(strings.TrimPrefix(err.Error(), "json: ")))
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return audit.Record{}, errors.New("stdin does not hold an audit record: the JSON ends too early")
	}
	return audit.Record{}, errors.New("stdin does not hold an audit record: a value is not one of its field")
}
