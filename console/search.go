package console

import (
	"context"
	"net/http"
	"net/url"
	"strings"
	"time"
)

const (
	usualRows = 50
	mostRows  = 500
	always    = "all" // of periods: no bound
	ownRange  = "range"
)

// searchPage is a form and the rows that it found.
type searchPage struct {
	Asked  map[string]string // what stands in the form
	Rows   []Row
	Older  string // the query of the next page; "": there is none
	First  string // the query of the first page; "": this is it
	Range  Range
	Oldest bool
	None   bool // the question was answered, with nothing
}

// search lists the rows that a form asks for.
func (c *console) search(ctx context.Context, who Visitor, r *http.Request) (*view, *fault) {
	f := newForm(r)
	q := c.query(f)
	p := &searchPage{Asked: asked(f.values), Range: q.Range, Oldest: q.OldestFirst}
	v := &view{title: "Search", Body: p}
	if wrong := f.wrong(); wrong != nil {
		return v, wrong
	}
	if q.After != "" {
		p.First = next(r.URL.Query(), "")
	}
	if err := who.May(ctx, verbList, exactly(q.Cluster), exactly(q.Namespace)); err != nil {
		return v, c.refusal(err, "Name one namespace, without wildcards, in which you may list audits.auditflow.io, and one cluster, if you may not for all.")
	}
	limit := q.Limit
	q.Limit++ // to know whether there are more
	for row, err := range c.Reader.Find(ctx, q) {
		if err != nil {
			p.Rows = nil // a part is not to be taken for the whole
			return v, c.unread(err)
		}
		if len(p.Rows) == limit {
			p.Older = next(r.URL.Query(), c.Reader.CursorOf(p.Rows[limit-1]))
			break
		}
		p.Rows = append(p.Rows, row)
	}
	p.None = len(p.Rows) == 0
	return v, nil
}

// query reads the form. Without a word about time it is the last week, unless
// something is named of which there is little at any time.
func (c *console) query(f *form) Query {
	q := Query{
		Workflow: f.text("workflow"), Execution: f.text("execution"), Action: f.text("action"), Namespace: f.text("namespace"),
		Kind: f.text("kind"), Name: f.text("name"), Cluster: f.text("cluster"), Phase: f.text("phase"),
		MinDuration: f.duration("min_duration"), MinRetries: int32(f.number("min_retries", 0, 0, 1<<31-1)), //nolint:gosec // bounded
		OldestFirst: f.oneOf("order", "newest", "oldest") == "oldest", After: f.text("after"),
		Limit: f.number("limit", usualRows, 1, mostRows),
	}
	switch f.oneOf("outcome", "", "succeeded", "failed") {
	case "succeeded":
		q.Success = new(true)
	case "failed":
		q.Success = new(false)
	}
	usual := week
	if q.Workflow != "" || q.Execution != "" {
		usual = always
	}
	q.Range = Range{f.instant("from"), f.instant("to")}
	bounded := q.Range != Range{}
	if bounded {
		usual = ownRange
	}
	period := f.oneOf("period", "", "24h", week, "30d", always, ownRange)
	if period == "" {
		period = usual
	}
	switch {
	case bounded && period != ownRange && f.values.Get("period") != "":
		f.fault("period", "does not go with From and To: choose “From and To”, or leave those empty")
	case !bounded && period != always && period != ownRange:
		q.From = c.Now().UTC().Add(-periods[period]).Truncate(time.Second)
	case bounded && !q.From.IsZero() && !q.To.IsZero() && !q.From.Before(q.To):
		f.fault("to", "must be later than From")
	}
	return q
}

// asked is what was written into the form, as it was.
func asked(values url.Values) map[string]string {
	all := map[string]string{}
	for name := range values {
		if labelOf(name) != name {
			all[name] = values.Get(name)
		}
	}
	return all
}

// next is the query of the page that begins at a cursor.
func next(values url.Values, cursor string) string {
	for name, all := range values {
		if len(all) == 0 || all[0] == "" {
			values.Del(name)
		}
	}
	values.Del("after")
	if cursor != "" {
		values.Set("after", cursor)
	}
	return "/?" + values.Encode()
}

// exactly is the one namespace that a pattern means, "" if it may mean several.
func exactly(pattern string) string {
	if strings.ContainsAny(pattern, `*?\`) {
		return ""
	}
	return pattern
}
