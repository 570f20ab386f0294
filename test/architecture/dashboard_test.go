package architecture

import (
	"encoding/json"
	"testing"
)

// panel is one of deploy/dashboard.json.
type panel struct {
	ID          int
	Type, Title string
	GridPos     struct{ X, Y, W, H int }
	Targets     []struct{ Expr string }
}

func panels(t *testing.T) []panel {
	t.Helper()
	var dashboard struct{ Panels []panel }
	if err := json.Unmarshal([]byte(read(t, "deploy/dashboard.json")), &dashboard); err != nil {
		t.Fatal(err)
	}
	if len(dashboard.Panels) < 30 {
		t.Fatalf("only %d panels", len(dashboard.Panels))
	}
	return dashboard.Panels
}

func TestEveryPanelAsksForMetricsThatExist(t *testing.T) {
	t.Parallel()
	known := metrics(t)
	for _, p := range panels(t) {
		if p.Type == "row" {
			continue
		}
		if len(p.Targets) == 0 {
			t.Errorf("%s asks for nothing", p.Title)
		}
		for _, target := range p.Targets {
			used := metricName.FindAllString(target.Expr, -1)
			if len(used) == 0 {
				t.Errorf("%s: %q asks for no metric of ours", p.Title, target.Expr)
			}
			for _, name := range used {
				if !known[name] {
					t.Errorf("%s asks for %s, which nothing serves: see docs/metrics.md", p.Title, name)
				}
			}
		}
	}
}

func TestNoTwoPanelsLieOnOneAnother(t *testing.T) {
	t.Parallel()
	all := panels(t)
	for i, a := range all {
		if a.GridPos.X+a.GridPos.W > 24 || a.GridPos.W == 0 || a.GridPos.H == 0 {
			t.Errorf("%s lies beside the grid: %+v", a.Title, a.GridPos)
		}
		for _, b := range all[:i] {
			apart := a.GridPos.X >= b.GridPos.X+b.GridPos.W || b.GridPos.X >= a.GridPos.X+a.GridPos.W ||
				a.GridPos.Y >= b.GridPos.Y+b.GridPos.H || b.GridPos.Y >= a.GridPos.Y+a.GridPos.H
			if !apart || a.ID == b.ID {
				t.Errorf("%s and %s lie on one another or have one id", a.Title, b.Title)
			}
		}
	}
}
