package httpapi

import (
	"bufio"
	"context"
	"encoding/json"
	"io"
	"iter"
	"mime"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/auditflow/auditflow/audit"
)

// wantedType is the first that the client names of those there are.
func wantedType(r *http.Request, formats ...string) (string, *Problem) {
	accept := strings.Join(r.Header.Values("Accept"), ",")
	if strings.TrimSpace(accept) == "" {
		return formats[0], nil
	}
	for _, one := range strings.Split(accept, ",") {
		name, _, err := mime.ParseMediaType(one)
		switch {
		case err != nil:
		case slices.Contains(formats, name):
			return name, nil
		case name == "*/*" || name == "application/*":
			return formats[0], nil
		}
	}
	return "", problem(http.StatusNotAcceptable, "not-acceptable", "There is no such form of the answer", "there is "+strings.Join(formats, ", "))
}

// nextCursor is the trailer that tells where the next page begins; JSON says it
// in next, too.
const nextCursor = "Next-Cursor"

// rowTime is how long a client may take to read what is buffered for it.
const rowTime = 30 * time.Second

// form is how rows are written.
type form struct {
	begin, between string
	row            func(io.Writer, audit.Persisted) error
	end            func(next string) string
}

func forms(as string) form {
	plain := func(string) string { return "" }
	switch as {
	case typeNDJSON:
		return form{"", "", jsonLine, plain}
	case typeCSV:
		return form{csvHeader(), "", csvLine, plain}
	}
	return form{`{"items":[`, ",", jsonLine, func(next string) string {
		if next == "" {
			return "]}\n"
		}
		return `],"next":"` + next + "\"}\n" // a cursor has no quotes
	}}
}

func jsonLine(w io.Writer, row audit.Persisted) error {
	encoder := json.NewEncoder(w)
	encoder.SetEscapeHTML(false)
	return encoder.Encode(row)
}

// rows writes up to limit rows as they are read; there may be one more. A fault
// after the first of them breaks the connection off, so that nobody takes the
// part for the whole.
func (d *door) rows(ctx context.Context, w http.ResponseWriter, as string, all iter.Seq2[audit.Persisted, error], limit int, cursor func(audit.Persisted) string) *Problem {
	f, n, next := forms(as), 0, ""
	out := bufio.NewWriterSize(w, 64<<10)
	control := http.NewResponseController(w)
	begin := func() {
		w.Header().Set("Content-Type", as)
		w.Header().Set("Cache-Control", "no-store")
		w.Header().Set("X-Content-Type-Options", "nosniff")
		w.Header().Set("Trailer", nextCursor)
		w.WriteHeader(http.StatusOK)
		_, _ = out.WriteString(f.begin) // Flush tells what went wrong
	}
	var last audit.Persisted
	for row, err := range all {
		if err != nil && n == 0 {
			return d.readProblem(ctx, err)
		}
		if err != nil {
			d.complain(ctx, "an answer was broken off", err)
			panic(http.ErrAbortHandler)
		}
		if n == limit {
			if cursor != nil {
				next = cursor(last)
			}
			break
		}
		if n == 0 {
			begin()
		} else {
			_, _ = out.WriteString(f.between)
		}
		_ = control.SetWriteDeadline(time.Now().Add(rowTime)) // unsupported by no server of ours
		if f.row(out, row) != nil {
			return nil // the client is gone
		}
		last = row
		n++
	}
	if n == 0 {
		begin()
	}
	_, _ = out.WriteString(f.end(next))
	_ = out.Flush() // a client that is gone hears nothing
	if next != "" {
		w.Header().Set(nextCursor, next)
	}
	return nil
}
