package main

import "time"

// shares is processor time by program.
type shares struct{ controller, worker, temporal, postgres time.Duration }

func (s shares) all() time.Duration { return s.controller + s.worker + s.temporal + s.postgres }

func (s shares) since(before shares) shares {
	return shares{
		s.controller - before.controller, s.worker - before.worker, s.temporal - before.temporal, s.postgres - before.postgres,
	}
}

// outcome is how one backlog was delivered.
type outcome struct {
	records, lost, workflows int
	starting, delivering     time.Duration // by the controller; then by the worker, to the last row
	cpu                      shares        // to the last row
	marking                  time.Duration // of the controller, after it
	requests                 requests      // to the API server, per record, until all are marked
}

// per is milliseconds per record.
func (o outcome) per(d time.Duration) float64 { return milliseconds(d) / float64(max(1, o.records)) }

// rate is records per second once the worker has been started.
func (o outcome) rate() float64 { return float64(o.records-o.lost) / max(o.delivering.Seconds(), 1e-9) }

// backlogFigures is out/backlog.json; times are milliseconds of processor time
// per record.
type backlogFigures struct {
	Records          int     `json:"records"`
	Lost             int     `json:"lost"`
	RecordsPerSecond float64 `json:"records_per_second"`
	Batched          float64 `json:"cpu_ms_batched"`
	Single           float64 `json:"cpu_ms_single"`
	Ratio            float64 `json:"cpu_ratio"`

	RatioWithoutController float64                       `json:"cpu_ratio_without_controller"`
	Batches                int                           `json:"batches"`
	RecordsPerBatch        float64                       `json:"records_per_batch"`
	SingleRecords          int                           `json:"records_single"`
	SingleRate             float64                       `json:"records_per_second_single"`
	Started                map[string]float64            `json:"started_per_second"`
	CPU                    map[string]map[string]float64 `json:"cpu_ms"`
	// Requests to the API server per record, by verb and resource.
	Requests map[string]requests `json:"requests"`
}

func backlogFiguresOf(single, batched outcome) backlogFigures {
	backend := func(o outcome) float64 { return o.per(o.cpu.all() - o.cpu.controller) }
	return backlogFigures{
		Records: batched.records, Lost: batched.lost + single.lost, RecordsPerSecond: batched.rate(),
		Batched: batched.per(batched.cpu.all()), Single: single.per(single.cpu.all()),
		Ratio:                  single.per(single.cpu.all()) / max(batched.per(batched.cpu.all()), 1e-9),
		RatioWithoutController: backend(single) / max(backend(batched), 1e-9),
		Batches:                batched.workflows, RecordsPerBatch: float64(batched.records) / float64(max(1, batched.workflows)),
		SingleRecords: single.records, SingleRate: single.rate(),
		Started: map[string]float64{
			"batched": float64(batched.records) / max(batched.starting.Seconds(), 1e-9),
			"single":  float64(single.records) / max(single.starting.Seconds(), 1e-9),
		},
		CPU:      map[string]map[string]float64{"batched": batched.byProgram(), "single": single.byProgram()},
		Requests: map[string]requests{"batched": batched.requests, "single": single.requests},
	}
}

func (o outcome) byProgram() map[string]float64 {
	return map[string]float64{
		"controller": o.per(o.cpu.controller), "worker": o.per(o.cpu.worker),
		"temporal": o.per(o.cpu.temporal), "postgresql": o.per(o.cpu.postgres),
		"controller_marking_after_the_last_row": o.per(o.marking),
	}
}
