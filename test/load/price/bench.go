package price

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/auditflow/auditflow/audit"
)

// Bench measures everything in one go. Screen, Records and Controller are required.
type Bench struct {
	// Quick takes 2 minutes instead of 28, and its figures for what they are.
	Quick bool
	// Only names the parts to measure; nil is all.
	Only []string
	// Dir is where servers keep their data and logs; "" is a temporary directory.
	Dir string
	// Screen is told what is going on.
	Screen io.Writer
	// Records makes some of about so many bytes as JSON, finished as they would be appended.
	Records func(size, n int) []audit.Record
	// Controller measures what the controller takes, in a world with Kubernetes.
	Controller func(context.Context) (Controller, error)

	plan  plan
	began time.Time
	files map[int]bool // sizes of records that there are files of
}

// plan is how much is measured.
type plan struct {
	rounds    int
	one, many int // records of a turn, one by one and in batches
	idle, lag time.Duration
	kill      time.Duration // for how long records are offered
	grow      []int         // records of a backlog
	sizes     []int         // of a record, in bytes
	workers   []int
}

func (b *Bench) planned() plan {
	if b.Quick {
		return plan{
			rounds: 2, one: 300, many: 4000, idle: 3 * time.Second, lag: 5 * time.Second, kill: 9 * time.Second,
			grow: []int{1000, 10_000}, sizes: []int{1 << 10, 64 << 10}, workers: []int{1, 2},
		}
	}
	return plan{
		rounds: 5, one: 1500, many: 20_000, idle: 10 * time.Second, lag: time.Minute, kill: 15 * time.Second,
		grow: []int{1000, 10_000, 100_000}, sizes: []int{1 << 10, 4 << 10, 16 << 10, 64 << 10, 256 << 10, 1 << 20}, workers: []int{1, 2, 4},
	}
}

// part is one question; it fills in its figures.
type part struct {
	name    string
	minutes [2]float64 // that it takes, all and quick; 0: only if asked for
	run     func(context.Context, *Bench, *scene, *Figures) error
}

func parts() []part {
	return []part{
		{"modes", [2]float64{7, 0.7}, measureModes},
		{"peers", [2]float64{3, 0.5}, measurePeers},
		{"lag", [2]float64{3.5, 0.4}, measureLag},
		{"growth", [2]float64{4, 0}, measureGrowth},
		{"kills", [2]float64{4, 0}, measureKills},
		{"controller", [2]float64{4, 0}, measureController},
	}
}

// Parts are the names for [Bench.Only].
func Parts() (names []string) {
	for _, p := range parts() {
		names = append(names, p.name)
	}
	return names
}

// Run measures. The figures have what was measured before something failed; an
// error may also be that a bound was missed.
func (b *Bench) Run(ctx context.Context) (f Figures, err error) {
	b.began, b.plan, b.files = time.Now(), b.planned(), map[int]bool{}
	for _, name := range b.Only {
		if !slices.Contains(Parts(), name) {
			return f, fmt.Errorf("there is no part %q: want some of %s", name, strings.Join(Parts(), ", "))
		}
	}
	b.say("starting Temporal with a PostgreSQL of its own, and that of the audit trail")
	s, err := openScene(ctx, b.Dir, func(format string, args ...any) { b.say("  "+format, args...) })
	if err != nil {
		return f, err
	}
	defer func() { err = errors.Join(err, s.close(context.WithoutCancel(ctx))) }()
	f = Figures{
		Quick: b.Quick, At: b.began.UTC().Truncate(time.Second), Commit: commit(ctx), Machine: thisMachine(), Version: s.versions(ctx),
		Ways: map[string]Way{},
	}
	var faults []error
	for _, p := range parts() {
		minutes := p.minutes[choose(b.Quick, 1, 0)]
		if wanted := slices.Contains(b.Only, p.name) || b.Only == nil && minutes > 0; !wanted || ctx.Err() != nil {
			continue
		}
		b.say("%s (about %.1f min)", p.name, minutes)
		if err := p.run(ctx, b, s, &f); err != nil {
			faults = append(faults, fmt.Errorf("%s: %w", p.name, err))
		}
	}
	f.Seconds = rounded(time.Since(b.began).Seconds())
	return f, errors.Join(append(faults, f.missed()...)...)
}

func choose[T any](first bool, a, b T) T {
	if first {
		return a
	}
	return b
}

// measureModes compares our ways with the floor and with each other.
func measureModes(ctx context.Context, b *Bench, s *scene, f *Figures) error {
	idle, err := b.idle(ctx, s)
	if err != nil {
		return err
	}
	f.Idle = idle
	contenders := modes(b.plan.one, b.plan.many)
	results, err := b.compare(ctx, s, contenders, b.plan.rounds)
	for _, c := range contenders {
		if len(results[c.name]) > 0 {
			f.Ways[c.name] = wayOf(c, results[c.name])
		}
	}
	f.headline(results)
	return err
}

// idle is what all processes take while nothing happens.
func (b *Bench) idle(ctx context.Context, s *scene) (map[string]float64, error) {
	team, err := s.assemble(ctx, contender{client: roleStarter})
	if err != nil {
		return nil, err
	}
	before := s.spent(team)
	select {
	case <-ctx.Done():
		return nil, ctx.Err()
	case <-time.After(b.plan.idle):
	}
	idle := map[string]float64{}
	for group, now := range s.spent(team) {
		idle[group] = rounded((now - before[group]) / b.plan.idle.Seconds())
	}
	return idle, nil
}
