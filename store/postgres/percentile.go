package postgres

import (
	"cmp"
	"math"
	"math/big"
	"slices"
	"time"
)

// tally knows of many durations how often each occurred.
type tally struct {
	counted []counted // by duration, each once, when sorted
	known   int64     // sum of their counts
	unknown int64     // executions without a duration
}

type counted struct{ micros, n int64 }

func (t *tally) add(micros, n int64) {
	t.counted = append(t.counted, counted{micros, n})
	t.known += n
}

// sort must come between add and what follows.
func (t *tally) sort() {
	slices.SortFunc(t.counted, func(a, b counted) int { return cmp.Compare(a.micros, b.micros) })
}

func inMicros(n int64) time.Duration { return time.Duration(n) * time.Microsecond }

func (t *tally) largest() time.Duration {
	if t.known == 0 {
		return 0
	}
	return inMicros(t.counted[len(t.counted)-1].micros)
}

// average rounds to whole microseconds, half to even, as PostgreSQL does.
func (t *tally) average() time.Duration {
	if t.known == 0 {
		return 0
	}
	sum := new(big.Int) // a few long durations are more than an int64 holds
	for _, c := range t.counted {
		sum.Add(sum, new(big.Int).Mul(big.NewInt(c.micros), big.NewInt(c.n)))
	}
	average, _ := new(big.Rat).SetFrac(sum, big.NewInt(t.known)).Float64()
	return inMicros(int64(math.RoundToEven(average)))
}

// percentile is PostgreSQL's percentile_cont of an interval: between the two
// neighbours of the place p*(n-1), in proportion, in whole microseconds. See
// percentile_cont_final_common and interval_lerp in its orderedsetaggs.c.
func (t *tally) percentile(p float64) time.Duration {
	if t.known == 0 {
		return 0
	}
	place := p * float64(t.known-1)
	low, high := t.at(int64(math.Floor(place))), t.at(int64(math.Ceil(place)))
	proportion := place - math.Floor(place)
	return inMicros(low + int64(math.RoundToEven(float64(high-low)*proportion)))
}

// at is the duration at a position, counted from 0.
func (t *tally) at(position int64) int64 {
	for _, c := range t.counted {
		if position < c.n {
			return c.micros
		}
		position -= c.n
	}
	return t.counted[len(t.counted)-1].micros
}

const steps = 10

// distribution cuts the stretch from the shortest to the longest duration into
// steps of equal ratio. Durations of 0, which have no ratio to others, count in
// the first.
func (t *tally) distribution() []Bucket {
	if t.known == 0 {
		return []Bucket{}
	}
	bounds := t.bounds()
	buckets := make([]Bucket, len(bounds))
	for i, bound := range bounds {
		buckets[i].UpTo = inMicros(bound)
	}
	step := 0
	for _, c := range t.counted {
		for c.micros > bounds[step] {
			step++
		}
		buckets[step].Count += c.n
	}
	return buckets
}

func (t *tally) bounds() []int64 {
	longest := t.counted[len(t.counted)-1].micros
	shortest := longest
	for _, c := range t.counted {
		if c.micros > 0 {
			shortest = c.micros
			break
		}
	}
	if t.counted[0].micros == longest {
		return []int64{longest}
	}
	bounds := make([]int64, steps)
	ratio := float64(longest) / float64(shortest)
	for i := range bounds {
		bounds[i] = int64(float64(shortest) * math.Pow(ratio, float64(i+1)/steps))
	}
	bounds[steps-1] = longest // whatever was lost in rounding
	return bounds
}
