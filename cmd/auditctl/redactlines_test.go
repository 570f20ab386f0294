package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/auditflow/auditflow/audit/redact"
)

// reply is a line of redact --jsonl.
type reply struct {
	Text     string
	Redacted string
	Findings []finding
}

// rebuilt puts masks where findings say that something was masked.
func (a reply) rebuilt(t interface{ Fatalf(string, ...any) }) string {
	var b strings.Builder
	at := 0
	for _, f := range a.Findings {
		if f.Start < at || f.End <= f.Start || f.End > len(a.Text) {
			t.Fatalf("finding %+v of a text of %d bytes, behind %d", f, len(a.Text), at)
		}
		b.WriteString(a.Text[at:f.Start] + "[REDACTED:" + f.Rule + "]")
		at = f.End
	}
	return b.String() + a.Text[at:]
}

// hostileText is of pieces that are secret, look so, or are hard to count.
func hostileText(t *rapid.T, label string) string {
	pieces := []string{
		"PASS" + "WORD=", aPassword, aToken, "password: ", "\n", "\r\n", "\t", " ", "größer", "日本", "🙂", "\u202e", "\x00", "\x1b[2J", `"`, `\`, "<&>",
		"\u2028", "[REDACTED:password]", "[REDACTED:", "https://u:" + aPassword + "@db/x", "plain words", "=", "x", `{"token": "`, "Authorization: Basic ",
	}
	return strings.Join(rapid.SliceOfN(rapid.SampledFrom(pieces), 0, 12).Draw(t, label), "")
}

// TestFindingsPointAtWhatWasMasked: whatever the texts, masks in the places of
// the findings make the redacted text, and every other field stays as it was.
func TestFindingsPointAtWhatWasMasked(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		var in strings.Builder
		var texts []string
		for i := range rapid.IntRange(1, 5).Draw(t, "lines") {
			texts = append(texts, hostileText(t, "text"))
			encoded := string(compact(texts[i]))
			if rapid.Bool().Draw(t, "escaped") { // another way to write the same text
				ascii, err := json.Marshal(texts[i])
				if err != nil {
					t.Fatalf("%v", err)
				}
				encoded = string(ascii)
			}
			fmt.Fprintf(&in, `{"z":1.50,"text":%s,"a":{"text":[1e400,"<"]},"z":null}`+"\n", encoded)
		}
		p := environment{}.program()
		var out, told strings.Builder
		p.stdin, p.stdout, p.stderr = strings.NewReader(in.String()), &out, &told
		if code := p.run(context.Background(), []string{"redact", "--jsonl"}); code != exitOK || told.Len() > 0 {
			t.Fatalf("exit code %d, %s", code, &told)
		}
		answers := strings.Split(strings.TrimSuffix(out.String(), "\n"), "\n")
		if len(answers) != len(texts) {
			t.Fatalf("%d answers to %d texts", len(answers), len(texts))
		}
		for i, line := range answers {
			var a reply
			if err := json.Unmarshal([]byte(line), &a); err != nil {
				t.Fatalf("%v: %s", err, line)
			}
			want, found := redact.New().Text(texts[i])
			if a.Text != texts[i] || a.Redacted != want || len(a.Findings) != len(found) || a.Findings == nil {
				t.Fatalf("%q became %+v, want %q, %+v", texts[i], a, want, found)
			}
			if got := a.rebuilt(t); got != a.Redacted {
				t.Fatalf("findings make %q of %q, not %q", got, a.Text, a.Redacted)
			}
			if !strings.HasPrefix(line, `{"z":1.50,"text":`) || !strings.Contains(line, `,"a":{"text":[1e400,"<"]},"z":null,"redacted":`) {
				t.Fatalf("other fields are not as they were: %s", line)
			}
		}
	})
}

func TestAnswersToLines(t *testing.T) {
	t.Parallel()
	secret := "PASS" + "WORD=" + aPassword
	for what, tc := range map[string]struct{ line, want string }{
		"nothing found":       {`{"text":"fine"}`, `{"text":"fine","redacted":"fine","findings":[]}`},
		"an empty text":       {` { "text" : "" } `, `{"text":"","redacted":"","findings":[]}`},
		"a secret":            {`{"id":7,"text":"` + secret + `"}`, `{"id":7,"text":"` + secret + `","redacted":"PASSWORD=[REDACTED:password]","findings":[{"rule":"password","start":9,"end":20}]}`},
		"bytes, not letters":  {`{"text":"é ` + secret + `"}`, `{"text":"é ` + secret + `","redacted":"é PASSWORD=[REDACTED:password]","findings":[{"rule":"password","start":12,"end":23}]}`},
		"answers of before":   {`{"findings":1,"text":"x","redacted":"y"}`, `{"text":"x","redacted":"x","findings":[]}`},
		"half a surrogate":    {`{"text":"\ud800"}`, `{"text":"\ud800","redacted":"` + "\ufffd" + `","findings":[]}`},
		"a field called Text": {`{"Text":1,"text":"x"}`, `{"Text":1,"text":"x","redacted":"x","findings":[]}`},
	} {
		if got := fine(t, environment{}.fed(t, tc.line, "redact", "--jsonl")); got != tc.want+"\n" {
			t.Errorf("%s: got %s want %s", what, got, tc.want)
		}
	}
	if got := fine(t, environment{person: true}.fed(t, "{\"text\":\"\u202e\u0080\"}\n", "redact", "--jsonl")); got != `{"text":"\u202e\u0080","redacted":"\u202e\u0080","findings":[]}`+"\n" {
		t.Errorf("on a terminal: %s", got)
	}
}

