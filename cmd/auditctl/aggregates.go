package main

import (
	"context"
	"strconv"
	"time"

	"github.com/spf13/cobra"

	"github.com/auditflow/auditflow/internal/terminal"
	"github.com/auditflow/auditflow/store/postgres"
)

func (p *program) durationsReport() *cobra.Command {
	var within period
	var failedToo bool
	cmd := &cobra.Command{
		Use: "durations", Short: "how long executions took, by action",
		Long: `Tells how long executions took, by action, the slowest on average first: average,
percentiles (exact, interpolated as PostgreSQL's percentile_cont does) and, on a
terminal, how they are distributed between the shortest and the longest, in ten
steps of equal ratio. Only what succeeded counts, unless --all is given.`,
		Example: "  auditctl report durations                # of the last 7 days\n  auditctl report durations --since 24h --all -o json | jq '{action_type, p95_duration}'",
		Args:    cobra.NoArgs,
	}
	within.flags(cmd, "created", 7*day)
	cmd.Flags().BoolVar(&failedToo, "all", false, "count what failed, too")
	cmd.RunE = p.ask(func(ctx context.Context, store *postgres.Store, cmd *cobra.Command, _ []string) error {
		lines, err := store.Durations(ctx, within.resolve(cmd, p.now()), failedToo)
		if err != nil {
			return err
		}
		return aggregate(p, lines, durationSheet(p.out.person))
	})
	return cmd
}

func durationSheet(drawn bool) sheet[postgres.ActionDurations] {
	type line = postgres.ActionDurations
	text := func(title string, value func(*line) string) column[line] {
		return column[line]{terminal.Column{Title: title, Right: true}, func(l *line) terminal.Cell {
			return terminal.Cell{Text: value(l)}
		}}
	}
	columns := []column[line]{
		{terminal.Column{Title: "ACTION", Least: 8}, func(l *line) terminal.Cell { return terminal.Cell{Text: l.Action} }},
		text("TOTAL", func(l *line) string { return grouped(l.Total) }),
	}
	fields := []field[line]{
		{"action_type", func(l *line) any { return l.Action }},
		{"total_executions", func(l *line) any { return l.Total }},
	}
	for _, q := range []struct {
		title, name string
		of          func(*line) time.Duration
	}{
		{"AVG", "avg_duration", func(l *line) time.Duration { return l.Avg }},
		{"P50", "p50_duration", func(l *line) time.Duration { return l.P50 }},
		{"P95", "p95_duration", func(l *line) time.Duration { return l.P95 }},
		{"P99", "p99_duration", func(l *line) time.Duration { return l.P99 }},
		{"MAX", "max_duration", func(l *line) time.Duration { return l.Max }},
	} {
		timed := func(l *line) bool { return len(l.Distribution) > 0 || l.Max > 0 }
		columns = append(columns, text(q.title, func(l *line) string {
			if !timed(l) {
				return unknown
			}
			return human(q.of(l))
		}))
		fields = append(fields,
			field[line]{q.name, func(l *line) any {
				if !timed(l) {
					return nil
				}
				return int64(q.of(l))
			}},
			field[line]{q.name + "_seconds", func(l *line) any {
				if !timed(l) {
					return nil
				}
				return q.of(l).Seconds()
			}})
	}
	if drawn {
		columns = append(columns, column[line]{terminal.Column{Title: "SHORT → LONG", Drop: 1}, func(l *line) terminal.Cell {
			return terminal.Cell{Text: distribution(l.Distribution), Paint: terminal.Cyan}
		}})
	}
	var total int64
	return sheet[line]{
		table: columns, wide: columns, csv: fields,
		count:  func(l *line) { total += l.Total },
		totals: func(n int64) string { return totals(n, "action", total, "") },
	}
}

func distribution(buckets []postgres.Bucket) string {
	counts := make([]int64, len(buckets))
	for i, b := range buckets {
		counts[i] = b.Count
	}
	return terminal.Spark(counts)
}

func (p *program) retriesReport() *cobra.Command {
	var within period
	cmd := &cobra.Command{
		Use: "retries", Short: "which actions needed more than one attempt, and where",
		Long:    "Tells which actions had to be tried again, by action and namespace, the most frequent first.",
		Example: "  auditctl report retries                  # of the last 7 days",
		Args:    cobra.NoArgs,
	}
	within.flags(cmd, "created", 7*day)
	cmd.RunE = p.ask(func(ctx context.Context, store *postgres.Store, cmd *cobra.Command, _ []string) error {
		lines, err := store.Retries(ctx, within.resolve(cmd, p.now()))
		if err != nil {
			return err
		}
		return aggregate(p, lines, retrySheet())
	})
	return cmd
}

