package main

import (
	"bytes"
	"encoding/csv"
	"strings"
	"testing"
	"time"
)

func TestTextThatASpreadsheetWouldRunIsMadeHarmless(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		`=HYPERLINK("http://x")`: `"'=HYPERLINK(""http://x"")"`,
		"=1+1":                   "'=1+1",
		"+1":                     "'+1",
		"-1+1":                   "'-1+1",
		"-":                      "'-",
		"--help":                 "'--help",
		"@SUM(1)":                "'@SUM(1)",
		"\t=1":                   "'\t=1",
		"\r=1":                   "\"'\r=1\"",
		"\n=1":                   "\"'\n=1\"",
		"  =1":                   "'  =1",
		"\ufeff=1":               "'\ufeff=1",
		"＝1":                     "'＝1",
		"＠x":                     "'＠x",

		"-5": "-5", "-0.25": "-0.25", "42": "42", // numbers stay numbers
		"":       "",
		"a=b":    "a=b",
		"a,b":    `"a,b"`,
		`a"b`:    `"a""b"`,
		"a\nb":   "\"a\nb\"",
		"a\r\nb": "\"a\r\nb\"",
		" a":     `" a"`,
		"日本":     "日本",
	} {
		if got := csvCell(text); got != want {
			t.Errorf("%q: got %q, want %q", text, got, want)
		}
	}
}

func TestValuesOfOtherTypesStayWhatTheyAre(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		value any
		want  string
	}{
		{nil, ""}, {int64(-5), "-5"}, {-0.25, "-0.25"}, {1e21, "1000000000000000000000"}, {true, "true"},
		{time.Time{}, ""}, {noon.Add(1000).In(time.FixedZone("", 3600)), "2026-03-10T12:00:00.000001Z"},
	} {
		if got := csvCell(tc.value); got != tc.want {
			t.Errorf("%v: got %q, want %q", tc.value, got, tc.want)
		}
	}
}

func TestTheCSVOfHostileRowsReadsBack(t *testing.T) {
	t.Parallel()
	text := rendered(t, environment{}, formatCSV, func(p *program) error {
		_, err := list(p.out, findSheet(time.UTC), all([]row{stored(hostile("b", 70)), stored(succeeded("a", 5))}))
		return err
	})
	table, err := csv.NewReader(strings.NewReader(text)).ReadAll()
	must(t, err)
	if len(table) != 3 {
		t.Fatalf("%d lines", len(table))
	}
	for i, name := range table[0] {
		// encoding/csv reads CRLF as LF, also within quotes.
		for want, is := range map[string]bool{
			"'=cmd|'/C calc'!A0": name == "execution_id", "-5": name == "workflow_ref", "'@SUM(1)\n\tsecond line": name == "error",
			"\x1b[2J\x1b]0;title\agone\n+1\n\u009b31m日本": name == "output", "12345678000": name == "duration", "12.345678": name == "duration_seconds",
		} {
			if is && table[1][i] != want {
				t.Errorf("%s: got %q, want %q", name, table[1][i], want)
			}
		}
	}
}

func TestOnATerminalNoFormatObeysARecord(t *testing.T) {
	t.Parallel()
	for _, format := range []string{formatTable, formatWide, formatJSON, formatCSV} {
		text := rendered(t, environment{person: true, variables: map[string]string{variableNoColor: "1"}}, format, func(p *program) error {
			if _, err := list(p.out, failuresSheet(time.UTC), all([]row{stored(hostile("b", 70))})); err != nil {
				return err
			}
			return p.showRow(stored(hostile("b", 70)))
		})
		if i := strings.IndexAny(text, "\x1b\a\u009b\u202e"); i >= 0 {
			t.Errorf("%s: %q", format, text[max(0, i-20):min(len(text), i+20)])
		}
	}
}

func TestWhatATerminalSeesOfJSONIsTheSameJSON(t *testing.T) {
	t.Parallel()
	r := stored(hostile("b", 70))
	r.Output += "\U000e0041\x7f\u00a0"
	text := rendered(t, environment{person: true}, formatJSON, func(p *program) error {
		_, err := list(p.out, findSheet(time.UTC), all([]row{r}))
		return err
	})
	if got := lines[row](t, text); len(got) != 1 || got[0].Output != r.Output || got[0].Digest() != r.Digest() {
		t.Errorf("got %q, want %q", got[0].Output, r.Output)
	}
}

func TestColoursAreForTerminalsUnlessSomebodySaysOtherwise(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		color  string
		person bool
		no     string
		want   bool
	}{
		{"auto", true, "", true}, {"auto", true, "1", false}, {"auto", false, "", false},
		{"always", false, "1", true}, {"never", true, "", false},
	} {
		p := environment{person: tc.person, variables: map[string]string{variableNoColor: tc.no}}.program()
		p.stdout, p.flags = &bytes.Buffer{}, globals{format: formatTable, color: tc.color, zone: zone{time.UTC}}
		if got := p.newOutput().colour; got != tc.want {
			t.Errorf("%+v: got %t", tc, got)
		}
	}
}
