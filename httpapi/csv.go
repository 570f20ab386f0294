package httpapi

import (
	"encoding/json"
	"io"
	"reflect"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/auditflow/auditflow/audit"
)

const typeCSV = "text/csv"

// csvHeader is the line of names: those of the record's JSON, in its order, and
// persisted_at.
func csvHeader() string {
	var names []string
	for i, record := 0, reflect.TypeFor[audit.Record](); i < record.NumField(); i++ {
		name, _, _ := strings.Cut(record.Field(i).Tag.Get("json"), ",")
		names = append(names, name)
	}
	return strings.Join(append(names, "persisted_at"), ",") + "\r\n"
}

// csvLine writes a row as RFC 4180 has it. What is not known is empty.
func csvLine(w io.Writer, row audit.Persisted) error {
	record := reflect.ValueOf(row.Record)
	cells := make([]string, 0, record.NumField()+1)
	for i := range record.NumField() {
		cells = append(cells, csvCell(record.Field(i).Interface()))
	}
	cells = append(cells, csvCell(row.PersistedAt))
	_, err := io.WriteString(w, strings.Join(cells, ",")+"\r\n")
	return err
}

func csvCell(value any) string {
	switch v := value.(type) {
	case string:
		return csvText(v)
	case json.RawMessage:
		return csvText(string(v))
	case bool:
		return strconv.FormatBool(v)
	case int32:
		return strconv.Itoa(int(v))
	case time.Time:
		if v.IsZero() {
			return ""
		}
		return v.UTC().Format(time.RFC3339Nano)
	}
	of := reflect.ValueOf(value) // a pointer or a slice
	if of.IsNil() {
		return ""
	}
	text, err := json.Marshal(value)
	if err != nil {
		panic("httpapi: a field of a record is no JSON: " + err.Error())
	}
	return csvText(string(text))
}

var csvNumber = regexp.MustCompile(`^-?[0-9]+(\.[0-9]+)?$`)

// csvText quotes a text, and puts an apostrophe before what a spreadsheet would
// take for a formula (https://owasp.org/www-community/attacks/CSV_Injection).
func csvText(s string) string {
	first := strings.TrimLeft(s, " \u00a0\ufeff")
	if first != "" && strings.ContainsRune("=+-@\t\r\n＝＋－＠", []rune(first)[0]) && !csvNumber.MatchString(s) {
		s = "'" + s
	}
	if !strings.ContainsAny(s, "\",\r\n") && strings.TrimSpace(s) == s {
		return s
	}
	return `"` + strings.ReplaceAll(s, `"`, `""`) + `"`
}
