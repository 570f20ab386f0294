package main

import (
	"context"
	"fmt"
	"io"
	"math"
	"net/http"
	"regexp"
	"strconv"
)

// labelled reads a family of metrics by the values of one of its labels.
func labelled(ctx context.Context, address, family, label string) (map[string]float64, error) {
	text, err := metrics(ctx, address)
	if err != nil {
		return nil, err
	}
	found := map[string]float64{}
	line := regexp.MustCompile(`(?m)^` + family + `\{(?:[^}]*,)?` + label + `="([^"]*)"[^}]*\} (\S+)$`)
	for _, match := range line.FindAllSubmatch(text, -1) {
		value, err := strconv.ParseFloat(string(match[2]), 64)
		if err != nil {
			return nil, fmt.Errorf("read metric %s: %w", family, err)
		}
		found[string(match[1])] += value
	}
	return found, nil
}

// total is the sum of all series of a family; 0 while there is none.
func total(ctx context.Context, address, family string) (sum float64, err error) {
	text, err := metrics(ctx, address)
	if err != nil {
		return 0, err
	}
	for _, match := range regexp.MustCompile(`(?m)^`+family+`(?:\{[^}]*\})? (\S+)$`).FindAllSubmatch(text, -1) {
		value, err := strconv.ParseFloat(string(match[1]), 64)
		if err != nil {
			return 0, fmt.Errorf("read metric %s: %w", family, err)
		}
		sum += value
	}
	return sum, nil
}

func metrics(ctx context.Context, address string) ([]byte, error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, address+"/metrics", nil)
	if err != nil {
		return nil, err
	}
	res, err := http.DefaultClient.Do(r)
	if err != nil {
		return nil, fmt.Errorf("read metrics: %w", err)
	}
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	if err != nil {
		return nil, fmt.Errorf("read metrics: %w", err)
	}
	return text, nil
}

// distribution is a histogram as it is exposed: how many observations were at most
// a bound, by that bound.
type distribution map[float64]float64

// distributionOf reads a histogram, all series of it together.
func distributionOf(ctx context.Context, address, family string) (distribution, error) {
	counts, err := labelled(ctx, address, family+"_bucket", "le")
	if err != nil {
		return nil, err
	}
	d := distribution{}
	for text, n := range counts {
		bound, err := strconv.ParseFloat(text, 64)
		if err != nil {
			return nil, fmt.Errorf("read metric %s: %w", family, err)
		}
		d[bound] = n
	}
	if len(d) == 0 {
		return nil, fmt.Errorf("read metric %s: it is not there", family)
	}
	return d, nil
}

// since is what has been observed after an earlier reading.
func (d distribution) since(earlier distribution) distribution {
	later := distribution{}
	for bound, n := range d {
		later[bound] = n - earlier[bound]
	}
	return later
}

// quantile is the least bound that so large a share of the observations did not
// exceed; 0 when there are none.
func (d distribution) quantile(share float64) float64 {
	all := d[math.Inf(1)]
	least := math.Inf(1)
	if all == 0 {
		return 0
	}
	for bound, n := range d {
		if n >= share*all {
			least = min(least, bound)
		}
	}
	return least
}
