package workflows

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"time"

	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/sdk/client"

	"github.com/auditflow/auditflow/audit"
	"github.com/auditflow/auditflow/audit/lifecycle"
)

// Maintenance is what is done to the trail as time passes, and when. Crons are
// in UTC, in the form of [client.ScheduleSpec.CronExpressions].
type Maintenance struct {
	Create    lifecycle.Create
	Tiers     lifecycle.Tiers
	Archiving lifecycle.Archiving
	Retention lifecycle.Retaining

	CreateCron, TierCron, ArchiveCron, RetentionCron string
}

// Schedule is a workflow that is run again and again.
type Schedule struct {
	ID       string `json:"id"` // also what its runs' ids begin with
	Cron     string `json:"cron"`
	Workflow string `json:"workflow"`
	Policy   any    `json:"policy"` // the workflow's input
	Summary  string `json:"summary"`
	Details  string `json:"details"`
	// CatchUp is how late a run may begin that was missed while the server was away.
	CatchUp time.Duration `json:"catch_up"`
}

// A run does whatever there is to do by then, so of several that were missed one
// is enough. Hence two runs of one schedule never overlap, the later one being
// left out, and missed ones are caught up with only for as long as it takes
// until the next would do the same: hourly creation two hours; the others, which
// run daily or, if somebody wants it, weekly, eight days.
const (
	catchUpHourly = 2 * time.Hour
	catchUpDaily  = 8 * lifecycle.Day
)

// Schedules are the four of them.
func (m Maintenance) Schedules() []Schedule {
	return []Schedule{
		{
			ID: ScheduleCreatePartitions, Cron: m.CreateCron, Workflow: TypeCreatePartitions, Policy: m.Create, CatchUp: catchUpHourly,
			Summary: fmt.Sprintf("%s partitions, %d ahead", m.Create.Interval, m.Create.Ahead),
			Details: "Creates the partitions that are missing: the present one, those ahead, and holes of the recent past.",
		},
		{
			ID: ScheduleTier, Cron: m.TierCron, Workflow: TypeTierPartitions, Policy: m.Tiers, CatchUp: catchUpDaily,
			Summary: m.tierSummary(),
			Details: "Moves partitions into the tablespace of their age, while their rows are read and written.",
		},
		{
			ID: ScheduleArchive, Cron: m.ArchiveCron, Workflow: TypeArchivePartitions, Policy: m.Archiving, CatchUp: catchUpDaily,
			Summary: fmt.Sprintf("archive after %s, %s", m.Archiving.After, orElse(m.Archiving.Bucket, "but there is no bucket")),
			Details: "Copies rows into Parquet files in the bucket, reads them back, and names them in a manifest. Deletes nothing.",
		},
		{
			ID: ScheduleRetention, Cron: m.RetentionCron, Workflow: TypeEnforceRetention, Policy: m.Retention, CatchUp: catchUpDaily,
			Summary: "retention: " + lifecycle.Words(m.Retention.Retention()),
			Details: "Deletes what has expired: from the database only what the archive has, verified now; from the archive later, if at all. What is held stays. Every deletion leaves a tombstone.",
		},
	}
}

func (m Maintenance) tierSummary() string {
	if m.Tiers.None() {
		return "no tablespaces: nothing moves"
	}
	return fmt.Sprintf("hot: %s, warm after %s: %s, cold after %s: %s", orElse(m.Tiers.Hot, "–"),
		m.Tiers.WarmAfter, orElse(m.Tiers.Warm, "–"), m.Tiers.ColdAfter, orElse(m.Tiers.Cold, "–"))
}

func orElse(name, none string) string {
	if name == "" {
		return none
	}
	return name
}

// MemoConfiguration is the memo that says from which configuration a schedule
// was made: it is changed when that changes, and at no other time, so that what
// an operator changed in the UI stays.
const MemoConfiguration = "auditflow_configuration"

// Configuration is the digest of all that we configure of the schedule.
func (s Schedule) Configuration() (string, error) {
	text, err := json.Marshal(s)
	if err != nil {
		return "", fmt.Errorf("schedule %s: %w", s.ID, err)
	}
	digest := sha256.Sum256(text)
	return hex.EncodeToString(digest[:8]), nil
}

// Options create the schedule.
func (s Schedule) Options() (client.ScheduleOptions, error) {
	digest, err := s.Configuration()
	if err != nil {
		return client.ScheduleOptions{}, err
	}
	memo := map[string]any{MemoConfiguration: digest}
	return client.ScheduleOptions{
		ID:   s.ID,
		Spec: client.ScheduleSpec{CronExpressions: []string{s.Cron}},
		Action: &client.ScheduleWorkflowAction{
			ID: s.ID, Workflow: s.Workflow, Args: []any{s.Policy}, TaskQueue: QueueMaintenance, Memo: memo,
			StaticSummary: cut(plain(s.Summary), maxSummary), StaticDetails: cut(s.Details, maxDetails),
		},
		// A new database has no runway, and the first hour may end with a month.
		TriggerImmediately: s.Workflow == TypeCreatePartitions,

		Overlap:       enumspb.SCHEDULE_OVERLAP_POLICY_SKIP,
		CatchupWindow: s.CatchUp,
		Memo:          memo, // what the action's memo says is lost when somebody edits it without
	}, nil
}

// Defaults are what the seed's retention schedule asks for (section 8), with runs
// spread so that what is due on a day moves, is archived and goes on that day.
func Defaults() Maintenance {
	return Maintenance{
		Create:    lifecycle.Create{Interval: audit.Monthly, Ahead: 3, Back: lifecycle.Age(90 * lifecycle.Day)},
		Tiers:     lifecycle.Tiers{WarmAfter: lifecycle.Age(7 * lifecycle.Day), ColdAfter: lifecycle.Age(30 * lifecycle.Day)},
		Archiving: lifecycle.Archiving{After: lifecycle.Age(90 * lifecycle.Day)},
		Retention: lifecycle.Retaining{
			Mode: audit.RetainPartitions, After: lifecycle.Age(90 * lifecycle.Day), Archiving: lifecycle.Age(90 * lifecycle.Day),
		},
		CreateCron: "7 * * * *", TierCron: "17 1 * * *", ArchiveCron: "17 2 * * *", RetentionCron: "17 4 * * *",
	}
}
