package httpapi

import (
	"encoding/json"
	"reflect"
	"slices"
	"strings"
	"time"

	"github.com/auditflow/auditflow/audit"
)

// ours are the fields that auditflow writes. Clients that send back what they
// have read may leave the id in, if it is right.
var ours = []string{"redactions", "notes", "record_sha256", "delivered_by", "policy"}

// fieldIndex finds the fields of a record by their JSON names.
var fieldIndex = func() map[string]int {
	index, record := map[string]int{}, reflect.TypeFor[audit.Record]()
	for i := range record.NumField() {
		name, _, _ := strings.Cut(record.Field(i).Tag.Get("json"), ",")
		index[name] = i
	}
	return index
}()

// decode reads one record and reports all its faults at once. null counts as
// absent.
func (d *door) decode(text []byte) (audit.Record, *Problem) {
	if p := checkText(text); p != nil {
		return audit.Record{}, p
	}
	all, p := members(text)
	if p != nil {
		return audit.Record{}, p
	}
	var r audit.Record
	var faults []Fault
	given, outcome := map[string]bool{}, false
	into := reflect.ValueOf(&r).Elem()
	for _, m := range all {
		rule := ""
		switch index, known := fieldIndex[m.name]; {
		case !known:
			m.name, rule = d.nameable(m.name), "is not a field of a record"
		case given[m.name]:
			rule = "is there twice"
		case m.twice:
			rule = "has a name twice in one object"
		case string(m.value) == "null":
		case slices.Contains(ours, m.name):
			rule = "is written by auditflow: leave it out"
		default:
			rule = read(m.value, into.Field(index).Addr().Interface())
		}
		given[m.name] = true
		outcome = outcome || m.name == "success" && string(m.value) != "null"
		if rule != "" {
			faults = append(faults, Fault{m.name, rule})
		}
	}
	if !outcome { // a failure that nobody told is none
		faults = append(faults, Fault{"success", "is required"})
	}
	return r, problemOf(faults)
}

func problemOf(faults []Fault) *Problem {
	if len(faults) == 0 {
		return nil
	}
	return invalid(faults...)
}

// nameable is a field's name, if it can be told without telling what might be
// content.
func (d *door) nameable(name string) string {
	plain := func(c rune) bool { return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c == '_' }
	if len(name) > 40 || strings.TrimFunc(name, plain) != "" || d.starter.Redactor.Name(name) != name {
		return "(a name that is not quoted)"
	}
	return name
}

// read decodes a value and says what is wrong with it; "" if nothing is.
func read(value json.RawMessage, into any) string {
	switch into := into.(type) {
	case *json.RawMessage:
		*into = slices.Clone(value)
		return ""
	case **audit.ResourceUsage:
		return readUsage(value, into)
	}
	if json.Unmarshal(value, into) != nil {
		return wanted(into)
	}
	if value[0] == '"' && halfCharacter(value) {
		return "has half a character: a \\u escape without its other half"
	}
	return ""
}

func wanted(into any) string {
	switch into.(type) {
	case *string:
		return "must be a string"
	case *bool:
		return "must be true or false"
	case *time.Time:
		return "must be a time as RFC 3339 has it, in the years 0 to 9999"
	case **time.Duration:
		return "must be a whole number of nanoseconds of at most 64 bits"
	}
	return "must be a whole number of at most 32 bits"
}

func readUsage(value json.RawMessage, into **audit.ResourceUsage) string {
	const rule = "must be an object of cpu_millicores and memory_bytes, whole numbers"
	var numbers map[string]int64
	if json.Unmarshal(value, &numbers) != nil {
		return rule
	}
	usage := audit.ResourceUsage{CPUMillicores: numbers["cpu_millicores"], MemoryBytes: numbers["memory_bytes"]}
	delete(numbers, "cpu_millicores")
	delete(numbers, "memory_bytes")
	if len(numbers) > 0 {
		return rule
	}
	*into = &usage
	return ""
}
