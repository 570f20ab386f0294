package terminal

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"
)

func TestNothingThatATerminalObeysOrHidesIsLeft(t *testing.T) {
	t.Parallel()
	for what, tc := range map[string]struct{ text, want string }{
		"plain text":              {"scaled é 日本 → 3", "scaled é 日本 → 3"},
		"a colour":                {"\x1b[31mred\x1b[0m", `\x1b[31mred\x1b[0m`},
		"a window title":          {"\x1b]0;title\a", `\x1b]0;title\x07`},
		"C1, the one-byte escape": {"\u009b31m", `\u009b31m`},
		"carriage return":         {"harmless\rrm -rf", `harmless\rrm -rf`},
		"backspace and delete":    {"a\b\x7f", `a\x08\x7f`},
		"line breaks":             {"a\nb\u2028c", `a\nb\u2028c`},
		"a bidirectional trick":   {"txt.\u202eexe", `txt.\u202eexe`},
		"an isolate":              {"\u2066x\u2069", `\u2066x\u2069`},
		"nothing visible":         {"a\u200bb\ufeff", `a\u200bb\ufeff`},
		"tags":                    {"a\U000e0041", `a\U000e0041`},
		"bytes that are no UTF-8": {"a\xff\xc3", `a\xff\xc3`},
		"what replaced them":      {"a\ufffd", "a\ufffd"},
		"a blank that is not one": {"a\u00a0b", `a\u00a0b`},
	} {
		t.Run(what, func(t *testing.T) {
			t.Parallel()
			if got := Escape(tc.text); got != tc.want {
				t.Errorf("got %q, want %q", got, tc.want)
			}
		})
	}
}

func TestTextKeepsItsLinesAndTabs(t *testing.T) {
	t.Parallel()
	if got, want := EscapeText("a\n\tb\r\n\x1b"), "a\n\tb\\r\n\\x1b"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

func FuzzEscapedTextIsPrintableAndOneLine(f *testing.F) {
	for _, s := range []string{"", "a\x1b[0m", "\xff", "\u202e", "日本", "\ufffd"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		got := Escape(s)
		if !utf8.ValidString(got) || strings.IndexFunc(got, func(c rune) bool { return !unicode.IsPrint(c) }) >= 0 {
			t.Errorf("%q became %q", s, got)
		}
		if Escape(got) != got {
			t.Errorf("%q is not stable: %q", got, Escape(got))
		}
		for width := range 5 {
			if w := Width(Cut(got, width)); w > width {
				t.Errorf("%q cut to %d takes %d", got, width, w)
			}
		}
	})
}

func TestWidthIsThatOnTheScreen(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]int{"": 0, "abc": 3, "é": 1, "e\u0301": 1, "日本": 4, "ｆ": 2, "🚀": 2, "→": 1, "▁█": 2} {
		if got := Width(text); got != want {
			t.Errorf("%q: got %d, want %d", text, got, want)
		}
	}
}

func TestWhatIsCutSaysSoAndFits(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		text  string
		width int
		want  string
	}{
		{"deployment", 10, "deployment"}, {"deployment", 9, "deployme…"}, {"deployment", 1, "…"}, {"deployment", 0, ""},
		{"日本語", 5, "日本…"}, {"日本語", 4, "日…"}, {"日本語", 6, "日本語"},
	} {
		if got := Cut(tc.text, tc.width); got != tc.want {
			t.Errorf("%q to %d: got %q, want %q", tc.text, tc.width, got, tc.want)
		}
	}
}

func TestBarsShowWhatIsNotZero(t *testing.T) {
	t.Parallel()
	for want, counts := range map[string][]int64{
		"▁▂▃▄▅▆▇█": {0 + 1, 15, 29, 43, 57, 72, 86, 100},
		"█ ▁":      {1_000_000, 0, 1},
		"  ":       {0, 0},
		"":         nil,
	} {
		if got := Spark(counts); got != want {
			t.Errorf("%v: got %q, want %q", counts, got, want)
		}
	}
}

func columns() []Column {
	return []Column{{Title: "NAME", Least: 5}, {Title: "N", Right: true, Drop: 1}, {Title: "ID"}}
}

