package console

import (
	"context"
	"fmt"
	"net/http"
	"time"

	"github.com/auditflow/auditflow/audit"
)

// statusPage is what the database tells of how things stand.
type statusPage struct {
	Facts []fact
	Watch int // facts that somebody should look at
}

// fact is one line: good, or with what to do about it.
type fact struct {
	Name, Says string
	At         time.Time // when that was; zero: no time belongs to it
	Advice     string    // "": it is good
}

// leastRunway is when somebody should look why no partitions are created ahead: the
// schedule does so daily, months ahead.
const leastRunway = 14 * 24 * time.Hour

// status shows what can be read from the database: of deliveries that have no row yet
// it knows nothing.
func (c *console) status(ctx context.Context, who Visitor, r *http.Request) (*view, *fault) {
	if wrong := newForm(r).wrong(); wrong != nil {
		return nil, wrong
	}
	if wrong := c.everywhere(ctx, who); wrong != nil {
		return nil, wrong
	}
	p := &statusPage{}
	for _, look := range []func(context.Context) ([]fact, error){c.lastRecord, c.storage, c.keepers} {
		facts, err := look(ctx)
		if err != nil {
			return nil, c.unread(err)
		}
		p.Facts = append(p.Facts, facts...)
	}
	for _, f := range p.Facts {
		if f.Advice != "" {
			p.Watch++
		}
	}
	return &view{title: "Status", Body: p}, nil
}

// lastRecord is the one that was created last, of which most were committed last, too.
func (c *console) lastRecord(ctx context.Context) ([]fact, error) {
	for row, err := range c.Reader.Find(ctx, Query{Limit: 1}) {
		if err != nil {
			return nil, err
		}
		f := fact{Name: "Last record", Says: "created then", At: row.CreatedAt}
		if !row.CompletedAt.IsZero() {
			f.Says = "created then, committed " + span(row.Lag()) + " after its completion"
		}
		return []fact{f}, nil
	}
	return []fact{{Name: "Last record", Says: "there is none", Advice: "Nothing was ever recorded: see auditctl doctor."}}, nil
}

// storage tells of partitions and archive.
func (c *console) storage(ctx context.Context) ([]fact, error) {
	all, err := c.keepings(ctx)
	if err != nil {
		return nil, err
	}
	runway := fact{Name: "Partitions ahead", Says: "for every instant until then", At: coveredUntil(all, c.Now())}
	if runway.At.Sub(c.Now()) < leastRunway {
		runway.Advice = "Soon there is none: see why schedule audit-create-partitions does not run. Rows create theirs meanwhile."
	}
	return append([]fact{runway, partitionsFact(all)}, archiveFacts(all)...), nil
}

func partitionsFact(all []kept) fact {
	var n, leaving int
	var rows, total int64
	for _, k := range all {
		if k.Partition == nil {
			continue
		}
		n, rows, total = n+1, rows+max(k.Partition.Rows, 0), total+k.Partition.Bytes
		if k.Partition.State != audit.PartitionAttached {
			leaving++
		}
	}
	f := fact{Name: "Partitions", Says: fmt.Sprintf("%d, about %s rows, %s", n, count(rows), size(total))}
	if leaving > 0 {
		f.Advice = fmt.Sprintf("%d on their way out: if that lasts, schedule audit-retention does not get on with it.", leaving)
	}
	return f
}

// archiveFacts tell when something was last archived and read back.
func archiveFacts(all []kept) []fact {
	archived := fact{Name: "Last archived", Says: "nothing is in the archive"}
	verified := fact{Name: "Last verified", Says: "nothing in the archive was read back"}
	unread := 0
	for _, k := range all {
		a := k.Archived
		if a == nil {
			continue
		}
		if a.ArchivedAt.After(archived.At) {
			archived.At, archived.Says = a.ArchivedAt, "period "+a.Name
		}
		if a.VerifiedAt.After(verified.At) {
			verified.At, verified.Says = a.VerifiedAt, "period "+a.Name
		}
		if a.VerifiedAt.IsZero() {
			unread++
		}
	}
	if unread > 0 {
		verified.Advice = plural(unread, "period") + " never found intact as a whole: run auditctl verify."
	}
	return []fact{archived, verified}
}

// keepers tells of what keeps rows where they are.
func (c *console) keepers(ctx context.Context) ([]fact, error) {
	inQuarantine, err := c.Reader.Quarantined(ctx)
	if err != nil {
		return nil, err
	}
	holds, err := c.Reader.Holds(ctx, false)
	if err != nil {
		return nil, err
	}
	restores, err := c.Reader.Restores(ctx)
	if err != nil {
		return nil, err
	}
	retention, err := c.Reader.ConfirmedRetention(ctx)
	if err != nil {
		return nil, err
	}
	quarantine := fact{Name: "Quarantine", Says: plural(int(inQuarantine), "record")}
	if inQuarantine > 0 {
		quarantine.Advice = "PostgreSQL would not take them: see auditctl quarantine list, and replay."
	}
	confirmed := fact{Name: "Retention", Says: "none was confirmed: nothing is deleted"}
	if retention.ConfirmedBy != "" {
		confirmed.Says, confirmed.At = fmt.Sprintf("%s, confirmed by %s", retention.Mode, retention.ConfirmedBy), retention.ConfirmedAt
		if retention.Mode != audit.RetainAll {
			confirmed.Says = fmt.Sprintf("%s, after %s, confirmed by %s", retention.Mode, span(retention.Live), retention.ConfirmedBy)
		}
	}
	return []fact{
		quarantine, {Name: "Holds", Says: count(int64(len(holds))) + " in force"},
		{Name: "Restores", Says: count(int64(len(restores))) + " from the archive"}, confirmed,
	}, nil
}
