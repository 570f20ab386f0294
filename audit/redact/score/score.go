// Package score measures a redactor against texts of which somebody has said
// what is secret in them: how much of what must go is gone, and how much of
// what must stay was touched.
package score

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"encoding/json"
	"errors"
	"fmt"
	"io"

	"github.com/auditflow/auditflow/audit/redact"
)

// Redactor is what is measured.
type Redactor interface {
	Text(s string) (masked string, findings []redact.Finding)
}

// Text is one labelled text: a line of JSON. Unknown fields are ignored, since
// corpora carry their sources and licences with them.
type Text struct {
	Text    string   `json:"text"`
	Secrets []string `json:"secrets"` // as they stand in Text
	Kind    string   `json:"kind"`
	Label   string   `json:"label"`
}

// The labels. Texts under any other label are counted, nothing else.
const (
	LabelSecret     = "secret"         // Secrets must be gone
	LabelNotSecret  = "not-secret"     // must not be touched
	LabelIdentifier = "identifier"     // must not be touched: says which, not how to get in
	LabelNearMiss   = "near-miss"      // must not be touched: looks like a token and is none
	LabelClean      = "presumed-clean" // ordinary output; hardly a byte may be touched
	// Texts that hold a secret although nobody has written down where.
	LabelUnlocated = "contains-secret-unlocated"
	LabelLoose     = "secret-loose"
)

// maxLine bounds a line of a corpus, in bytes.
const maxLine = 64 << 20

// Score runs every text of a corpus, JSON lines, gzip or not, through the
// redactor.
func Score(r io.Reader, redactor Redactor) (Report, error) {
	plain, err := uncompressed(r)
	if err != nil {
		return Report{}, err
	}
	report := newReport()
	lines := bufio.NewScanner(plain)
	lines.Buffer(nil, maxLine)
	n := 0
	for lines.Scan() {
		n++
		if len(bytes.TrimSpace(lines.Bytes())) == 0 {
			continue
		}
		var t Text
		if err := json.Unmarshal(lines.Bytes(), &t); err != nil {
			return Report{}, fmt.Errorf("line %d of the corpus is not a labelled text: %w", n, shape(err))
		}
		report.add(t, redactor)
	}
	if err := lines.Err(); err != nil {
		return Report{}, fmt.Errorf("read the corpus behind line %d: %w", n, err)
	}
	if report.Texts == 0 {
		return Report{}, errors.New("the corpus holds no texts")
	}
	report.settle()
	return report, nil
}

// shape keeps what kind of error it is and drops what it may quote.
func shape(err error) error {
	var wrong *json.UnmarshalTypeError
	if errors.As(err, &wrong) {
		return fmt.Errorf("field %q has another type", wrong.Field)
	}
	return errors.New("it is not a JSON object")
}

func uncompressed(r io.Reader) (io.Reader, error) {
	b := bufio.NewReader(r)
	if head, _ := b.Peek(2); !bytes.Equal(head, []byte{0x1f, 0x8b}) {
		return b, nil
	}
	z, err := gzip.NewReader(b)
	if err != nil {
		return nil, fmt.Errorf("open the compressed corpus: %w", err)
	}
	return z, nil
}
