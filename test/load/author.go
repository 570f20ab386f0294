package main

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/auditflow/auditflow/audit"
)

// author writes the records of one chunk, workflow by workflow. What it writes
// depends on nothing but its random numbers.
type author struct {
	rng  *rand.Rand
	data dataset
}

// maxSteps is how many executions a workflow has at most, and enough the time
// after which it begins no further one, so that none takes longer than a day,
// the shortest data set.
const (
	maxSteps = 12
	enough   = 10 * time.Hour
)

// journey is what the steps of one workflow have in common.
type journey struct {
	source    string
	ref       string
	namespace int
	target    string        // name of what it is about
	tick      time.Duration // the precision of its clock
	step      int32
}

// workflow appends the records of the workflow with this number, of which the
// last completed at end, to rows. A step that fails is usually the last one.
func (a *author) workflow(rows []row, number int, end time.Time) []row {
	j := a.journey(number)
	steps := 1
	if j.ref != "" {
		steps = a.steps()
	}
	first := len(rows)
	var at time.Duration // since the first record was created
	for ; len(rows)-first < steps && at < enough; j.step++ {
		r, took := a.execution(j, at)
		at += took
		rows = append(rows, r)
		if !r.Success && a.chance(.8) {
			break
		}
		at += a.between(j.tick, 0, 20*time.Second)
	}
	a.place(rows[first:], end, j.tick)
	return rows
}

// journey: most workflows are those of KubernetesExecution objects; a tenth of
// the records are of plain Jobs, which no workflow asked for, or came by HTTP.
func (a *author) journey(number int) journey {
	j := journey{
		source: "KubernetesExecution", ref: fmt.Sprintf("alert-%d-workflow", number), tick: time.Second,
		namespace: namespaceShare.pick(a.rng), target: applications[applicationShare.pick(a.rng)],
	}
	switch p := a.rng.Float64(); {
	case p < .12:
		j.source, j.ref = "Job", ""
	case p < .17:
		j.source, j.tick = "HTTP", time.Microsecond
	}
	return j
}

// steps: four in ten workflows have one step; one in a hundred has all twelve.
func (a *author) steps() int {
	n := 1
	for n < maxSteps && a.chance(.65) {
		n++
	}
	return n
}

// execution writes one step, that far from the beginning of the data set (see
// place), and says how long it took from creation to completion.
func (a *author) execution(j journey, at time.Duration) (row, time.Duration) {
	does := &actions[actionShare.pick(a.rng)]
	uid := a.uuid()
	cluster := clusterOf(j.namespace)
	r := row{Record: audit.Record{
		ID: audit.ID(cluster, uid), ExecutionUID: uid, Cluster: cluster, Source: j.source,
		ExecutionID: does.name + "-" + a.suffix(8), ExecutionNamespace: "kubernaut-system",
		WorkflowRef: j.ref, StepIndex: j.step, ActionType: does.name,
		ActionParameters: json.RawMessage(a.parameters(does, j.target)),
		TargetNamespace:  namespaces[j.namespace], TargetResourceKind: does.kind, TargetResourceName: a.resource(does.kind, j.target),
		MaxRetries: 3, DeliveredBy: "audit/" + j.source + "/" + uid, Policy: "builtin-2",
	}}
	a.outcome(&r.Record, does)
	took := a.timing(&r, does, j.tick, at)
	a.narrative(&r.Record)
	return r, took
}

// timing: created, perhaps waiting for somebody's approval, started, ended.
func (a *author) timing(r *row, does *action, tick, at time.Duration) (took time.Duration) {
	wait := a.between(tick, 0, 5*time.Second)
	if a.chance(.02) {
		wait = min(a.duration(tick, 90*time.Minute, .8), 8*time.Hour)
	}
	r.CreatedAt = a.data.from().Add(at)
	r.CompletedAt = r.CreatedAt.Add(wait)
	if r.JobName != "" {
		duration := min(a.duration(tick, does.median, .7), 3*time.Hour)
		r.StartTime, r.EndTime, r.Duration = r.CompletedAt, r.CompletedAt.Add(duration), &duration
		r.CompletedAt = r.EndTime
	}
	r.persistedAt = r.CompletedAt.Add(a.duration(time.Microsecond, 250*time.Millisecond, .6))
	return r.CompletedAt.Sub(r.CreatedAt)
}

// place moves rows, the first of which was created at the beginning of the data
// set, so that the last completed at end, or to where they are if that would be
// before the data set.
func (a *author) place(rows []row, end time.Time, tick time.Duration) {
	by := max(0, end.Truncate(tick).Sub(rows[len(rows)-1].CompletedAt))
	for i := range rows {
		r := &rows[i]
		for _, t := range []*time.Time{&r.CreatedAt, &r.StartTime, &r.EndTime, &r.CompletedAt, &r.persistedAt} {
			if !t.IsZero() {
				*t = t.Add(by)
			}
		}
	}
}

// between is evenly spread over [low, high).
func (a *author) between(tick, low, high time.Duration) time.Duration {
	return (low + time.Duration(a.rng.Int64N(int64(high-low)))).Truncate(tick)
}

func (a *author) duration(tick, median time.Duration, spread float64) time.Duration {
	return time.Duration(logNormal(a.rng, float64(median), spread)).Round(tick)
}

func (a *author) chance(p float64) bool { return a.rng.Float64() < p }

// uuid is of version 4, as Kubernetes makes them.
func (a *author) uuid() string {
	high, low := a.rng.Uint64()&^0xf000|0x4000, a.rng.Uint64()&^(3<<62)|1<<63
	return fmt.Sprintf("%08x-%04x-%04x-%04x-%012x", high>>32, high>>16&0xffff, high&0xffff, low>>48, low&(1<<48-1))
}

// suffix is what Kubernetes appends to generated names.
func (a *author) suffix(n int) string {
	const letters = "bcdfghjklmnpqrstvwxz2456789"
	text := make([]byte, n)
	for i := range text {
		text[i] = letters[a.rng.IntN(len(letters))]
	}
	return string(text)
}
