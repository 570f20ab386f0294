package main

import (
	"time"

	"github.com/auditflow/auditflow/internal/terminal"
)

// tell writes an explanation for people.
func (e *explanation) tell(page *page) {
	at := func(t time.Time) string {
		if t.IsZero() {
			return ""
		}
		return t.In(page.out.zone).Format("2006-01-02 15:04:05.999 MST")
	}
	page.title("Record of "+e.Asked, e.State, e.paint())
	page.section("Where it is")
	if e.ID != e.Asked {
		page.line("id", e.ID)
	}
	switch e.State {
	case stateLive, stateRestored:
		page.line("table", e.Row.Table)
		if e.State == stateRestored {
			page.say("", "restored from the archive: not part of the live trail")
		}
	case stateArchived:
		e.tellFiled(page, at)
		page.say("", "in the archive, and not in the database any more; to bring it back: auditctl restore --id %s", e.ID)
	case stateQuarantined:
		for _, q := range e.Quarantined {
			page.line("quarantine", "since "+at(q.QuarantinedAt)+": "+q.Reason)
			page.line("delivered by", q.DeliveredBy)
		}
		page.say("", "to try again: auditctl quarantine replay %s", e.ID)
	case stateDelivering:
		page.say("", "not in the database yet: its delivery is under way")
	case stateAbandoned:
		page.say("", "not in the database: its delivery ended without storing it")
	case stateGone:
		page.say("", "not in the database any more: it was stored, and deleted since")
	case stateStored:
		page.say("", "stored, says Temporal")
	default:
		page.say("", "not known")
	}
	if e.Database == unreachable {
		page.say(terminal.Red, "the database did not answer, see below")
	}
	e.tellArchive(page, at)
	e.tellKept(page, at)
	if e.Row != nil {
		e.Row.tell(page, at, e.State == stateArchived)
	}
	page.section("Temporal")
	if e.Delivery != nil {
		e.Delivery.tell(page, at)
	}
	e.tellTemporal(page)
}

func (r *placement) tell(page *page, at func(time.Time) string, archived bool) {
	page.section("How it got there")
	page.line("created", at(r.CreatedAt))
	page.line("completed", at(r.CompletedAt))
	page.line("persisted", at(r.PersistedAt))
	if r.Lag != nil {
		page.line("lag", human(*r.Lag)+" from completed to persisted")
	}
	page.line("delivered by", r.DeliveredBy)
	page.line("policy", r.Policy)
	changes(page, r.Redactions, r.Notes)

	page.section("Digest")
	if r.DigestMatches {
		page.painted("SHA-256", r.RecordSHA256, "")
		what := "the row"
		if archived {
			what = "what the archive has"
		}
		page.say(terminal.Green, "digest matches: %s is as it was written", what)
		return
	}
	page.painted("stored", r.RecordSHA256, terminal.Red)
	page.painted("computed", r.Computed, terminal.Red)
	page.say(terminal.Red, "DIGEST DOES NOT MATCH: the row is not as it was written")
}

func (e *explanation) paint() terminal.Paint {
	switch e.State {
	case stateLive, stateRestored, stateArchived:
		if e.Row.DigestMatches {
			return terminal.Green
		}
		return terminal.Red
	case stateDelivering:
		return terminal.Cyan
	case stateQuarantined, stateGone, stateStored:
		return terminal.Yellow
	}
	return terminal.Red
}
