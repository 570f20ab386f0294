package console

import (
	"bytes"
	"context"
	"embed"
	"errors"
	"fmt"
	"html/template"
	"net/http"
	"strconv"
	"time"
)

//go:embed templates
var templates embed.FS

// view is what a page shows.
type view struct {
	page, title string
	status      int // 0: 200
	Body        any
	Problem     string // what is wrong with the question, in a sentence; "": nothing or Faults
	Detail      string
	Faults      []fieldFault
}

// fault is why a page is not what was asked for. It quotes nothing of a record.
type fault struct {
	status        int
	title, detail string
	faults        []fieldFault
}

// fieldFault says which rule a field of the form breaks.
type fieldFault struct{ Field, Rule string }

// Label is what the form calls the field.
func (f fieldFault) Label() string { return labelOf(f.Field) }

// frame is what every page has around its view.
type frame struct {
	*view
	Page, Title string
	Cluster     string
	Who         string // "": nobody logged in, or everybody
	LoggedIn    bool   // by a cookie, so that he may log out
	CSRF        string
	ReadAt      time.Time
	Static      static
}

// Nav are the pages of the menu.
func (frame) Nav() []struct{ Page, Path, Name string } {
	return []struct{ Page, Path, Name string }{
		{"search", "/", "Search"}, {"trends", "/trends", "Trends"},
		{"timeline", "/timeline", "Partitions and archive"}, {"status", "/status", "Status"},
	}
}

// FaultOf is what is wrong with a field of the form, "" if nothing is.
func (v *view) FaultOf(field string) string {
	for _, f := range v.Faults {
		if f.Field == field {
			return f.Rule
		}
	}
	return ""
}

func (c *console) parsePages() (map[string]*template.Template, error) {
	all := map[string]*template.Template{}
	for _, name := range []string{"search", "story", "trends", "timeline", "status", "login", "problem"} {
		t, err := template.New("frame.html").Funcs(c.words()).ParseFS(templates, "templates/frame.html", "templates/"+name+".html")
		if err != nil {
			return nil, fmt.Errorf("console: page %s: %w", name, err)
		}
		all[name] = t
	}
	return all, nil
}

// show writes a page, once it is whole: half of one would pass for all of it.
func (c *console) show(w http.ResponseWriter, r *http.Request, who Visitor, v *view) {
	f := frame{view: v, Page: v.page, Title: v.title, Cluster: c.Cluster, ReadAt: c.Now().UTC(), Static: c.static}
	if who != nil {
		f.Who = who.Name()
		_, hasSession := c.session(r)
		f.LoggedIn = hasSession && r.Header.Get("Authorization") == ""
	}
	if f.LoggedIn || v.page == "login" {
		f.CSRF = c.csrf(w, r)
	}
	var text bytes.Buffer
	if err := c.pages[v.page].Execute(&text, f); err != nil {
		// What a template says of a fault may quote what it was to show.
		c.complain("a page cannot be shown", errors.New(v.page))
		http.Error(w, "A fault of auditflow's", http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.Header().Set("Content-Length", strconv.Itoa(text.Len()))
	if v.status != 0 {
		w.WriteHeader(v.status)
	}
	_, _ = w.Write(text.Bytes()) // a client that is gone hears nothing
}

// fail shows a page that tells nothing but what is wrong.
func (c *console) fail(w http.ResponseWriter, r *http.Request, who Visitor, f *fault) {
	if f.status == http.StatusServiceUnavailable {
		w.Header().Set("Retry-After", "1")
	}
	c.show(w, r, who, &view{page: "problem", title: f.title, status: f.status, Detail: f.detail, Faults: f.faults})
}

// unread is what a visitor hears of a Reader's error.
func (c *console) unread(err error) *fault {
	var question *QuestionError
	switch {
	case errors.As(err, &question):
		return &fault{status: http.StatusBadRequest, title: "The question makes no sense", faults: []fieldFault{{question.Field, question.Rule}}}
	case errors.Is(err, ErrNotFound):
		return absent()
	case errors.Is(err, context.DeadlineExceeded):
		return &fault{status: http.StatusServiceUnavailable, title: "The answer takes too long", detail: fmt.Sprintf(
			"It was given up after %s. Ask for a shorter time or more exactly, or use auditctl, which waits.", answerTime)}
	case errors.Is(err, context.Canceled): // nobody is there any more
		return &fault{status: http.StatusServiceUnavailable, title: "Nobody waits for the answer"}
	}
	c.complain("the console has no answer from the database", err)
	return &fault{status: http.StatusServiceUnavailable, title: "The database does not answer", detail: "Try again in a moment."}
}

func absent() *fault {
	return &fault{status: http.StatusNotFound, title: "There is no such record", detail: "Its row may still be on the way, " +
		"you may not see it, or it is in the archive only: auditctl explain finds it there, and auditctl restore brings it back."}
}

// complain logs, but not for each request that an outage fails.
func (c *console) complain(message string, err error) {
	c.loud.Do(func() { c.Log.Warn(message, "error", err) })
}
