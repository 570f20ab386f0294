package console

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"strings"
	"time"

	"github.com/auditflow/auditflow/audit"
)

// storyPage is all that is known of one execution.
type storyPage struct {
	Row
	Parameters string // indented
	Computed   string // the digest of the row as it was read
	Moments    []moment
	WorkflowUI string // address; "": none
	// KeptError says that what follows could not be read.
	KeptError string
	Restored  bool
	Archive   []filing
	Holds     []audit.Hold
	Restores  []audit.Restore
}

// moment is when something happened, and how long after the first.
type moment struct {
	Name, From string // what tells it
	At         time.Time
	After      time.Duration
}

// filing is an object in the archive whose rows may be this one: those of its time.
type filing struct {
	audit.Archived
	Segment audit.Segment
}

// Intact tells that the row is what was digested when it was delivered.
func (p storyPage) Intact() bool { return p.Computed == p.RecordSHA256 }

// Took is the duration, 0 if it is not known.
func (p storyPage) Took() time.Duration {
	if p.Duration == nil {
		return 0
	}
	return *p.Duration
}

// story tells what became of one execution. A row that may not be seen is not there.
func (c *console) story(ctx context.Context, who Visitor, r *http.Request) (*view, *fault) {
	id := strings.TrimSpace(r.PathValue("id"))
	if id == "find" { // of a form, which cannot write into a path
		id = strings.TrimSpace(r.URL.Query().Get("id"))
	}
	row, err := c.Reader.Get(ctx, id)
	if err != nil {
		return nil, c.unread(err)
	}
	err = who.May(ctx, verbGet, row.Cluster, row.TargetNamespace)
	if errors.Is(err, ErrForbidden) {
		return nil, absent()
	}
	if err != nil {
		return nil, c.refusal(err, "")
	}
	p := &storyPage{
		Row: row, Computed: row.Digest(), Parameters: indented(row.ActionParameters),
		Moments: moments(row), WorkflowUI: c.workflowURL(row.DeliveredBy), Restored: row.Table == ArchiveTable,
	}
	if err := c.kept(ctx, p); err != nil { // the row is what was asked for
		p.KeptError = c.unread(err).title
	}
	return &view{title: "Execution " + row.ExecutionID, Body: p}, nil
}

// kept finds where else the row is, and what keeps it there.
func (c *console) kept(ctx context.Context, p *storyPage) error {
	holds, err := c.Reader.Holds(ctx, false)
	if err != nil {
		return err
	}
	for _, h := range holds {
		if h.Matches(&p.Record) {
			p.Holds = append(p.Holds, h)
		}
	}
	restores, err := c.Reader.Restores(ctx)
	if err != nil {
		return err
	}
	for _, r := range restores {
		if p.Restored && !p.CreatedAt.Before(r.Start) && p.CreatedAt.Before(r.End) && (r.Record == "" || r.Record == p.ID) {
			p.Restores = append(p.Restores, r)
		}
	}
	return c.filed(ctx, p)
}

// filed finds the objects of the archive that have the row's time. Periods of all
// intervals are asked for, since the interval may have been another then.
func (c *console) filed(ctx context.Context, p *storyPage) error {
	entry, err := p.Entry()
	if err != nil {
		return nil //nolint:nilerr // without a place in the trail it is in no archive
	}
	key := entry.Key()
	for _, interval := range []audit.Interval{audit.Monthly, audit.Weekly, audit.Daily} {
		manifests, err := c.Reader.Archived(ctx, audit.PeriodOf(interval, p.CreatedAt).Suffix())
		if err != nil {
			return err
		}
		for _, m := range manifests {
			for _, s := range m.Segments {
				if s.First.Compare(key) <= 0 && key.Compare(s.Last) <= 0 {
					p.Archive = append(p.Archive, filing{m, s})
				}
			}
		}
	}
	return nil
}

// moments are those that are known, in their usual order.
func moments(row Row) (all []moment) {
	for _, m := range []moment{
		{Name: "Created", From: "object", At: row.CreatedAt},
		{Name: "Started", From: "object", At: row.StartTime},
		{Name: "Ended", From: "object", At: row.EndTime},
		{Name: "Completed", From: "object", At: row.CompletedAt},
		{Name: "Row committed", From: "database", At: row.PersistedAt},
	} {
		if !m.At.IsZero() {
			m.After = m.At.Sub(row.CreatedAt)
			all = append(all, m)
		}
	}
	return all
}

func indented(text json.RawMessage) string {
	var b bytes.Buffer
	if json.Indent(&b, text, "", "  ") != nil {
		return string(text)
	}
	return b.String()
}
