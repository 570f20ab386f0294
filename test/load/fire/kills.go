package fire

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/auditflow/auditflow/test/world"
)

// Kills is what was done to a program.
type Kills struct {
	Times int
	// Peak is the most memory that any of its processes had, in bytes.
	Peak int64
}

// Kill ends a program with SIGKILL at n moments of the time given, which are
// random and the same for the same rng, and launches it again each time. At the
// end of the time it lives.
func Kill(ctx context.Context, victim *world.Program, n int, within time.Duration, rng *rand.Rand) (k Kills, err error) {
	began := time.Now()
	for _, moment := range moments(n, within, rng) {
		select {
		case <-time.After(time.Until(began.Add(moment))):
		case <-ctx.Done():
			return k, ctx.Err()
		}
		if err := k.look(victim); err != nil {
			return k, err
		}
		victim.Kill()
		k.Times++
		if err := victim.Launch(); err != nil {
			return k, err
		}
	}
	select {
	case <-time.After(time.Until(began.Add(within))):
	case <-ctx.Done():
		return k, ctx.Err()
	}
	return k, k.look(victim)
}

// look also tells when a program has ended otherwise.
func (k *Kills) look(victim *world.Program) error {
	peak, err := victim.PeakMemory()
	if err != nil {
		return fmt.Errorf("%s ended by itself: %w", victim.Name, err)
	}
	k.Peak = max(k.Peak, peak)
	return nil
}

// moments are n of the time given but for its ends: before the first there is
// something to lose, after the last somebody to see it.
func moments(n int, within time.Duration, rng *rand.Rand) []time.Duration {
	all := make([]time.Duration, n)
	for i := range all {
		all[i] = within/10 + time.Duration(rng.Int64N(int64(within*8/10)))
	}
	slices.Sort(all)
	return all
}