func retrySheet() sheet[postgres.RetryPattern] {
	type line = postgres.RetryPattern
	average := func(n float64) string { return strconv.FormatFloat(n, 'f', 2, 64) }
	var total int64
	var retries float64
	columns := []column[line]{
		{terminal.Column{Title: "ACTION", Least: 8}, func(l *line) terminal.Cell { return terminal.Cell{Text: l.Action} }},
		{terminal.Column{Title: "NAMESPACE", Least: 9}, func(l *line) terminal.Cell { return terminal.Cell{Text: or(l.Namespace, unknown)} }},
		{terminal.Column{Title: "RETRIED", Right: true}, func(l *line) terminal.Cell { return terminal.Cell{Text: grouped(l.Total)} }},
		{terminal.Column{Title: "AVG RETRIES", Right: true}, func(l *line) terminal.Cell { return terminal.Cell{Text: average(l.AvgRetries)} }},
	}
	return sheet[line]{
		table: columns, wide: columns,
		csv: []field[line]{
			{"action_type", func(l *line) any { return l.Action }},
			{"target_namespace", func(l *line) any { return l.Namespace }},
			{"total_with_retries", func(l *line) any { return l.Total }},
			{"avg_retries", func(l *line) any { return l.AvgRetries }},
		},
		count: func(l *line) {
			total += l.Total
			retries += float64(l.Total) * l.AvgRetries
		},
		totals: func(n int64) string {
			return totals(n, "line", total, " tried again, "+average(retries/float64(max(total, 1)))+" times on average")
		},
	}
}

func (p *program) resourcesReport() *cobra.Command {
	var within period
	cmd := &cobra.Command{
		Use: "resources", Short: "what actions used on average: CPU and memory",
		Long:    "Tells what the executions of each action used on average, those that use most CPU first.\nOnly executions of which it is known count.",
		Example: "  auditctl report resources                # of the last 7 days\n  auditctl report resources --since 30d -o csv",
		Args:    cobra.NoArgs,
	}
	within.flags(cmd, "created", 7*day)
	cmd.RunE = p.ask(func(ctx context.Context, store *postgres.Store, cmd *cobra.Command, _ []string) error {
		lines, err := store.Resources(ctx, within.resolve(cmd, p.now()))
		if err != nil {
			return err
		}
		return aggregate(p, lines, resourceSheet())
	})
	return cmd
}

func resourceSheet() sheet[postgres.ActionResources] {
	type line = postgres.ActionResources
	var total int64
	var cpu, memory float64
	columns := []column[line]{
		{terminal.Column{Title: "ACTION", Least: 8}, func(l *line) terminal.Cell { return terminal.Cell{Text: l.Action} }},
		{terminal.Column{Title: "TOTAL", Right: true}, func(l *line) terminal.Cell { return terminal.Cell{Text: grouped(l.Total)} }},
		{terminal.Column{Title: "AVG CPU", Right: true}, func(l *line) terminal.Cell { return terminal.Cell{Text: millicores(l.AvgCPU)} }},
		{terminal.Column{Title: "AVG MEMORY", Right: true}, func(l *line) terminal.Cell { return terminal.Cell{Text: mebibytes(l.AvgMemory)} }},
	}
	return sheet[line]{
		table: columns, wide: columns,
		csv: []field[line]{
			{"action_type", func(l *line) any { return l.Action }},
			{"total_executions", func(l *line) any { return l.Total }},
			{"avg_cpu_millicores", func(l *line) any { return l.AvgCPU }},
			{"avg_memory_bytes", func(l *line) any { return l.AvgMemory }},
		},
		count: func(l *line) {
			total += l.Total
			cpu += float64(l.Total) * l.AvgCPU
			memory += float64(l.Total) * l.AvgMemory
		},
		totals: func(n int64) string {
			each := float64(max(total, 1))
			return totals(n, "action", total, ", "+millicores(cpu/each)+" CPU and "+mebibytes(memory/each)+" memory on average")
		},
	}
}

func or(text, otherwise string) string {
	if text == "" {
		return otherwise
	}
	return text
}
