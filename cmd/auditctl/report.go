package main

import (
	"context"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/auditflow/auditflow/store/postgres"
)

const day = 24 * time.Hour

func (p *program) reportCommand() *cobra.Command {
	return group(&cobra.Command{
		Use: "report", Short: "answer the questions that auditors ask",
		Long: "Answers the questions that auditors ask. Each has the range of time it is usually asked for\nas its default; see the help of each.",
		Example: `  auditctl report workflow alert-12345-workflow
  auditctl report failures --since 24h
  auditctl report durations --since 7d -o csv
  auditctl report trail 'prod-*' --range 2026-01-01..2026-02-01`,
	}, p.workflowReport(), p.failuresReport(), p.slowReport(), p.trailReport(),
		p.durationsReport(), p.retriesReport(), p.resourcesReport())
}

// period is the range of time of a report.
type period struct {
	since  span
	within stretch
}

// flags adds --since and --range; of says what it is that lies in the range.
func (q *period) flags(cmd *cobra.Command, of string, usual time.Duration) {
	q.since = span(usual)
	cmd.Flags().Var(&q.since, "since", of+" at most so long ago: 30m, 24h, 7d, 2w")
	cmd.Flags().Var(&q.within, "range", of+" "+rangeUsage)
	cmd.MarkFlagsMutuallyExclusive("since", "range")
}

func (q *period) resolve(cmd *cobra.Command, now time.Time) postgres.Range {
	if cmd.Flags().Changed("range") {
		return q.within.Range
	}
	return rangeOf(q.since, stretch{}, now)
}

const rangeUsage = "between two times, the second exclusive: 2026-01-01..2026-02-01 (UTC midnights)," +
	" RFC 3339 instants, either side may be empty"

func limitFlag(cmd *cobra.Command, limit *count) {
	*limit = 100
	cmd.Flags().Var(limit, "limit", "how many at most; 0 is all")
}

// ask makes a command of a question.
func (p *program) ask(question func(context.Context, *postgres.Store, *cobra.Command, []string) error) func(*cobra.Command, []string) error {
	return func(cmd *cobra.Command, args []string) error {
		return p.withStore(cmd.Context(), func(store *postgres.Store) error {
			return question(cmd.Context(), store, cmd, args)
		})
	}
}

func (p *program) workflowReport() *cobra.Command {
	return &cobra.Command{
		Use: "workflow REF", Short: "the executions of one workflow, step by step",
		Long:    "Lists the executions of one workflow (workflow_ref) by step, then by time of creation.",
		Example: "  auditctl report workflow alert-12345-workflow",
		Args:    cobra.ExactArgs(1), ValidArgsFunction: cobra.NoFileCompletions,
		RunE: p.ask(func(ctx context.Context, store *postgres.Store, _ *cobra.Command, args []string) error {
			return p.some(store.Workflow(ctx, args[0]), 0, workflowSheet(p.out.zone))
		}),
	}
}

func (p *program) failuresReport() *cobra.Command {
	var within period
	var limit count
	cmd := &cobra.Command{
		Use: "failures", Short: "what failed, with its error, the latest first",
		Long:    "Lists executions that failed by when they completed, the latest first.",
		Example: "  auditctl report failures                 # of the last 24 hours\n  auditctl report failures --since 7d --limit 0 -o csv",
		Args:    cobra.NoArgs,
	}
	within.flags(cmd, "completed", day)
	limitFlag(cmd, &limit)
	cmd.RunE = p.ask(func(ctx context.Context, store *postgres.Store, cmd *cobra.Command, _ []string) error {
		rows := store.Failures(ctx, within.resolve(cmd, p.now()), oneMore(int(limit)))
		return p.some(rows, int(limit), failuresSheet(p.out.zone))
	})
	return cmd
}

func (p *program) slowReport() *cobra.Command {
	var within period
	var limit count
	over := span(30 * time.Second)
	cmd := &cobra.Command{
		Use: "slow", Short: "what took long, the slowest first",
		Long:    "Lists executions that took longer than --over, the slowest first, with what they used.",
		Example: "  auditctl report slow                     # over 30s, created in the last 24 hours\n  auditctl report slow --over 5m --since 7d",
		Args:    cobra.NoArgs,
	}
	within.flags(cmd, "created", day)
	cmd.Flags().Var(&over, "over", "took longer than this: 500ms, 30s, 5m")
	limitFlag(cmd, &limit)
	cmd.RunE = p.ask(func(ctx context.Context, store *postgres.Store, cmd *cobra.Command, _ []string) error {
		rows := store.Slow(ctx, within.resolve(cmd, p.now()), time.Duration(over), oneMore(int(limit)))
		return p.some(rows, int(limit), slowSheet(p.out.zone))
	})
	return cmd
}

func (p *program) trailReport() *cobra.Command {
	var within period
	var limit count
	cmd := &cobra.Command{
		Use: "trail NAMESPACE-PATTERN", Short: "all that was done to namespaces, the latest first",
		Long: "Lists what was done to the namespaces of a pattern, the latest first.\nIn the pattern * is any text and ? any character.",
		Example: "  auditctl report trail 'prod-*'           # of the last 30 days\n" +
			"  auditctl report trail prod-shop --range 2026-01-01..2026-02-01 --limit 0 -o csv",
		Args: cobra.ExactArgs(1), ValidArgsFunction: cobra.NoFileCompletions,
	}
	within.flags(cmd, "created", 30*day)
	limitFlag(cmd, &limit)
	cmd.RunE = p.ask(func(ctx context.Context, store *postgres.Store, cmd *cobra.Command, args []string) error {
		r := within.resolve(cmd, p.now())
		query := postgres.Query{Filter: postgres.Filter{Namespace: args[0], From: r.From, To: r.To}, Limit: oneMore(int(limit))}
		return p.some(store.Find(ctx, query), int(limit), trailSheet(p.out.zone))
	})
	return cmd
}

// oneMore asks for one row more than is wanted, to know whether there is one.
func oneMore(limit int) int {
	if limit == 0 {
		return 0
	}
	return limit + 1
}

// some lists rows up to the limit and says when that was not all.
func (p *program) some(rows rowSequence, limit int, s sheet[row]) error {
	page := pageOf{limit: limit}
	n, err := list(p.out, s, page.of(rows))
	if err != nil {
		return err
	}
	if n == 0 && p.out.forPeople() {
		p.tell("No execution matches.")
	}
	if page.more {
		if err := p.out.to.Flush(); err != nil {
			return err
		}
		p.tell("There are more: --limit says how many to list, 0 is all.")
	}
	return nil
}

// aggregate lists the lines of a report.
func aggregate[T any](p *program, rows []T, s sheet[T]) error {
	n, err := list(p.out, s, all(rows))
	if err == nil && n == 0 && p.out.forPeople() {
		p.tell("No execution matches.")
	}
	return err
}

func totals(lines int64, noun string, total int64, rest string) string {
	return fmt.Sprintf("%s: %s%s", plural(lines, noun), plural(total, "execution"), rest)
}
