package audit

import (
	"strings"
	"time"
	"unicode/utf8"
)

// What normalisation may change; each is the Change of a [Note].
const (
	// ChangeNUL: U+0000 became U+2400 (␀). PostgreSQL text cannot hold NUL.
	ChangeNUL = "nul_replaced"
	// ChangeUTF8: bytes that are not UTF-8, and lone surrogates in JSON, became U+FFFD.
	ChangeUTF8 = "invalid_utf8_replaced"
	// ChangeTruncated: the text was cut to what its column holds.
	ChangeTruncated = "truncated"
	// ChangeTime: a time outside the years 1970 to 9999 was dropped; created_at
	// only outside the years 0 to 9999, which nothing can write down.
	ChangeTime = "time_out_of_range"
	// ChangePrecision: a time or duration was cut to whole microseconds, which is
	// what PostgreSQL keeps.
	ChangePrecision = "precision_reduced"
	// ChangeDuration: a duration that was negative, because the end lies
	// before the start, was dropped; both times stay.
	ChangeDuration = "negative_duration"
	// ChangeDuplicateKey: of equal keys in one JSON object the last was kept.
	ChangeDuplicateKey = "duplicate_key"
	// ChangeNumber: a JSON number beyond PostgreSQL's range became a string.
	ChangeNumber = "number_out_of_range"
	// ChangeNotJSON: parameters that are not one JSON value became a JSON string.
	ChangeNotJSON = "not_json"
	// ChangeNotNumber: a number that was given as text, and is none, became 0.
	ChangeNotNumber = "not_a_number"
	// ChangeDepth: parameters nested deeper than [MaxDepth] became a JSON string.
	ChangeDepth = "nested_too_deep"
)

// MaxDepth is how deep action_parameters may be nested. PostgreSQL's parser
// gives out between 7,000 and 100,000 levels; nobody reads past a few dozen.
const MaxDepth = 512

// TextLimits gives the length limit, in runes, of every limited text field by
// its JSON name. The schema is tested against it.
func TextLimits() map[string]int {
	limits := map[string]int{}
	var r Record
	for _, t := range r.texts() {
		if t.limit > 0 {
			limits[t.name] = t.limit
		}
	}
	return limits
}

type text struct {
	name  string
	value *string
	limit int // runes; 0 means none
}

func (r *Record) texts() []text {
	return []text{
		{"execution_id", &r.ExecutionID, 255},
		{"workflow_ref", &r.WorkflowRef, 255},
		{"action_type", &r.ActionType, 100},
		{"target_namespace", &r.TargetNamespace, 253},
		{"target_resource_kind", &r.TargetResourceKind, 100},
		{"target_resource_name", &r.TargetResourceName, 253},
		{"output", &r.Output, 0},
		{"error", &r.Error, 0},
		{"job_name", &r.JobName, 255},
		{"job_pod_name", &r.JobPodName, 255},
		{"phase", &r.Phase, 50},
		{"cluster", &r.Cluster, 253},
		{"execution_namespace", &r.ExecutionNamespace, 253},
		{"execution_uid", &r.ExecutionUID, 128},
		{"source", &r.Source, 100},
		{"job_exit_reason", &r.JobExitReason, 255},
		{"resource_usage_source", &r.ResourceUsageSource, 50},
		{"policy", &r.Policy, 64},
	}
}

// Normalise returns the record in the form PostgreSQL can hold and give back
// unchanged, with a note for everything that had to be changed. It is total,
// deterministic and idempotent: normalising twice adds no note. It does not
// alter r's slices.
func (r Record) Normalise() Record {
	notes := notebook{list: append([]Note(nil), r.Notes...)}
	for _, t := range r.texts() {
		*t.value = notes.text(t.name, *t.value, t.limit)
	}
	r.ActionParameters = notes.parameters(r.ActionParameters)
	r.CreatedAt = notes.created(r.CreatedAt)
	r.StartTime = notes.time("start_time", r.StartTime)
	r.EndTime = notes.time("end_time", r.EndTime)
	r.CompletedAt = notes.time("completed_at", r.CompletedAt)
	r.Duration = notes.duration(r.Duration)
	r.Notes = notes.list
	return r
}

// notebook collects notes, merging those about the same change and path.
type notebook struct{ list []Note }

func (b *notebook) add(change, path string, count int) {
	if count == 0 {
		return
	}
	for i := range b.list {
		if b.list[i].Change == change && b.list[i].Path == path {
			b.list[i].Count += count
			return
		}
	}
	b.list = append(b.list, Note{change, path, count})
}

func (b *notebook) text(path, s string, limit int) string {
	s = b.characters(path, s)
	if limit > 0 && utf8.RuneCountInString(s) > limit {
		s = string([]rune(s)[:limit])
		b.add(ChangeTruncated, path, 1)
	}
	return s
}

func (b *notebook) characters(path, s string) string {
	if n := strings.Count(s, "\x00"); n > 0 {
		s = strings.ReplaceAll(s, "\x00", "\u2400")
		b.add(ChangeNUL, path, n)
	}
	if !utf8.ValidString(s) {
		b.add(ChangeUTF8, path, invalidRunes(s))
		s = strings.ToValidUTF8(s, "\ufffd")
	}
	return s
}

// invalidRunes counts the runs of bytes that strings.ToValidUTF8 replaces.
func invalidRunes(s string) (n int) {
	run := false
	for i, c := range s {
		_, size := utf8.DecodeRuneInString(s[i:])
		bad := c == utf8.RuneError && size == 1
		if bad && !run {
			n++
		}
		run = bad
	}
	return n
}

func (b *notebook) time(path string, t time.Time) time.Time {
	if t.IsZero() {
		return time.Time{} // absent, whatever its location says
	}
	if !storableYear(t) {
		b.add(ChangeTime, path, 1)
		return time.Time{}
	}
	return b.micros(path, t)
}

// created leaves a created_at that no partition can be for: it is not unknown,
// it is wrong, and the store puts such a record aside.
func (b *notebook) created(t time.Time) time.Time {
	const path = "created_at"
	if y := t.UTC().Year(); y < 0 || y > 9999 {
		b.add(ChangeTime, path, 1)
		return time.Time{}
	}
	return b.micros(path, t)
}

// micros is the instant as timestamptz keeps it: UTC, whole microseconds.
func (b *notebook) micros(path string, t time.Time) time.Time {
	t = t.UTC()
	cut := t.Truncate(time.Microsecond)
	if !cut.Equal(t) {
		b.add(ChangePrecision, path, 1)
	}
	return cut
}

func (b *notebook) duration(d *time.Duration) *time.Duration {
	if d == nil {
		return nil
	}
	if *d < 0 {
		b.add(ChangeDuration, "duration", 1)
		return nil
	}
	micros := d.Truncate(time.Microsecond)
	if micros != *d {
		b.add(ChangePrecision, "duration", 1)
	}
	return &micros
}

func storableYear(t time.Time) bool {
	y := t.UTC().Year()
	return y >= 1970 && y <= 9999
}
