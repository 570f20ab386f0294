package main

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/auditflow/auditflow/cmd/internal/status"
	"github.com/auditflow/auditflow/store/postgres"
)

// leastInterval keeps a watch from being a load.
const leastInterval = 100 * time.Millisecond

func (p *program) statusCommand() *cobra.Command {
	watch, interval := false, 2*time.Second
	cmd := &cobra.Command{
		Use: "status", Short: "how things stand: persisted, pending, lag, partitions, archive, schedules",
		Long: `Tells on one screen what was persisted within the last hour and day, by source, with
the lag from completion to the committed row; how many deliveries are pending, and of
the oldest its age, attempt and last failure; for how long there are partitions; what
is in quarantine and held; what was archived and verified last; and of each schedule
its last run with its outcome, and its next.

Every part is read by itself, within --timeout. One that cannot be read says so in its
place, the others are told all the same, and the exit code is 3.

There is no index on the time at which rows were persisted, so they are found by the
time of creation: of the last 31 days where those are few, of the last 7 or 2 days
where they are many. It is told how far that reaches; what was created before and
persisted today is not counted. Pending are workflows: a batch is one of them.

The login needs role auditflow_reader; the one of maintenance comes before the other.

--watch tells it again and again until Ctrl-C, which is how it ends in good order. A
terminal shows the latest; a pipe gets one document after another.`,
		Example: `  auditctl status
  auditctl status --watch --interval 10s
  auditctl status -o json | jq .pending.oldest.age_seconds
  auditctl status -o json | jq -e '.partitions.runway_seconds > 7 * 86400' || echo running out of partitions`,
		Args: cobra.NoArgs,
	}
	cmd.Flags().BoolVarP(&watch, "watch", "w", false, "tell it again and again")
	cmd.Flags().DurationVar(&interval, "interval", interval, "how long to wait between two looks, with --watch; at least 100ms")
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		switch {
		case p.out.format == formatCSV:
			return usage("there is no CSV of this answer, only table and json")
		case interval < leastInterval:
			return usage("--interval: want %s or more, not %s", leastInterval, interval)
		case !watch && cmd.Flags().Changed("interval"):
			return usage("--interval is for --watch")
		}
		return p.withStatus(cmd.Context(), func(read func() *status.Status) error {
			if watch {
				return p.watchStatus(cmd.Context(), interval, read)
			}
			return p.tellStatus(read())
		})
	}
	return cmd
}

// withStatus prepares to ask all servers, whether they are there or not.
func (p *program) withStatus(ctx context.Context, use func(read func() *status.Status) error) error {
	u, err := p.upkeep()
	if err != nil {
		return err
	}
	if u.database.URL == "" {
		return errNoDatabase()
	}
	store, err := postgres.Open(ctx, u.database)
	if err != nil {
		return err
	}
	defer store.Close()
	c, err := quietClient(u.temporal)
	if err != nil {
		return err
	}
	defer c.Close()
	reader := status.Reader{Store: store, Temporal: c, Namespace: u.temporal.Namespace, Limit: p.flags.timeout, Now: p.now}
	return use(func() *status.Status { return reader.Read(ctx) })
}

// tellStatus tells it once, and fails if not all could be read.
func (p *program) tellStatus(s *status.Status) error {
	if err := p.single(s, func(page *page) { tellStatus(page, s) }); err != nil {
		return err
	}
	return unread(s)
}

// unread has what may help with the first part that could not be read: the parts
// themselves say what happened.
func unread(s *status.Status) error {
	names := s.Unread()
	if len(names) == 0 {
		return nil
	}
	hint := ""
	for _, err := range []error{s.Persisted.Err, s.Partitions.Err, s.Quarantine.Err, s.Holds.Err, s.Archive.Err} {
		if refused, ok := errors.AsType[*postgres.Error](err); ok && hint == "" {
			hint = databaseHint(refused)
		}
	}
	if hint == "" && (s.Pending.Err != nil || s.Schedules.Err != nil) {
		hint = "Hint: say where Temporal is: --temporal-address, or " + variableAddress + "."
	}
	return &failure{fmt.Errorf("not all could be read: %s", strings.Join(names, ", ")), hint}
}
