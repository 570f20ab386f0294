package main

import (
	"github.com/auditflow/auditflow/cmd/internal/doctor"
	"github.com/auditflow/auditflow/internal/terminal"
)

// tell writes a diagnosis for people, each cure below its fault.
func (d diagnosis) tell(page *page) {
	page.title("auditflow", d.summary(), statePaintOf(d.State))
	area := ""
	for _, f := range d.Checks {
		if f.Area != area {
			area = f.Area
			page.section(area)
		}
		text, paint := sentence(f.Found), statePaintOf(f.State)
		switch f.State {
		case doctor.Fault:
			text = "FAULT: " + text
		case doctor.Warning, doctor.NotChecked:
			text = string(f.State) + ": " + text
		case doctor.OK:
			text, paint = "ok: "+text, ""
		}
		page.painted(f.Check, text, paint)
		if f.Cure != "" {
			page.painted(" ", "→ "+sentence(f.Cure), terminal.Bold)
		}
	}
}

func statePaintOf(s doctor.State) terminal.Paint {
	switch s {
	case doctor.Fault:
		return terminal.Red
	case doctor.Warning:
		return terminal.Yellow
	case doctor.NotChecked:
		return terminal.Dim
	}
	return terminal.Green
}
