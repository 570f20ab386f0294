package postgres_test

import (
	"math"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/auditflow/auditflow/store/postgres"
)

// someDurations are in whole microseconds, as a record has them; often equal,
// sometimes 0, sometimes as long as there are.
func someDurations() *rapid.Generator[[]time.Duration] {
	one := rapid.OneOf(
		rapid.Map(rapid.IntRange(0, 300), func(n int) time.Duration { return time.Duration(n) * time.Second }),
		rapid.Map(rapid.Int64Range(0, 10), func(n int64) time.Duration { return time.Duration(n) * time.Microsecond }),
		rapid.Map(rapid.Int64Range(0, math.MaxInt64/1000), func(n int64) time.Duration { return time.Duration(n) * time.Microsecond }),
	)
	return rapid.SliceOfN(one, 1, 60)
}

func TestPercentilesAndAverageAreThoseOfPostgreSQL(t *testing.T) {
	t.Parallel()
	conn := connect(t, emptyDatabase(t))
	const query = `
		SELECT avg(d), max(d), percentile_cont(0.5) WITHIN GROUP (ORDER BY d),
			percentile_cont(0.95) WITHIN GROUP (ORDER BY d), percentile_cont(0.99) WITHIN GROUP (ORDER BY d)
		FROM unnest($1::interval[]) AS d`
	rapid.Check(t, func(r *rapid.T) {
		durations := someDurations().Draw(r, "durations")
		var want postgres.ActionDurations
		err := conn.QueryRow(t.Context(), query, durations).Scan(&want.Avg, &want.Max, &want.P50, &want.P95, &want.P99)
		if err != nil {
			r.Fatal(err)
		}
		got := postgres.Summarise(durations)
		for _, c := range []struct {
			what      string
			got, want time.Duration
		}{
			{"max", got.Max, want.Max},
			{"p50", got.P50, want.P50},
			{"p95", got.P95, want.P95},
			{"p99", got.P99, want.P99},
		} {
			if c.got != c.want {
				r.Errorf("%s: got %d, want %d", c.what, c.got, c.want)
			}
		}
		// Years on end, PostgreSQL divides with the precision of a float64.
		var tolerance time.Duration
		if want.Max > 24*365*time.Hour {
			tolerance = 2 * time.Microsecond
		}
		if d := got.Avg - want.Avg; d > tolerance || -d > tolerance {
			r.Errorf("average: got %d, want %d", got.Avg, want.Avg)
		}
	})
}

func TestADistributionCountsEachDurationOnce(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(r *rapid.T) {
		durations := someDurations().Draw(r, "durations")
		buckets := postgres.Summarise(durations).Distribution
		slices.Sort(durations)
		if n := len(buckets); n != 10 && (n != 1 || durations[0] != durations[len(durations)-1]) {
			r.Fatalf("%d buckets", n)
		}
		if last := buckets[len(buckets)-1].UpTo; last != durations[len(durations)-1] {
			r.Errorf("the last one ends at %v, the longest is %v", last, durations[len(durations)-1])
		}
		above := time.Duration(-1)
		for i, b := range buckets {
			var n int64
			for _, d := range durations {
				if d > above && d <= b.UpTo {
					n++
				}
			}
			if b.Count != n {
				r.Errorf("bucket %d, from %v to %v: got %d, want %d", i, above, b.UpTo, b.Count, n)
			}
			above = b.UpTo
		}
	})
}

func TestTheStepsOfADistributionHaveEqualRatio(t *testing.T) {
	t.Parallel()
	buckets := postgres.Summarise([]time.Duration{0, time.Second, 1024 * time.Second}).Distribution
	for i, b := range buckets {
		equal(t, "step", b.UpTo.Round(time.Millisecond), time.Second<<(i+1))
	}
	equal(t, "in the first, 0 and the shortest", buckets[0].Count, 2)
	equal(t, "in the last", buckets[9].Count, 1)
}
