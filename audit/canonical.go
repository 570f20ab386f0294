package audit

import (
	"bytes"
	"encoding/json"
	"strconv"
	"time"
	"unicode/utf8"
)

// AppendCanonical appends the canonical form of the record, byte for byte what
// [CanonicalJSON] makes of it, and returns the extended slice. It is what the
// digest is taken of, of every row that is written, archived, read back or
// restored, which is why it knows the fields by name and uses no reflection. As
// CanonicalJSON does, it panics on what no JSON can hold: parameters that are
// none, a time outside the years 0 to 9999.
func AppendCanonical(dst []byte, r *Record) []byte {
	dst = appendQuoted(append(dst, `{"id":`...), r.ID)
	dst = appendQuoted(append(dst, `,"execution_id":`...), r.ExecutionID)
	dst = appendQuoted(append(dst, `,"workflow_ref":`...), r.WorkflowRef)
	dst = appendNumber(append(dst, `,"step_index":`...), r.StepIndex)
	dst = appendQuoted(append(dst, `,"action_type":`...), r.ActionType)
	if len(r.ActionParameters) > 0 {
		dst = appendCompact(append(dst, `,"action_parameters":`...), r.ActionParameters)
	}
	dst = appendText(dst, `,"target_namespace":`, r.TargetNamespace)
	dst = appendText(dst, `,"target_resource_kind":`, r.TargetResourceKind)
	dst = appendText(dst, `,"target_resource_name":`, r.TargetResourceName)
	dst = strconv.AppendBool(append(dst, `,"success":`...), r.Success)
	dst = appendText(dst, `,"output":`, r.Output)
	dst = appendText(dst, `,"error":`, r.Error)
	dst = appendInstant(dst, `,"start_time":`, r.StartTime)
	dst = appendInstant(dst, `,"end_time":`, r.EndTime)
	dst = appendKnown(dst, `,"duration":`, r.Duration)
	dst = appendText(dst, `,"job_name":`, r.JobName)
	dst = appendText(dst, `,"job_pod_name":`, r.JobPodName)
	dst = appendKnown(dst, `,"job_exit_code":`, r.JobExitCode)
	if u := r.JobResourceUsage; u != nil {
		dst = appendNumber(append(dst, `,"job_resource_usage":{"cpu_millicores":`...), u.CPUMillicores)
		dst = append(appendNumber(append(dst, `,"memory_bytes":`...), u.MemoryBytes), '}')
	}
	dst = appendNumber(append(dst, `,"retry_count":`...), r.RetryCount)
	dst = appendNumber(append(dst, `,"max_retries":`...), r.MaxRetries)
	dst = appendTime(append(dst, `,"created_at":`...), r.CreatedAt)
	dst = appendInstant(dst, `,"completed_at":`, r.CompletedAt)
	dst = appendQuoted(append(dst, `,"phase":`...), r.Phase)
	dst = appendQuoted(append(dst, `,"cluster":`...), r.Cluster)
	dst = appendText(dst, `,"execution_namespace":`, r.ExecutionNamespace)
	dst = appendText(dst, `,"execution_uid":`, r.ExecutionUID)
	dst = appendQuoted(append(dst, `,"source":`...), r.Source)
	dst = appendText(dst, `,"job_exit_reason":`, r.JobExitReason)
	dst = appendKnown(dst, `,"job_signal":`, r.JobSignal)
	dst = appendText(dst, `,"resource_usage_source":`, r.ResourceUsageSource)
	for i, n := range r.Redactions {
		dst = appendCount(dst, i, `,"redactions":[{"rule":`, `,{"rule":`, n.Rule, n.Path, n.Count)
	}
	dst = closeList(dst, len(r.Redactions))
	for i, n := range r.Notes {
		dst = appendCount(dst, i, `,"notes":[{"change":`, `,{"change":`, n.Change, n.Path, n.Count)
	}
	dst = closeList(dst, len(r.Notes))
	dst = appendText(dst, `,"record_sha256":`, r.RecordSHA256)
	dst = appendText(dst, `,"delivered_by":`, r.DeliveredBy)
	return append(appendText(dst, `,"policy":`, r.Policy), '}')
}

// appendText leaves out what is empty, with its name.
func appendText(dst []byte, name, s string) []byte {
	if s == "" {
		return dst
	}
	return appendQuoted(append(dst, name...), s)
}

func appendInstant(dst []byte, name string, t time.Time) []byte {
	if t.IsZero() {
		return dst
	}
	return appendTime(append(dst, name...), t)
}

