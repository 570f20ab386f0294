package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"regexp"
	"strings"
)

// board is what became of the queries of deploy/dashboard.json and of the
// runbook's.
type board struct {
	Panels   int      `json:"panels"`
	Queries  int      `json:"queries"`
	WithData int      `json:"with_data"`
	Empty    []string `json:"empty"`
}

// question is a query, and where it stands.
type question struct{ where, expr string }

// rateInterval is what Grafana would fill in: four scrapes at least, and of the
// whole night, so that what happened once is in it.
const rateInterval = "30m"

// askDashboard asks all queries of the same Prometheus.
func (n *night) askDashboard(ctx context.Context, r *report) error {
	r.Dashboard.Empty = []string{}
	if len(n.only) > 0 {
		return nil
	}
	panels, questions, err := dashboardQuestions()
	if err != nil {
		return err
	}
	more, err := runbookQuestions()
	if err != nil {
		return err
	}
	r.Dashboard.Panels = panels
	for _, q := range append(questions, more...) {
		r.Dashboard.Queries++
		elements, err := n.Prometheus.Query(ctx, strings.ReplaceAll(q.expr, "$__rate_interval", rateInterval))
		switch {
		case err != nil:
			return fmt.Errorf("%s: %w", q.where, err)
		case elements == 0:
			r.Dashboard.Empty = append(r.Dashboard.Empty, q.where+": "+q.expr)
			n.screen.say("✗ no data: %s: %s", q.where, q.expr)
		default:
			r.Dashboard.WithData++
		}
	}
	return nil
}

func dashboardQuestions() (panels int, questions []question, err error) {
	text, err := os.ReadFile(boardFile)
	if err != nil {
		return 0, nil, err
	}
	var dashboard struct {
		Panels []struct {
			Title   string
			Targets []struct{ Expr string }
		}
	}
	if err := json.Unmarshal(text, &dashboard); err != nil {
		return 0, nil, fmt.Errorf("read %s: %w", boardFile, err)
	}
	for _, p := range dashboard.Panels {
		if len(p.Targets) > 0 {
			panels++
		}
		for _, t := range p.Targets {
			questions = append(questions, question{p.Title, t.Expr})
		}
	}
	return panels, questions, nil
}

var promql = regexp.MustCompile("(?s)```promql\n(.*?)```")

// runbookQuestions are the blocks of PromQL in the documents; over so long a time
// as the night had, for what they ask for is cured by now.
func runbookQuestions() (questions []question, err error) {
	for _, path := range []string{"docs/runbook.md", "docs/metrics.md"} {
		text, err := os.ReadFile(path)
		if err != nil {
			return nil, err
		}
		for _, block := range promql.FindAllStringSubmatch(string(text), -1) {
			questions = append(questions, question{path, strings.ReplaceAll(strings.TrimSpace(block[1]), "[5m]", "["+rateInterval+"]")})
		}
	}
	return questions, nil
}