// TestABrokenLineHoldsUpNoOther, is told with its number and not quoted.
func TestABrokenLineHoldsUpNoOther(t *testing.T) {
	t.Parallel()
	const good = `{"text":"fine"}`
	for line, told := range map[string]string{
		aToken:                                 "is not a JSON object",
		`["` + aToken + `"]`:                   "is not a JSON object",
		`{"text":"` + aToken:                   "is not a JSON object",
		`{"text":"` + aToken + `",}`:           "is not a JSON object",
		`{"text":"` + aToken + `"} x`:          "holds more than one JSON object",
		good + good:                            "holds more than one JSON object",
		`{"texts":"` + aToken + `"}`:           `has no field "text"`,
		`{"text":["` + aToken + `"]}`:          `has a field "text" that is not a string`,
		`{"text":null}`:                        `has a field "text" that is not a string`,
		`{"text":"x","text":"` + aToken + `"}`: `has the field "text" 2 times`,
		"{\"text\":\"\xff" + aToken + "\"}":    "is not UTF-8",
		"null":                                 "is not a JSON object",
	} {
		o := environment{}.fed(t, good+"\n\n"+line+"\r\n  \n"+good, "redact", "--jsonl")
		if o.code != exitUsage || strings.Count(o.stdout, `"redacted":"fine"`) != 2 || strings.Count(o.stdout, "\n") != 2 {
			t.Errorf("%s: %+v", line, o)
		}
		if strings.Contains(o.stderr+o.stdout, aToken[:12]) {
			t.Errorf("%s is quoted: %s", line, o.stderr)
		}
		contains(t, line, o.stderr, "line 3: "+told, "1 line could not be read")
	}
	o := environment{}.fed(t, strings.Repeat("x\n", 30)+good, "redact", "--jsonl")
	if o.code != exitUsage || strings.Count(o.stderr, "\n") != maxTold+1 || !strings.Contains(o.stdout, "fine") {
		t.Errorf("%+v", o)
	}
	contains(t, "stderr", o.stderr, "30 lines could not be read")
}

func TestALineThatIsTooLongHoldsUpNoOther(t *testing.T) {
	t.Parallel()
	var out, told strings.Builder
	p := environment{}.program()
	p.stdin, p.stdout, p.stderr = io.MultiReader(io.LimitReader(endless{}, maxText+1), strings.NewReader("\n{\"text\":\"fine\"}\n")), &out, &told
	if code := p.run(t.Context(), []string{"redact", "--jsonl"}); code != exitUsage || !strings.Contains(out.String(), `"redacted":"fine"`) {
		t.Errorf("exit code %d, %s", code, &out)
	}
	contains(t, "stderr", told.String(), "line 1: is longer than 64 MiB")
}

func TestLinesAreReadUpToTheirLimit(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("x", 200_000) // longer than what is read at once
	for _, tc := range []struct {
		text  string
		limit int
		want  []string // - is a line that is too long
	}{
		{"", 3, nil},
		{"abc", 3, []string{"abc"}},
		{"abc\nabc\r\n", 3, []string{"abc", "abc"}},
		{"abcd\nabc\nabcd", 3, []string{"-", "abc", "-"}},
		{"\n\na", 3, []string{"", "", "a"}},
		{long + "\na\n" + long, 200_000, []string{long, "a", long}},
		{long + "\na\n" + long, 199_999, []string{"-", "a", "-"}},
		{long + "\n", 3, []string{"-"}},
	} {
		r := newLineReader(strings.NewReader(tc.text), tc.limit)
		var got []string
		for {
			line, err := r.next()
			if errors.Is(err, io.EOF) {
				break
			}
			if errors.Is(err, errLongLine) {
				line = []byte("-")
			} else if err != nil {
				t.Fatal(err)
			}
			got = append(got, string(line))
		}
		if strings.Join(got, "|") != strings.Join(tc.want, "|") || len(got) != len(tc.want) {
			t.Errorf("%.20q, limit %d: %d lines, want %d", tc.text, tc.limit, len(got), len(tc.want))
		}
	}
}

// TestWhoFeedsLineByLineGetsAnswersLineByLine, as a program does that talks to
// auditctl through two pipes.
func TestWhoFeedsLineByLineGetsAnswersLineByLine(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute) // only if it fails
	defer cancel()
	theirs, ours := io.Pipe()
	answers, out := io.Pipe()
	done := make(chan int, 1)
	go func() {
		p := environment{}.program()
		p.stdin, p.stdout, p.stderr = theirs, out, io.Discard
		done <- p.run(ctx, []string{"redact", "--jsonl"})
		_ = out.Close()
	}()
	lines := bufio.NewScanner(answers)
	for i := range 3 {
		_, err := fmt.Fprintf(ours, "{\"text\":\"%d\"}\n", i)
		must(t, err)
		if !lines.Scan() || !strings.Contains(lines.Text(), fmt.Sprintf(`"redacted":"%d"`, i)) {
			t.Fatalf("answer %d: %q, %v", i, lines.Text(), lines.Err())
		}
	}
	must(t, ours.Close())
	if code := <-done; code != exitOK {
		t.Errorf("exit code %d", code)
	}
}
