package console

import (
	"context"
	"net/http"
	"time"
)

// trends are what happened in a period, added up.
type trends struct {
	Period    string
	Range     Range
	Step      time.Duration
	Steps     []Step
	Durations []Durations
	Retries   []Retries
}

// trendsPage is what is shown of them.
type trendsPage struct {
	trends
	Periods                    []string
	Succeeded, Failed, Retried int64
	Volume                     volumePlot
	Shares                     sharePlot
	Lengths                    lengthPlot
	Repeats                    repeatPlot
	RetriesMore                int // lines that are not shown
}

// Total is how many executions there were.
func (p trendsPage) Total() int64 { return p.Succeeded + p.Failed }

// trendsMemory has the last trends of each period.
type trendsMemory map[string]*recent[trends]

func newTrendsMemory(now func() time.Time) trendsMemory {
	m := trendsMemory{}
	for period := range periods {
		m[period] = &recent[trends]{now: now}
	}
	return m
}

// steps are how finely a period is shown.
var steps = map[string]time.Duration{"24h": time.Hour, week: 6 * time.Hour, "30d": 24 * time.Hour}

// mostRetries are shown; those beyond are rare.
const mostRetries = 25

// showTrends shows volume, failures, durations and retries of a period.
func (c *console) showTrends(ctx context.Context, who Visitor, r *http.Request) (*view, *fault) {
	f := newForm(r)
	period := f.oneOf("period", week, "24h", "30d")
	if wrong := f.wrong(); wrong != nil {
		return nil, wrong
	}
	if wrong := c.everywhere(ctx, who); wrong != nil {
		return nil, wrong
	}
	t, err := c.trends[period].get(ctx, func(ctx context.Context) (trends, error) { return c.addUp(ctx, period) })
	if err != nil {
		return nil, c.unread(err)
	}
	p := &trendsPage{trends: t, Periods: []string{"24h", week, "30d"}}
	for _, s := range t.Steps {
		p.Succeeded, p.Failed, p.Retried = p.Succeeded+s.Succeeded, p.Failed+s.Failed, p.Retried+s.Retried
	}
	if p.RetriesMore = len(t.Retries) - mostRetries; p.RetriesMore > 0 {
		p.Retries = t.Retries[:mostRetries]
	}
	p.Volume, p.Shares = plotVolume(t), plotShares(t)
	p.Lengths, p.Repeats = plotLengths(t.Durations), plotRepeats(p.Retries)
	return &view{title: "Trends", Body: p}, nil
}

// addUp asks for all lines of a period that ends now, one question after the other:
// each takes all processors that PostgreSQL would give it.
func (c *console) addUp(ctx context.Context, period string) (t trends, err error) {
	t = trends{Period: period, Step: steps[period]}
	t.Range.To = c.Now().UTC().Truncate(time.Second)
	t.Range.From = t.Range.To.Add(-periods[period])
	found, err := c.Reader.Volume(ctx, t.Range, t.Step)
	if err != nil {
		return t, err
	}
	t.Steps = complete(t.Range, t.Step, found)
	if t.Durations, err = c.Reader.Durations(ctx, t.Range); err != nil {
		return t, err
	}
	t.Retries, err = c.Reader.Retries(ctx, t.Range)
	return t, err
}

// complete adds the steps in which there was nothing.
func complete(within Range, step time.Duration, found []Step) (all []Step) {
	known := map[int64]Step{}
	for _, s := range found {
		known[s.Start.Unix()] = s
	}
	for at := within.From; at.Before(within.To); at = at.Add(step) {
		s := known[at.Unix()]
		s.Start = at
		all = append(all, s)
	}
	return all
}
