package main

import (
	"context"
	"iter"
	"time"

	"github.com/spf13/cobra"

	v1 "github.com/auditflow/auditflow/api/v1"
	"github.com/auditflow/auditflow/store/postgres"
)

const findHelp = `Lists executions, the newest first. Filters are joined by AND; text is compared
exactly, and an execution has to match all that is given.

Rows are written as they are read, in memory that does not grow with them.`

const findExample = `  # what happened to the shop in the last day
  auditctl find --namespace prod-shop --since 24h

  # what failed in production in January, all of it, for a spreadsheet
  auditctl find --namespace 'prod-*' --failed --range 2026-01-01..2026-02-01 --limit 0 -o csv > january.csv

  # slow or stubborn: took a minute or more, after two retries or more
  auditctl find --min-duration 1m --min-retries 2 --since 7d

  # errors only, with jq
  auditctl find --failed --since 24h -o json | jq -r '[.execution_id, .error] | @tsv'

  # the next page, with the cursor that the first one ended with
  auditctl find --since 7d --limit 50 --after CURSOR`

// search is what the flags of find say.
type search struct {
	query           postgres.Query
	success, failed bool
	since           span
	within          stretch
	minDuration     span
	minRetries      count
	limit           count
	after           position
}

func (p *program) findCommand() *cobra.Command {
	var s search
	cmd := &cobra.Command{
		Use: "find", Short: "list executions by what is known of them", Long: findHelp, Example: findExample,
		Args: cobra.NoArgs,
	}
	cmd.Flags().SortFlags = false // they are in an order that makes sense
	s.flags(cmd)
	cmd.RunE = p.ask(func(ctx context.Context, store *postgres.Store, cmd *cobra.Command, _ []string) error {
		return p.find(ctx, store, s.resolve(cmd.Flags().Changed, p.now()))
	})
	return cmd
}

func (s *search) flags(cmd *cobra.Command) {
	f, q := cmd.Flags(), &s.query
	f.StringVar(&q.Workflow, "workflow", "", "workflow execution that asked for the action (workflow_ref)")
	f.StringVar(&q.Execution, "execution", "", "name of the execution (execution_id)")
	f.StringVar(&q.Action, "action", "", "what was done (action_type), as scale-deployment")
	f.StringVar(&q.Namespace, "namespace", "", "namespace acted upon; * is any text, ? any character: 'prod-*'")
	f.StringVar(&q.Kind, "kind", "", "kind of resource acted upon, as Deployment")
	f.StringVar(&q.Name, "name", "", "name of the resource acted upon")
	f.StringVar(&q.Cluster, "cluster", "", "cluster it ran in")
	f.StringVar(&q.Phase, "phase", "", "last phase: Completed, Failed, Cancelled; another when deleted before it ended")
	f.BoolVar(&s.success, "success", false, "succeeded; --success=false is the same as --failed")
	f.BoolVar(&s.failed, "failed", false, "did not succeed")
	f.Var(&s.since, "since", "created at most so long ago: 30m, 24h, 7d, 2w")
	f.Var(&s.within, "range", "created "+rangeUsage)
	f.Var(&s.minDuration, "min-duration", "took at least so long: 500ms, 30s, 5m")
	f.Var(&s.minRetries, "min-retries", "was tried again at least so many times")
	f.BoolVar(&q.OldestFirst, "oldest-first", false, "begin with the oldest")
	limitFlag(cmd, &s.limit)
	f.Var(&s.after, "after", "continue where the page before ended, with the cursor it told")
	cmd.MarkFlagsMutuallyExclusive("since", "range")
	cmd.MarkFlagsMutuallyExclusive("success", "failed")
	words(cmd, "phase", string(v1.PhaseCompleted), string(v1.PhaseFailed), string(v1.PhaseCancelled))
}

// resolve makes a query of the flags.
func (s search) resolve(given func(flag string) bool, now time.Time) postgres.Query {
	q := s.query
	if given("success") || given("failed") {
		success := s.success || given("failed") && !s.failed
		q.Success = &success
	}
	within := rangeOf(s.since, s.within, now)
	q.From, q.To = within.From, within.To
	q.MinDuration, q.MinRetries = time.Duration(s.minDuration), int32(s.minRetries)
	q.Limit, q.After = int(s.limit), s.after.Cursor
	return q
}

// rangeOf is the range the flags --since and --range mean.
func rangeOf(since span, within stretch, now time.Time) postgres.Range {
	if since > 0 {
		return postgres.Range{From: now.UTC().Add(-time.Duration(since))}
	}
	return within.Range
}

// find lists the rows of a query, and tells how to get at the rest.
func (p *program) find(ctx context.Context, store *postgres.Store, q postgres.Query) error {
	limit := q.Limit
	q.Limit = oneMore(limit)
	return p.page(store.Find(ctx, q), findSheet(p.out.zone), limit)
}

// page lists rows up to the limit. When there are more, or when the database
// fails half way, it tells the cursor to go on with.
func (p *program) page(rows iter.Seq2[row, error], s sheet[row], limit int) error {
	page := pageOf{limit: limit}
	n, err := list(p.out, s, page.of(rows))
	switch {
	case err != nil && n > 0 && !isOutput(err):
		p.tell("After the last of %s, go on with: --after %s", plural(n, "row"), postgres.CursorOf(page.last))
	case err == nil && n == 0 && p.out.forPeople():
		p.tell("No execution matches.")
	case err == nil && page.more:
		if err := p.out.to.Flush(); err != nil {
			return err
		}
		p.tell("There are more. The next page: --after %s", postgres.CursorOf(page.last))
	}
	return err
}

// pageOf cuts a sequence of rows at a limit.
type pageOf struct {
	limit int // 0 is none
	last  row // that was yielded
	more  bool
}

func (p *pageOf) of(rows iter.Seq2[row, error]) iter.Seq2[row, error] {
	return func(yield func(row, error) bool) {
		n := 0
		for r, err := range rows {
			if err == nil && p.limit > 0 && n == p.limit {
				p.more = true
				return
			}
			if !yield(r, err) || err != nil {
				return
			}
			p.last = r
			n++
		}
	}
}

// words completes a flag with words.
func words(cmd *cobra.Command, flag string, words ...string) {
	err := cmd.RegisterFlagCompletionFunc(flag, cobra.FixedCompletions(words, cobra.ShellCompDirectiveNoFileComp))
	if err != nil {
		panic("auditctl: " + err.Error()) // there is no such flag
	}
}
