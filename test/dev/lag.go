package main

import (
	"math"
	"slices"
	"time"
)

// lag is from the moment at which the API server acknowledged an execution's
// end to the moment at which its row was written. Both clocks are this
// machine's; a row that was faster than the acknowledgement lags by nothing.
func lag(completed, persisted time.Time) time.Duration {
	return max(0, persisted.Sub(completed))
}

// percentile is the smallest of the values that at least p of 100 do not exceed
// (nearest rank); 0 of no values.
func percentile(values []time.Duration, p float64) time.Duration {
	if len(values) == 0 {
		return 0
	}
	sorted := slices.Sorted(slices.Values(values))
	rank := int(math.Ceil(p / 100 * float64(len(sorted))))
	return sorted[max(1, rank)-1]
}

func milliseconds(d time.Duration) float64 {
	return math.Round(float64(d)/float64(time.Millisecond)*10) / 10
}
