package price

import (
	"context"
	"errors"
	"fmt"

	"github.com/auditflow/auditflow/test/world"
)

// Growth is how cost grows with how many records there are, how large they are, and
// how many workers share them.
type Growth struct {
	Records []Step `json:"records"`
	Workers []Step `json:"workers"`
	Sizes   []Step `json:"sizes"`
}

// Step is one measurement.
type Step struct {
	Way     string             `json:"way"`
	Of      int                `json:"of"` // records, workers, or bytes of a record
	Records int                `json:"records"`
	Rate    float64            `json:"records_per_second"`
	CPU     float64            `json:"cpu_ms"`
	ByGroup map[string]float64 `json:"cpu_ms_by_process"`
	Stored  map[string]float64 `json:"stored_bytes"`
	WAL     map[string]float64 `json:"wal_bytes"`
}

func measureGrowth(ctx context.Context, b *Bench, s *scene, f *Figures) error {
	f.Growth = &Growth{}
	modes := modes(b.plan.one, b.plan.many)
	var single, batched contender
	for _, c := range modes {
		switch c.name {
		case nameSingle:
			single = c
		case nameBatched:
			batched = c
		}
	}
	for _, records := range b.plan.grow {
		batched.records = records
		if err := b.step(ctx, s, batched, records, &f.Growth.Records); err != nil {
			return err
		}
	}
	single.records, batched.records = b.plan.one, b.plan.many
	if err := b.sizes(ctx, s, []contender{single, batched}, f.Growth); err != nil {
		return err
	}
	return b.workers(ctx, s, []contender{single, batched}, f.Growth)
}

func (b *Bench) step(ctx context.Context, s *scene, c contender, of int, to *[]Step) error {
	t, err := b.turn(ctx, s, c)
	if err != nil {
		return fmt.Errorf("%s of %d: %w", c.name, of, err)
	}
	*to = append(*to, Step{
		Way: c.name, Of: of, Records: c.records, Rate: rounded(t.Rate), CPU: rounded(t.Sum()), ByGroup: t.CPU, Stored: t.Stored, WAL: t.WAL,
	})
	b.say("    %-10s %9d  %7d records  %8.0f/s  %8.3f ms of processor time each", c.name, of, c.records, t.Rate, t.Sum())
	return nil
}

// sizes delivers larger records, and fewer: about as many bytes each time.
func (b *Bench) sizes(ctx context.Context, s *scene, contenders []contender, g *Growth) error {
	for _, size := range b.plan.sizes {
		for _, c := range contenders {
			fewer := max(1, float64(size)/float64(c.size))
			c.records, c.size = max(16, min(c.records, int(4*float64(c.records)/fewer))), size
			if err := b.step(ctx, s, c, size, &g.Sizes); err != nil {
				return err
			}
		}
	}
	return nil
}

// workers adds one process of the worker after the other; all share the work.
func (b *Bench) workers(ctx context.Context, s *scene, contenders []contender, g *Growth) (err error) {
	var more []*world.Program
	defer func() {
		for _, p := range more {
			err = errors.Join(err, p.Stop(context.WithoutCancel(ctx)))
		}
		s.more = nil
	}()
	for _, workers := range b.plan.workers {
		for len(more)+1 < workers {
			p, err := s.product.Worker.Replica(fmt.Sprintf("worker-%d", len(more)+2))
			if err != nil {
				return err
			}
			if err := p.Start(ctx); err != nil {
				return err
			}
			more = append(more, p)
		}
		s.more = more
		for _, c := range contenders {
			if err := b.step(ctx, s, c, workers, &g.Workers); err != nil {
				return err
			}
		}
	}
	return nil
}
