package main

import (
	"math/rand/v2"
	"strings"
	"time"

	"github.com/auditflow/auditflow/audit"
)

// sample is what one run asks about: a record of the data set, picked at
// random, so that what is frequent is asked for frequently.
type sample struct {
	audit.Record
	run int
	now time.Time // the end of the data set
}

// samples draws from some chunks of the data set, the same for the same seed.
type samples struct {
	data dataset
	rows []row
}

func newSamples(d dataset) *samples {
	s := &samples{data: d}
	const chunks = 8
	for i := range min(chunks, d.chunks()) {
		s.rows = append(s.rows, d.chunk(i*d.chunks()/min(chunks, d.chunks()))...)
	}
	return s
}

// draw returns the sample of a run: every query asks its nth run about the same
// record. Records without a workflow are none that a query would ask about.
func (s *samples) draw(run int) sample {
	rng := rand.New(rand.NewPCG(s.data.seed, uint64(run)+1<<32))
	for {
		r := s.rows[rng.IntN(len(s.rows))]
		if r.WorkflowRef != "" && r.StartTime.After(r.CreatedAt) {
			return sample{Record: r.Record, run: run, now: s.data.until}
		}
	}
}

// lastDays is a range that ends with the data set.
func (s sample) lastDays(days int) time.Time { return s.now.AddDate(0, 0, -days) }

// namespacePattern asks every second time for all of production, and in between
// for one application wherever it runs, which is a few in a thousand records.
func (s sample) namespacePattern() string {
	if s.run%2 == 0 {
		return "prod-*"
	}
	_, application, _ := strings.Cut(s.TargetNamespace, "-")
	return "*-" + application
}
