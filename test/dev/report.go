package main

import (
	"fmt"
	"slices"
	"time"

	"github.com/auditflow/auditflow/test/leak"
)

// figures is the JSON file of the demonstration.
type figures struct {
	Executions int     `json:"executions"` // completed, by the independent books
	Persisted  int     `json:"persisted"`  // of them, with a row
	Missing    int     `json:"missing"`
	Duplicates int     `json:"duplicates"`
	Leaked     int     `json:"leaked"` // planted secrets that were found anywhere
	LagP50     float64 `json:"lag_p50_ms"`
	LagP99     float64 `json:"lag_p99_ms"`
	Seconds    float64 `json:"seconds"` // from the program's start to its end
}

// findings is all that the demonstration found out.
type findings struct {
	books   books
	verdict verdict
	search  *leak.Search
	plants  *plants
}

func (f findings) figures() figures {
	var lags []time.Duration
	for _, l := range f.books.lines() {
		lags = append(lags, l.lag)
	}
	return figures{
		Executions: f.verdict.executions, Persisted: f.verdict.persisted,
		Missing: f.verdict.missing, Duplicates: f.verdict.duplicates, Leaked: len(f.search.Leaks()),
		LagP50: milliseconds(percentile(lags, 50)), LagP99: milliseconds(percentile(lags, 99)),
	}
}

// faults are sentences; none means success. The value of a secret is in none.
func (f findings) faults() []string {
	faults := slices.Clone(f.verdict.differences)
	for _, l := range f.search.Leaks() {
		faults = append(faults, "leaked: "+l.String())
	}
	for _, place := range f.plants.blind(f.search) {
		faults = append(faults, fmt.Sprintf("the search is broken: it did not find in %s what is there", place))
	}
	return faults
}

func (s *screen) report(f findings) {
	s.say("\n%s", s.header())
	for _, l := range f.books.lines() {
		s.say("%s", s.line(l))
	}
	n := f.figures()
	s.say("\n  %d executions, %d rows, %s, %s; lag p50 %.0f ms, p99 %.0f ms",
		n.Executions, len(f.books.rows), s.count(n.Missing, "missing"), s.count(n.Duplicates, "twice"), n.LagP50, n.LagP99)
	s.say("  %d planted secrets in %d MB of data files, logs and histories: %s",
		len(f.plants.list), f.search.Bytes>>20, s.count(n.Leaked, "found"))
	for _, fault := range f.faults() {
		s.say("  %s %s", s.paint(red, "✗"), fault)
	}
	if len(f.faults()) == 0 {
		s.say("  %s every row agrees with what the executor and the API server saw", s.paint(green, "✓"))
	}
}

func (s *screen) count(n int, what string) string {
	if n == 0 {
		return s.paint(green, "0 "+what)
	}
	return s.paint(red, fmt.Sprintf("%d %s", n, what))
}
