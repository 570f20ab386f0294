package score_test

import (
	"bytes"
	"compress/gzip"
	"reflect"
	"strings"
	"testing"

	"github.com/auditflow/auditflow/audit/redact"
	"github.com/auditflow/auditflow/audit/redact/score"
)

// cutter masks what is in it, wherever it stands.
type cutter []string

func (c cutter) Text(s string) (masked string, findings []redact.Finding) {
	masked = s
	for _, secret := range c {
		if i := strings.Index(s, secret); i >= 0 {
			findings = append(findings, redact.Finding{Rule: "password", Start: i, End: i + len(secret)})
		}
		masked = strings.ReplaceAll(masked, secret, "[REDACTED:password]")
	}
	return masked, findings
}

func TestWhatCountsAsRemoved(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name, line string
		cut        cutter
		removed    int
	}{
		{"all of it", `{"label":"secret","text":"a hunter2","secrets":["hunter2"]}`, cutter{"hunter2"}, 1},
		{"not when it stands elsewhere too", `{"label":"secret","text":"hunter2 hunter22","secrets":["hunter22"]}`, cutter{"hunter2 "}, 0},
		{"not when eight bytes are left", `{"label":"secret","text":"a 0123456789abcdef","secrets":["0123456789abcdef"]}`, cutter{"89abcdef"}, 0},
		{"when fewer are left", `{"label":"secret","text":"a 0123456789abcdef","secrets":["0123456789abcdef"]}`, cutter{"3456789abcdef"}, 1},
		{"the mask's own word is not the secret", `{"label":"secret","text":"x=password","secrets":["password"]}`, cutter{"password"}, 1},
		{"the name beside it is not the secret", `{"label":"secret","text":"password=password1","secrets":["password1"]}`, cutter{"password1"}, 1},
		{"of a URL, its password", `{"label":"secret","text":"ftp://u:hunter2@files.example.org/x","secrets":["ftp://u:hunter2@files.example.org"]}`, cutter{"hunter2"}, 1},
		{"of an assignment, its value", `{"label":"secret","text":"application_password = hunter2","secrets":["application_password = hunter2"]}`, cutter{"hunter2"}, 1},
	}
	for _, tc := range tests {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			report, err := score.Score(strings.NewReader(tc.line), tc.cut)
			if err != nil || report.Secrets != 1 || report.Removed != tc.removed {
				t.Errorf("removed %d of %d, %v", report.Removed, report.Secrets, err)
			}
		})
	}
}

const corpus = `{"label":"secret","kind":"good","text":"a hunter2","secrets":["hunter2"]}
{"label":"secret","kind":"bad","text":"a dragon9","secrets":["dragon9"]}

{"label":"not-secret","kind":"bad","text":"about hunter2"}
{"label":"near-miss","kind":"good","text":"nothing"}
{"label":"identifier","kind":"good","text":"nothing","licence":"MIT"}
{"label":"presumed-clean","kind":"clean","text":"hunter2 and ten"}
{"label":"contains-secret-unlocated","kind":"good","text":"hunter2"}
`

func TestFiguresOverallAndByKind(t *testing.T) {
	t.Parallel()
	report, err := score.Score(strings.NewReader(corpus), cutter{"hunter2"})
	if err != nil {
		t.Fatal(err)
	}
	want := score.Count{Secrets: 2, Removed: 1, Share: 0.5, MustNotTouch: 3, Touched: 1, TouchedShare: 1.0 / 3,
		CleanBytes: 15, CleanRedacted: 7, CleanShare: 7.0 / 15, Unlocated: 1, UnlocatedTouched: 1}
	if report.Texts != 7 || report.Count != want {
		t.Errorf("%d texts, %+v", report.Texts, report.Count)
	}
	if bad := report.ByKind["bad"]; bad == nil || bad.Share != 0 || bad.TouchedShare != 1 {
		t.Errorf("bad: %+v", bad)
	}
	if !reflect.DeepEqual(report.Worst, []string{"bad", "clean"}) {
		t.Errorf("worst: %v", report.Worst)
	}
}

func TestCompressedCorporaAreRead(t *testing.T) {
	t.Parallel()
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	if _, err := w.Write([]byte(corpus)); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	if report, err := score.Score(&b, redact.New()); err != nil || report.Texts != 7 {
		t.Errorf("%d texts, %v", report.Texts, err)
	}
}

func TestErrorsNameTheLineAndNotItsContent(t *testing.T) {
	t.Parallel()
	for _, text := range []string{"", "{\"text\":\"x\"}\nhunter2", "{\"text\":[\"hunter2\"]}", "\x1f\x8bhunter2"} {
		_, err := score.Score(strings.NewReader(text), redact.New())
		if err == nil || strings.Contains(err.Error(), "hunter2") {
			t.Errorf("%q: %v", text, err)
		}
	}
}
