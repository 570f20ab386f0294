package fire

import (
	"context"
	"math/rand/v2"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/auditflow/auditflow/test/world"
)

// Ordeal is a load during which the door and the worker are killed. All fields are
// required.
type Ordeal struct {
	Fire
	Door, Worker *world.Program
	Lasts        time.Duration
	Kills        int    // of each, at random moments
	Seed         uint64 // of the moments
}

// Result is what the clients and the executioners know afterwards.
type Result struct {
	*Books
	Door, Worker Kills
}

// Run returns when the last client has its answer; both programs live then.
func (o Ordeal) Run(ctx context.Context) (r Result, err error) {
	burning, stop := context.WithTimeout(ctx, o.Lasts)
	defer stop()
	group, killing := errgroup.WithContext(ctx)
	group.Go(func() (err error) {
		r.Door, err = Kill(killing, o.Door, o.Kills, o.Lasts, seeded(o.Seed))
		return err
	})
	group.Go(func() (err error) {
		r.Worker, err = Kill(killing, o.Worker, o.Kills, o.Lasts, seeded(o.Seed+1))
		return err
	})
	r.Books = o.Burn(burning)
	return r, group.Wait()
}

func seeded(seed uint64) *rand.Rand { return rand.New(rand.NewPCG(seed, 0)) }