func appendTime(dst []byte, t time.Time) []byte {
	dst, err := t.AppendText(append(dst, '"'))
	if err != nil {
		panic("audit: canonical JSON: " + err.Error())
	}
	return append(dst, '"')
}

func appendNumber[T ~int | ~int32 | ~int64](dst []byte, n T) []byte {
	return strconv.AppendInt(dst, int64(n), 10)
}

func appendKnown[T ~int32 | ~int64](dst []byte, name string, n *T) []byte {
	if n == nil {
		return dst
	}
	return appendNumber(append(dst, name...), *n)
}

// appendCount appends a [Redaction] or a [Note]; the first one opens the list.
func appendCount(dst []byte, i int, first, next, kind, path string, count int) []byte {
	if i > 0 {
		first = next
	}
	dst = appendQuoted(append(dst, first...), kind)
	dst = appendQuoted(append(dst, `,"path":`...), path)
	return append(appendNumber(append(dst, `,"count":`...), count), '}')
}

func closeList(dst []byte, n int) []byte {
	if n == 0 {
		return dst
	}
	return append(dst, ']')
}

// appendCompact appends a JSON value without white space, else as it is.
func appendCompact(dst []byte, value json.RawMessage) []byte {
	if text := (jsonText{text: value}); text.compact(0) && text.atEnd() {
		return append(dst, value...)
	}
	var buf bytes.Buffer
	if err := json.Compact(&buf, value); err != nil {
		panic("audit: canonical JSON: " + err.Error())
	}
	return append(dst, buf.Bytes()...)
}

// appendQuoted appends a string as [encoding/json] does without HTML escapes:
// U+2028 and U+2029 are escaped, and each byte that is not UTF-8 is \ufffd.
func appendQuoted[T string | []byte](dst []byte, s T) []byte {
	dst = append(dst, '"')
	done := 0 // up to where s is written
	for i := 0; i < len(s); {
		if i+8 <= len(s) && clean(eightBytes(s, i)) {
			i += 8
			continue
		}
		c := s[i]
		if c >= ' ' && c < utf8.RuneSelf && c != '"' && c != '\\' {
			i++
			continue
		}
		size := 1
		if c >= utf8.RuneSelf {
			var r rune
			r, size = utf8.DecodeRuneInString(string(s[i:min(i+utf8.UTFMax, len(s))]))
			if r != '\u2028' && r != '\u2029' && (r != utf8.RuneError || size > 1) {
				i += size
				continue
			}
		}
		dst = appendEscape(append(dst, s[done:i]...), c, s[i+size-1])
		i += size
		done = i
	}
	return append(append(dst, s[done:]...), '"')
}

// appendEscape appends the escape of the character with this first and last byte.
func appendEscape(dst []byte, first, last byte) []byte {
	const digits = "0123456789abcdef"
	switch first {
	case '"', '\\':
		return append(dst, '\\', first)
	case '\b':
		return append(dst, `\b`...)
	case '\f':
		return append(dst, `\f`...)
	case '\n':
		return append(dst, `\n`...)
	case '\r':
		return append(dst, `\r`...)
	case '\t':
		return append(dst, `\t`...)
	}
	switch {
	case first < ' ':
		return append(dst, '\\', 'u', '0', '0', digits[first>>4], digits[first&0xf])
	case first == last: // a single byte, which is no character
		return append(dst, `\ufffd`...)
	default: // E2 80 A8 or E2 80 A9
		return append(dst, '\\', 'u', '2', '0', '2', digits[last&0xf])
	}
}

func eightBytes[T string | []byte](s T, i int) uint64 {
	_ = s[i+7]
	return uint64(s[i]) | uint64(s[i+1])<<8 | uint64(s[i+2])<<16 | uint64(s[i+3])<<24 |
		uint64(s[i+4])<<32 | uint64(s[i+5])<<40 | uint64(s[i+6])<<48 | uint64(s[i+7])<<56
}

// clean tells that all eight bytes may stand in a JSON string as they are: none
// is a control character, a quotation mark, a backslash or beyond ASCII. The
// subtractions borrow from the highest bit of the bytes that are one of these.
func clean(x uint64) bool {
	const ones, high = 0x0101010101010101, 0x8080808080808080
	quote, backslash := x^ones*'"', x^ones*'\\'
	return (x|(x-ones*' ')|(quote-ones)|(backslash-ones))&high == 0
}
