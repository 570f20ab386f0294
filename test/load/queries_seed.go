package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

const module = "github.com/auditflow/auditflow"

// seedNames are the seed's queries in the order in which it prints them, and
// which of them are aggregates.
//
//nolint:gochecknoglobals // a table of constants
var seedNames = []struct {
	name      string
	aggregate bool
}{
	{"seed_workflow", false},
	{"seed_failures", false},
	{"seed_durations", true},
	{"seed_slow", false},
	{"seed_trail", false},
	{"seed_retries", true},
	{"seed_resources", true},
}

// seedQuestions are the queries of the seed as printed, read to the last row.
// They have no values: every run is the same but for NOW().
func seedQuestions(ctx context.Context) ([]question, error) {
	statements, err := seedStatements(ctx)
	if err != nil {
		return nil, err
	}
	if len(statements) != len(seedNames) {
		return nil, fmt.Errorf("the seed has %d queries, we have names for %d", len(statements), len(seedNames))
	}
	var all []question
	for i, sql := range statements {
		all = append(all, question{
			name: seedNames[i].name, aggregate: seedNames[i].aggregate, seed: true,
			ask: func(ctx context.Context, t *table, _ sample) (n int, err error) {
				rows, err := t.db.Query(ctx, sql)
				if err != nil {
					return 0, err
				}
				defer rows.Close()
				for rows.Next() {
					n++
				}
				return n, rows.Err()
			},
		})
	}
	return all, nil
}

// seedStatements reads the file that the store is tested with.
func seedStatements(ctx context.Context) ([]string, error) {
	dir, err := exec.CommandContext(ctx, "go", "list", "-f", "{{.Dir}}", module+"/store/postgres").Output()
	if err != nil {
		return nil, fmt.Errorf("find the seed's queries: go list: %w", err)
	}
	text, err := os.ReadFile(filepath.Join(strings.TrimSpace(string(dir)), "testdata", "seed_queries.sql"))
	if err != nil {
		return nil, fmt.Errorf("read the seed's queries: %w", err)
	}
	var statements []string
	for part := range strings.SplitSeq(string(text), ";") {
		if strings.Contains(part, "SELECT") {
			statements = append(statements, strings.TrimSpace(part))
		}
	}
	return statements, nil
}
