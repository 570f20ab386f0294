package main

import (
	"cmp"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// figures makes sense of what was seen.
func (l *lockBench) figures(waits []lockWait) *lockFigures {
	c := l.crowd
	f := &lockFigures{
		Appends: len(c.calls), Rows: c.rows, Failed: c.failed, Steps: l.steps,
		Samples: l.watch.samples, LongestGap: milliseconds(l.watch.longest),
	}
	if c.err != nil {
		f.Failure = c.err.Error() + l.internalError()
	}
	calls := map[string][]call{}
	var before, during []call
	for _, one := range c.calls {
		calls[one.writer] = append(calls[one.writer], one)
		if one.ended.Before(l.began) {
			before = append(before, one)
		} else {
			during = append(during, one)
		}
	}
	f.Before, f.During = latenciesOf(before), latenciesOf(during)
	f.sort(waits, calls)
	return f
}

// internalError is what the server's log says of the first error that must not
// happen (SQLSTATE XX000), of which the store tells no more than that. Such a
// message is about relations and never about what is in them.
func (l *lockBench) internalError() string {
	log, err := os.ReadFile(filepath.Join(l.world.LogDir(), "postgres.log"))
	if err != nil {
		return ""
	}
	for line := range strings.Lines(string(log)) {
		if _, message, found := strings.Cut(line, "XX000 ERROR: "); found {
			return ": " + strings.TrimSpace(message)
		}
	}
	return ""
}

// sort tells waits for maintenance from others.
func (f *lockFigures) sort(waits []lockWait, calls map[string][]call) {
	var ours, others []time.Duration
	for _, w := range waits {
		took := w.longest(calls[w.writer])
		if !w.maintenance {
			others = append(others, took)
			continue
		}
		ours = append(ours, took)
		f.Longest = append(f.Longest, longWait{milliseconds(took), w.wanted, strings.Join(strings.Fields(w.behind), " ")})
		for i, s := range f.Steps {
			if w.since.Before(s.ended) && w.gone.After(s.began) {
				f.Steps[i].MaxLockWait = max(s.MaxLockWait, milliseconds(took))
			}
		}
	}
	f.Waits, f.Others = histogramOf(ours), histogramOf(others)
	slices.SortFunc(f.Longest, func(a, b longWait) int { return cmp.Compare(b.Milliseconds, a.Milliseconds) })
	f.Longest = f.Longest[:min(len(f.Longest), longestWaits)]
}

// longest is how long the wait can have been: until it was not seen any more, or
// until the Append that waited had its answer. Calls come in their order.
func (w lockWait) longest(calls []call) time.Duration {
	over := w.gone
	i, _ := slices.BinarySearchFunc(calls, w.since, func(c call, at time.Time) int { return c.ended.Compare(at) })
	if i < len(calls) && !calls[i].began.After(w.since) && calls[i].ended.Before(over) {
		over = calls[i].ended
	}
	return over.Sub(w.since)
}

func (b *bench) tellLocks(who string, f *lockFigures) {
	say(b.screen, "\n  beside %s: %d rows in %d Appends, %d failed", who, f.Rows, f.Appends, f.Failed)
	say(b.screen, "  Append: %.1f ms in the median, 99 of 100 below %.1f, at most %.1f; before: %.1f, %.1f, %.1f",
		f.During.P50, f.During.P99, f.During.All.Max, f.Before.P50, f.Before.P99, f.Before.All.Max)
	say(b.screen, "  waits for its locks: %s; the longest %.1f ms", f.Waits, f.Waits.Max)
	say(b.screen, "  waits for other writers: %s; the longest %.1f ms; looked %d times, not for %.1f ms once", f.Others, f.Others.Max, f.Samples, f.LongestGap)
	for _, w := range f.Longest {
		say(b.screen, "    %.1f ms: %s, behind %.120s", w.Milliseconds, w.Wanted, w.Behind)
	}
	for _, s := range f.Steps {
		held := ""
		if s.HeldFor > 0 {
			held = fmt.Sprintf(" (it waited %.1f s for a reader)", s.HeldFor)
		}
		say(b.screen, "  %-38s %6.1f s, longest wait %6.1f ms: %s%s", s.Name, s.Seconds, s.MaxLockWait, s.Did, held)
	}
}
