package main

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/auditflow/auditflow/audit"
	"github.com/auditflow/auditflow/audit/redact"
	"github.com/auditflow/auditflow/audit/redact/score"
)

func TestExplanationsOfMasks(t *testing.T) {
	t.Parallel()
	found := []redact.Finding{
		{Rule: "password", Start: strings.Index(aLog, aPassword), End: strings.Index(aLog, aPassword) + len(aPassword)},
		{Rule: "github-token", Start: strings.Index(aLog, aToken), End: strings.Index(aLog, aToken) + len(aToken)},
	}
	inEveryForm(t, "redact-explain", func(p *program) error {
		return explained(p, maskingSheet("builtin-0"), maskings(aLog, aRedactedLog, found), "builtin-0")
	})
	inEveryForm(t, "redact-explain-record", func(p *program) error {
		return p.explainRecord(audit.Record{Policy: "policy-0123456789ab+builtin-0", Redactions: []audit.Redaction{
			{Rule: "password", Path: "action_parameters.env.0", Count: 1}, {Rule: "door-code", Path: "output", Count: 12},
			{Rule: "unprocessable", Path: "error", Count: 1},
		}})
	})
	inEveryForm(t, "redact-explain-nothing", func(p *program) error {
		return explained(p, maskingSheet("builtin-0"), maskings("nothing secret", "nothing secret", nil), "builtin-0")
	})
}

// TestAnExplanationShowsWhereAndNeverWhat: line and column lead to the finding,
// and what stands around it is redacted.
func TestAnExplanationShowsWhereAndNeverWhat(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		text := hostileText(t, "text")
		masked, found := redact.New().Text(text)
		n := 0
		for m, err := range maskings(text, masked, found) {
			if err != nil || m.Start != found[n].Start || m.End != found[n].End || m.Rule != found[n].Rule {
				t.Fatalf("%+v, %v: want finding %+v", m, err, found[n])
			}
			n++
			before := strings.Split(text[:m.Start], "\n")
			if column := len([]rune(before[len(before)-1])) + 1; m.Line != len(before) || m.Column != column {
				t.Fatalf("%q: %d:%d, want %d:%d", text, m.Line, m.Column, len(before), column)
			}
			inner := strings.TrimSuffix(strings.TrimPrefix(m.Context, "…"), "…")
			if !strings.Contains(masked, inner) || strings.Contains(inner, "\n") || !strings.Contains(inner, "[REDACTED:"+m.Rule+"]") {
				t.Fatalf("context %q is not of a line of %q", m.Context, masked)
			}
		}
		if n != len(found) {
			t.Fatalf("%d of %d findings explained", n, len(found))
		}
	})
}

func TestContextIsALineAndNotTooMuchOfIt(t *testing.T) {
	t.Parallel()
	const m = "[REDACTED:password]"
	wide := strings.Repeat("é", 50) // two bytes each
	for _, tc := range []struct{ before, after, want string }{
		{"", "", m},
		{"one\ntwo ", " three\nfour", "two " + m + " three"},
		{"a\r\n", "\r\nb", m},
		{wide, wide, "…" + wide[:30] + m + wide[:30] + "…"},
		{"x" + wide, wide + "x", "…" + wide[:30] + m + wide[:30] + "…"},
		{wide + "x", "x" + wide, "…" + wide[:28] + "x" + m + "x" + wide[:28] + "…"},
	} {
		text := tc.before + m + tc.after
		if got := contextOf(text, len(tc.before), len(tc.before)+len(m)); got != tc.want {
			t.Errorf("%q: got %q, want %q", text, got, tc.want)
		}
	}
}

func TestEveryRuleHasAReason(t *testing.T) {
	t.Parallel()
	for _, rule := range redact.BuiltinRules() {
		if reason := why(rule); reason == "" || reason == "a rule of the policy" {
			t.Errorf("%s: %q", rule, reason)
		}
	}
	for rule := range reasons {
		always := rule == "unprocessable" || rule == "secret-field" // which no policy turns off
		if !always && why(rule) == "" || !always && !isBuiltin(rule) {
			t.Errorf("there is no rule %s", rule)
		}
	}
	if why("door-code") != "a rule of the policy" {
		t.Errorf("a rule of a policy: %s", why("door-code"))
	}
}

func isBuiltin(rule string) bool {
	for _, name := range redact.BuiltinRules() {
		if name == rule {
			return true
		}
	}
	return false
}

