package terminal

import (
	"io"
	"os"

	"golang.org/x/term"
)

// Paint is an ANSI colour or style; the empty one is none.
type Paint string

// The colours in use.
const (
	Green  Paint = "32"
	Red    Paint = "31"
	Yellow Paint = "33"
	Purple Paint = "35"
	Cyan   Paint = "36"
	Dim    Paint = "2"
	Bold   Paint = "1"
)

// On paints text.
func (p Paint) On(text string) string {
	if p == "" || text == "" {
		return text
	}
	return "\x1b[" + string(p) + "m" + text + "\x1b[0m"
}

// Of returns whether somebody looks at what is written there, and how many
// cells wide the screen is; 0 when nobody can tell.
func Of(w io.Writer) (person bool, width int) {
	f, ok := w.(*os.File)
	if !ok || !term.IsTerminal(int(f.Fd())) {
		return false, 0
	}
	width, _, err := term.GetSize(int(f.Fd()))
	if err != nil || width < 1 {
		return true, 0
	}
	return true, width
}
