package main

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"regexp"
	"strconv"
)

// labelled reads a family of metrics by the values of one of its labels.
func labelled(ctx context.Context, address, family, label string) (map[string]float64, error) {
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