func corpusOf(t *testing.T) string {
	t.Helper()
	var b strings.Builder
	for _, text := range []score.Text{
		{Text: aLog, Secrets: []string{aPassword, aToken}, Kind: "log", Label: score.LabelSecret},
		{Text: "the fox is called Reynard", Secrets: []string{"Reynard"}, Kind: "missed", Label: score.LabelSecret},
		{Text: "PASS" + "WORD=" + aPassword, Kind: "touched", Label: score.LabelNotSecret},
		{Text: "ten lines of nothing", Kind: "clean", Label: score.LabelClean},
	} {
		b.Write(append(compact(text), '\n'))
	}
	return b.String()
}

func TestScoresAreThoseOfThePackage(t *testing.T) {
	t.Parallel()
	corpus := corpusOf(t)
	want, err := score.Score(strings.NewReader(corpus), redact.New())
	must(t, err)
	if want.Secrets != 3 || want.Removed != 2 || want.Touched != 1 {
		t.Fatalf("the sample shows nothing: %+v", want)
	}
	var packed bytes.Buffer
	z := gzip.NewWriter(&packed)
	_, err = z.Write([]byte(corpus))
	must(t, err)
	must(t, z.Close())
	path := filepath.Join(t.TempDir(), "labelled.jsonl.gz")
	must(t, writeFile(path, packed.String()))

	for what, o := range map[string]outcome{
		"a compressed file":    environment{}.execute(t, "redact", "score", path, "-o", "json"),
		"stdin":                environment{}.fed(t, corpus, "redact", "score", "-", "-o", "json"),
		"compressed, on stdin": environment{}.fed(t, packed.String(), "redact", "score", "-", "-o", "json"),
	} {
		var got scored
		must(t, json.Unmarshal([]byte(fine(t, o)), &got))
		if !reflect.DeepEqual(got.Report, want) || got.Policy != redact.New().Version() {
			t.Errorf("%s: got %+v, want %+v", what, got, want)
		}
	}
	table := fine(t, environment{}.execute(t, "redact", "score", path))
	contains(t, "the table", table, "2 of 3 (66.67 %) secrets", "1 of 1 (100.00 %) texts", "missed", "touched")
	if strings.Contains(table, "\nlog") || !strings.Contains(fine(t, environment{}.execute(t, "redact", "score", path, "-o", "wide")), "\nlog") {
		t.Errorf("kinds without mistakes are for -o wide:\n%s", table)
	}
	for text, told := range map[string]string{"": "holds no texts", corpus + aToken: "line 5 of the corpus"} {
		o := environment{}.fed(t, text, "redact", "score", "-")
		if o.code != exitUsage || o.stdout != "" || strings.Contains(o.stderr, aToken[:12]) {
			t.Errorf("%+v", o)
		}
		contains(t, "stderr", o.stderr, told)
	}
}

func TestScoresAreShownForPeopleAndPrograms(t *testing.T) {
	t.Parallel()
	kinds := map[string]*score.Count{
		"missed": {Secrets: 10, Removed: 4, Share: 0.4}, "log": {Secrets: 1234, Removed: 1234, Share: 1},
		"prose": {MustNotTouch: 50, Touched: 1, TouchedShare: 0.02}, "clean": {CleanBytes: 40_000, CleanRedacted: 12, CleanShare: 0.0003},
	}
	report := scored{score.Report{
		Texts: 1300, Count: score.Count{
			Secrets: 1244, Removed: 1238, Share: 1238.0 / 1244, MustNotTouch: 50, Touched: 1, TouchedShare: 0.02,
			CleanBytes: 40_000, CleanRedacted: 12, CleanShare: 0.0003,
		},
		ByKind: kinds, ByLabel: map[string]*score.Count{}, Worst: []string{"missed", "prose", "clean"},
	}, "builtin-0"}
	for form, format := range map[string]string{"table": formatTable, "wide": formatWide, "json": formatJSON} {
		golden(t, "redact-score."+form, rendered(t, environment{}, format, func(p *program) error { return p.scored(report) }))
	}
	path := filepath.Join(t.TempDir(), "labelled.jsonl")
	must(t, writeFile(path, corpusOf(t)))
	o := environment{}.execute(t, "redact", "score", path, "-o", "csv")
	if o.code != exitUsage || !strings.Contains(o.stderr, "there is no CSV") {
		t.Errorf("%+v", o)
	}
}