func write(t *testing.T, table *Table, rows int, name string) []string {
	t.Helper()
	var out bytes.Buffer
	table.Out = &out
	for i := range rows {
		if err := table.Row(Cell{Text: name}, Cell{Text: fmt.Sprint(i)}, Cell{Text: "id-1"}); err != nil {
			t.Fatal(err)
		}
	}
	if err := table.Flush(); err != nil {
		t.Fatal(err)
	}
	return strings.Split(strings.TrimSuffix(out.String(), "\n"), "\n")
}

func TestATableIsAsWideAsItsCells(t *testing.T) {
	t.Parallel()
	got := write(t, &Table{Columns: columns()}, 1, "deployment")
	want := []string{"NAME        N  ID", "deployment  0  id-1"}
	if strings.Join(got, "\n") != strings.Join(want, "\n") {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestANarrowScreenFirstCutsThenDoesWithout(t *testing.T) {
	t.Parallel()
	for width, want := range map[int]string{
		80: "deployment  0  id-1",
		19: "deployment  0  id-1",
		18: "deployme…  0  id-1",
		14: "depl…  0  id-1",
		13: "deploy…  id-1", // without N there is room again
		11: "depl…  id-1",
		5:  "depl…  id-1", // an id is never cut
	} {
		if got := write(t, &Table{Columns: columns(), Width: width}, 1, "deployment")[1]; got != want {
			t.Errorf("%d cells: got %q, want %q", width, got, want)
		}
	}
}

func TestInAPipeNothingIsCut(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("x", 500)
	if got := write(t, &Table{Columns: columns()}, 1, long)[1]; got != long+"  0  id-1" {
		t.Errorf("got %q", got)
	}
}

func TestWidthsAreDecidedOnceSoThatRowsCanStream(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	table := &Table{Out: &out, Columns: columns()}
	row := func(name string) {
		t.Helper()
		if err := table.Row(Cell{Text: name}, Cell{Text: "1"}, Cell{Text: "id"}); err != nil {
			t.Fatal(err)
		}
	}
	for range blockRows - 1 {
		row("short")
	}
	if out.Len() > 0 {
		t.Error("wrote before there was a block")
	}
	row("medium")
	if got := strings.Count(out.String(), "\n"); got != 1+blockRows {
		t.Errorf("%d lines after a block of %d", got, blockRows)
	}
	out.Reset()
	row("a")
	row("longer than any")
	if want := "a       1  id\nlonger than any  1  id\n"; out.String() != want {
		t.Errorf("got %q, want %q", out.String(), want)
	}
}

func TestNothingIsWrittenWithoutRows(t *testing.T) {
	t.Parallel()
	if got := write(t, &Table{Columns: columns()}, 0, ""); len(got) != 1 || got[0] != "" {
		t.Errorf("got %q", got)
	}
}

func TestColoursHaveNoWidthAndNoLineEndsInBlanks(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	table := &Table{Out: &out, Columns: columns(), Colour: true}
	if err := errors.Join(table.Row(Cell{"ok", Green}, Cell{}, Cell{}), table.Row(Cell{"\x1b[0m", Red}, Cell{}, Cell{Text: "id"}), table.Flush()); err != nil {
		t.Fatal(err)
	}
	want := "\x1b[1mNAME\x1b[0m     \x1b[1mN\x1b[0m  \x1b[1mID\x1b[0m\n" +
		"\x1b[32mok\x1b[0m\n" +
		"\x1b[31m\\x1b[0m\x1b[0m     id\n"
	if out.String() != want {
		t.Errorf("got\n%q, want\n%q", out.String(), want)
	}
}

type broken struct{}

func (broken) Write([]byte) (int, error) { return 0, errors.New("no space left") }

func TestATableThatCannotBeWrittenSaysSo(t *testing.T) {
	t.Parallel()
	table := &Table{Out: broken{}, Columns: columns()}
	err := errors.Join(table.Row(Cell{}, Cell{}, Cell{}), table.Flush())
	if err == nil || table.Row(Cell{}, Cell{}, Cell{}) == nil {
		t.Errorf("got %v", err)
	}
}

func TestABufferIsNoTerminal(t *testing.T) {
	t.Parallel()
	if person, width := Of(&bytes.Buffer{}); person || width != 0 {
		t.Errorf("got %t, %d", person, width)
	}
}
