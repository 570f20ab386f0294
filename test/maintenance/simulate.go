package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"runtime/debug"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/auditflow/auditflow/audit"
	"github.com/auditflow/auditflow/test/tool"
)

// simulationConfig says what is lived through.
type simulationConfig struct {
	Years int
	Seed  uint64
	// Mode is what retention deletes: partitions or rows.
	Mode audit.RetentionMode
	// Daily is how many executions are recorded on a day, about.
	Daily int
	// Mondays are the only days on which anything is archived or deleted, in every
	// year; else in three years of four.
	Mondays bool
	// Screen is told of every year; nil is nobody.
	Screen io.Writer
}

// simulationFigures are what a simulation has seen; see [simulationFigures.bad]
// for those that must be 0.
type simulationFigures struct {
	Years      int    `json:"years"`
	Seed       uint64 `json:"seed"`
	Runs       int    `json:"runs"`        // of the workflows
	RunsFailed int    `json:"runs_failed"` // because of what was injected, but for:
	Unprovoked int    `json:"runs_failed_unprovoked"`
	Activities int    `json:"activities"`
	Faults     int    `json:"faults_injected"`
	Sabotages  int    `json:"sabotages"` // segments altered while their partition was about to go
	OutageDays int    `json:"outage_days"`

	Inserts int `json:"inserts"`
	// InsertsWithoutPartition failed, or found no partition for a record of which
	// one is promised: of today, or so late as executions that wait for approval.
	InsertsWithoutPartition int `json:"inserts_without_partition"`
	// PartitionsByInserts were created for records that came again, or came, after
	// their partition was dropped: that they are is what is expected.
	PartitionsByInserts int `json:"partitions_by_inserts"`

	PartitionsDropped int `json:"partitions_dropped"`
	RowsDeleted       int `json:"rows_deleted"`
	PeriodsDeleted    int `json:"archive_periods_deleted"`
	DroppedUnverified int `json:"dropped_unverified"`
	// Lost records were in neither of database and archive, or with another digest;
	// DeletedEarly left the archive before their time or while they were held.
	Lost         int `json:"lost"`
	DeletedEarly int `json:"deleted_early"`
	// Double rows are in the database or in the archive more than once.
	Double int `json:"double"`
	// OnlyDetached records were found in a table on its way out and nowhere else.
	OnlyDetached   int     `json:"only_detached"`
	FindableChecks int     `json:"findable_checks"`
	Holds          int     `json:"holds"`
	Restores       int     `json:"restores"`
	RestoredLeft   int     `json:"restored_left"` // restored rows that nobody wants any more
	Seconds        float64 `json:"seconds"`

	// Complaints are sentences about what must not be, the first of them.
	Complaints []string `json:"complaints,omitempty"`
}

// bad names the figures that must be 0 and are not.
func (f simulationFigures) bad() error {
	var faults []error
	for _, must := range []struct {
		name string
		n    int
	}{
		{"inserts_without_partition", f.InsertsWithoutPartition}, {"dropped_unverified", f.DroppedUnverified},
		{"lost", f.Lost}, {"deleted_early", f.DeletedEarly}, {"double", f.Double}, {"restored_left", f.RestoredLeft},
		{"only_detached", f.OnlyDetached}, {"runs_failed_unprovoked", f.Unprovoked},
	} {
		if must.n != 0 {
			faults = append(faults, fmt.Errorf("%s is %d and must be 0", must.name, must.n))
		}
	}
	if len(faults) > 0 && len(f.Complaints) > 0 {
		faults = append(faults, fmt.Errorf("first: %s", strings.Join(f.Complaints[:min(5, len(f.Complaints))], "; ")))
	}
	return errors.Join(faults...)
}

func simulateCommand(out io.Writer) *cobra.Command {
	c := simulationConfig{Screen: out}
	var file, mode string
	cmd := &cobra.Command{
		Use:   "simulate",
		Short: "Live through years of maintenance, day by day",
		Long: `Starts a PostgreSQL of its own and a bucket in a directory, and runs the maintenance
workflows on every day of many years, on a clock that jumps. Nothing runs for up to
30 days now and then; steps fail before or after they had their effect; workers die
between steps; records come late, come again after years, are held, released and
restored, also between two steps of a run; and files in the bucket are altered when
their partition is about to go. From outside it is checked all the time that every
record can be found, that nothing was deleted that the archive did not have just
then, and nothing that was held or had not expired.

Exit code 0: all of that held. 1: it did not. The figures are written in any case.`,
		Example: "  go run ./test/maintenance simulate --years 10 --seed 7",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			c.Mode = audit.RetentionMode(mode)
			figures, err := simulate(cmd.Context(), c)
			if err != nil {
				return err
			}
			return errors.Join(tool.WriteFigures(file, figures), figures.bad())
		},
	}
	flags := cmd.Flags()
	flags.IntVar(&c.Years, "years", 10, "how many years to live through")
	flags.Uint64Var(&c.Seed, "seed", 1, "what decides all that happens by chance")
	flags.IntVar(&c.Daily, "daily", 3, "executions recorded on a day, about")
	flags.StringVar(&mode, "mode", string(audit.RetainPartitions), "what retention deletes: partitions or rows")
	flags.StringVar(&file, "out", "out/simulation.json", "file for the figures, as JSON")
	return cmd
}

// simulate lives through it.
func simulate(ctx context.Context, c simulationConfig) (figures simulationFigures, err error) {
	began := time.Now()
	// Little is alive at any time, and much comes and goes.
	defer debug.SetGCPercent(debug.SetGCPercent(400))
	s, closeAll, err := openSimulation(ctx, c)
	if err != nil {
		return figures, err
	}
	defer func() { err = errors.Join(err, closeAll()) }()
	if err := s.live(ctx); err != nil {
		return figures, fmt.Errorf("on %s: %w", s.now.Format(time.DateOnly), err)
	}
	s.Seconds = time.Since(began).Seconds()
	return s.simulationFigures, nil
}
