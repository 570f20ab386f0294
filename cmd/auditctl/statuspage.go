package main

import (
	"fmt"
	"strings"
	"time"

	enumspb "go.temporal.io/api/enums/v1"

	"github.com/auditflow/auditflow/cmd/internal/status"
	"github.com/auditflow/auditflow/internal/terminal"
)

// shortRunway is when there are too few partitions for a long weekend.
const shortRunway = 7 * 24 * time.Hour

// tellStatus writes it for people, short enough for one screen.
func tellStatus(page *page, s *status.Status) {
	at := func(t time.Time) string { return t.In(page.out.zone).Format("2006-01-02 15:04:05 MST") }
	state, paint := "all could be read", terminal.Green
	if n := len(s.Unread()); n > 0 {
		state, paint = plural(int64(n), "part")+" could not be read", terminal.Red
	}
	page.title("auditflow on "+at(s.At), state, paint)
	page.section("Persisted")
	told(page, "records", s.Persisted, func(v status.Persisted) { tellPersisted(page, s.At, v) })
	page.section("Pending")
	told(page, "deliveries", s.Pending, func(v status.Pending) { tellPending(page, v) })
	page.section("Trail")
	told(page, "partitions", s.Partitions, func(v status.Partitions) { tellPartitions(page, v) })
	told(page, "quarantine", s.Quarantine, func(v status.Quarantine) {
		page.painted("quarantine", plural(v.Records, "record"), paintIf(v.Records > 0, terminal.Red))
	})
	told(page, "holds", s.Holds, func(v status.Holds) { page.line("holds", plural(int64(v.Holds), "hold")) })
	told(page, "archive", s.Archive, func(v status.Archive) { tellArchive(page, s.At, v) })
	page.section("Schedules")
	told(page, "schedules", s.Schedules, func(all []*status.Schedule) {
		for _, schedule := range all {
			tellSchedule(page, schedule)
		}
	})
}

// told tells a part, or in its place why it could not be read.
func told[T any](page *page, name string, part status.Part[T], tell func(T)) {
	if part.Err != nil {
		page.painted(name, "could not be read: "+sentence(part.Err.Error()), terminal.Red)
		return
	}
	tell(part.Value)
}

func tellPersisted(page *page, now time.Time, v status.Persisted) {
	sources := func(count func(status.Source) int64) string {
		var parts []string
		for _, s := range v.Sources {
			if n := count(s); n > 0 {
				parts = append(parts, s.Source+" "+grouped(n))
			}
		}
		if len(parts) == 0 {
			return ""
		}
		return ": " + strings.Join(parts, ", ")
	}
	page.line("last hour", plural(v.LastHour, "record")+sources(func(s status.Source) int64 { return s.LastHour }))
	page.line("last day", plural(v.LastDay, "record")+sources(func(s status.Source) int64 { return s.LastDay }))
	if v.LagP50 != nil && v.LagP99 != nil {
		page.line("lag", fmt.Sprintf("p50 %s, p99 %s, in the last hour", human(inSeconds(*v.LagP50)), human(inSeconds(*v.LagP99))))
	} else {
		page.line("lag", unknown)
	}
	page.painted("", "of executions created within the last "+human(now.Sub(v.CreatedSince).Round(time.Hour)), terminal.Dim)
}

func inSeconds(s float64) time.Duration { return time.Duration(s * float64(time.Second)) }

func tellPending(page *page, v status.Pending) {
	text := fmt.Sprintf("%s deliveries", grouped(v.Deliveries))
	if v.Deliveries == 1 {
		text = "1 delivery"
	}
	page.line("pending", text)
	o := v.Oldest
	if o == nil {
		return
	}
	page.line("oldest", fmt.Sprintf("for %s: %s", human(inSeconds(o.AgeSeconds)), o.WorkflowID))
	if o.Step != "" {
		page.painted("now", fmt.Sprintf("%s, attempt %d", strings.ToLower(o.Step), o.Attempt), paintIf(o.Attempt > 1, terminal.Yellow))
	}
	page.painted("last failure", o.LastFailure, terminal.Red)
}

func tellPartitions(page *page, v status.Partitions) {
	runway := inSeconds(v.Runway)
	text := fmt.Sprintf("%s, until %s, in %s", human(runway), v.RunwayUntil.Format(time.DateOnly), plural(int64(v.Attached), "partition"))
	if runway == 0 {
		text = "none: there is no partition for the present"
	}
	page.painted("runway", text, paintIf(runway < shortRunway, terminal.Red))
	if v.Leaving > 0 {
		page.line("leaving", plural(int64(v.Leaving), "partition")+" on the way out")
	}
}

func tellArchive(page *page, now time.Time, v status.Archive) {
	page.line("archive", plural(v.Records, "record")+" of "+plural(int64(v.Periods), "period"))
	filed := func(label, never string, f *status.Filed) {
		if f == nil {
			page.line(label, never)
			return
		}
		page.line(label, fmt.Sprintf("%s, %s ago", f.Period, human(now.Sub(f.At))))
	}
	filed("last archived", "never", v.LastArchived)
	filed("last verified", "never", v.LastVerified)
	if v.LongestUnread != nil {
		filed("longest unread", "", v.LongestUnread)
	}
}

func tellSchedule(page *page, s *status.Schedule) {
	if !s.Exists {
		page.painted(s.ID, "there is no such schedule", terminal.Red)
		return
	}
	text, paint := "never ran", terminal.Paint("")
	if run := s.LastRun; run != nil {
		text = "last " + instant(run.StartedAt, page.out.zone) + " " + strings.ToLower(run.Outcome)
		if run.Summary != "" {
			text += " (" + run.Summary + ")"
		}
		paint = paintIf(isBad(run.Outcome), terminal.Red)
	}
	next := "next " + instant(s.NextRun, page.out.zone)
	if s.Paused {
		next, paint = "PAUSED", terminal.Yellow
		if s.Note != "" {
			next += ": " + s.Note
		}
	}
	page.painted(s.ID, text+"; "+next, paint)
}

func isBad(outcome string) bool {
	switch outcome {
	case enumspb.WORKFLOW_EXECUTION_STATUS_RUNNING.String(), enumspb.WORKFLOW_EXECUTION_STATUS_COMPLETED.String(),
		enumspb.WORKFLOW_EXECUTION_STATUS_CONTINUED_AS_NEW.String(), status.Forgotten:
		return false
	}
	return true
}
