package price

import (
	"context"
	"fmt"
	"math"
	"path/filepath"
	"slices"
	"strconv"
	"time"

	"github.com/auditflow/auditflow/test/load/turn"
)

// Spread is a median with the least and the most.
type Spread struct {
	Median float64 `json:"median"`
	Min    float64 `json:"min"`
	Max    float64 `json:"max"`
}

func spreadOf(values []float64) Spread {
	if len(values) == 0 {
		return Spread{}
	}
	sorted := slices.Sorted(slices.Values(values))
	middle := len(sorted) / 2
	median := sorted[middle]
	if len(sorted)%2 == 0 {
		median = (sorted[middle-1] + sorted[middle]) / 2
	}
	return Spread{rounded(median), rounded(sorted[0]), rounded(sorted[len(sorted)-1])}
}

// rounded has four digits, more than any of these figures deserves.
func rounded(x float64) float64 {
	short, _ := strconv.ParseFloat(strconv.FormatFloat(x, 'g', 4, 64), 64)
	if math.IsNaN(short) || math.IsInf(short, 0) {
		return 0 // JSON has neither
	}
	return short
}

// turns are what each contender did, round by round.
type turns map[string][]Turn

// compare has all contenders take their turns, round after round, each of which begins with
// another one. A short round goes before, which does not count: connections are
// made, caches filled.
func (b *Bench) compare(ctx context.Context, s *scene, contenders []contender, rounds int) (turns, error) {
	results := turns{}
	for _, c := range contenders {
		c.records = max(c.callers, c.records/10)
		if _, err := b.turn(ctx, s, c); err != nil {
			return results, fmt.Errorf("warm up %s: %w", c.name, err)
		}
	}
	for round := range rounds {
		for i := range contenders {
			c := contenders[(i+round)%len(contenders)]
			t, err := b.turn(ctx, s, c)
			if err != nil {
				return results, fmt.Errorf("%s, round %d: %w", c.name, round+1, err)
			}
			results[c.name] = append(results[c.name], t)
			b.say("    round %d of %d  %-24s %7d records  %8.0f/s  %7.3f ms of processor time each", round+1, rounds, c.name, t.Records, t.Rate, t.Sum())
		}
	}
	return results, nil
}

func (b *Bench) turn(ctx context.Context, s *scene, c contender) (Turn, error) {
	file, err := b.file(s, c.size)
	if err != nil {
		return Turn{}, err
	}
	return s.take(ctx, c, file)
}

// file has the records of one size, 8 MiB of them or 2,000.
func (b *Bench) file(s *scene, size int) (string, error) {
	path := filepath.Join(s.Dir, fmt.Sprintf("records-%d.jsonl", size))
	if b.files[size] {
		return path, nil
	}
	if err := turn.Write(path, b.Records(size, min(2000, max(4, 8<<20/size)))); err != nil {
		return "", err
	}
	b.files[size] = true
	return path, nil
}

// say tells how long it has taken so far, and what happens.
func (b *Bench) say(format string, args ...any) {
	took := time.Since(b.began).Round(time.Second)
	fmt.Fprintf(b.Screen, "  %3d:%02d  %s\n", int(took.Minutes()), int(took.Seconds())%60, fmt.Sprintf(format, args...))
}
