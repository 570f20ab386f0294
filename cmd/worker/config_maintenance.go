package main

import (
	"net/url"
	"strings"
	"time"

	"github.com/auditflow/auditflow/audit"
	"github.com/auditflow/auditflow/audit/lifecycle"
	"github.com/auditflow/auditflow/internal/config"
	"github.com/auditflow/auditflow/store/archive"
	"github.com/auditflow/auditflow/store/postgres"
	"github.com/auditflow/auditflow/workflows"
)

// maintenanceFile is the section maintenance.
type maintenanceFile struct {
	Enabled              config.Scalar `json:"enabled"`
	DatabaseURL          config.Scalar `json:"database_url"`
	DatabasePasswordFile config.Scalar `json:"database_password_file"`

	Create struct {
		Cron         config.Scalar `json:"cron"`
		PeriodsAhead config.Scalar `json:"periods_ahead"`
	} `json:"create"`
	Tiers struct {
		Cron      config.Scalar `json:"cron"`
		Hot       config.Scalar `json:"hot"`
		Warm      config.Scalar `json:"warm"`
		Cold      config.Scalar `json:"cold"`
		WarmAfter config.Scalar `json:"warm_after"`
		ColdAfter config.Scalar `json:"cold_after"`
	} `json:"tiers"`
	Archive struct {
		Cron        config.Scalar `json:"cron"`
		BucketURL   config.Scalar `json:"bucket_url"`
		After       config.Scalar `json:"after"`
		SegmentRows config.Scalar `json:"segment_rows"`
		ObjectLock  config.Scalar `json:"object_lock"`
	} `json:"archive"`
	Retention struct {
		Cron         config.Scalar `json:"cron"`
		Mode         config.Scalar `json:"mode"`
		After        config.Scalar `json:"after"`
		ArchiveAfter config.Scalar `json:"archive_after"`
	} `json:"retention"`
}

// maintenance is what this worker does to the trail as time passes.
type maintenance struct {
	enabled  bool
	database postgres.Config
	archive  archive.Config // no URL: no archive
	plan     workflows.Maintenance
}

// maintenanceConns are enough for two steps at once, each of which may read one
// table while it asks for something else.
const maintenanceConns = 6

const century = 36600 * lifecycle.Day

func (f maintenanceFile) read(r *config.Reader, deliveries postgres.Config) maintenance {
	m := maintenance{
		enabled:  r.Bool("maintenance.enabled", f.Enabled, true),
		database: f.database(r, deliveries),
		archive: archive.Config{
			URL:         r.String("maintenance.archive.bucket_url", f.Archive.BucketURL, ""),
			SegmentRows: int64(r.Int("maintenance.archive.segment_rows", f.Archive.SegmentRows, 250_000, 1000, 10_000_000)),
			Lock:        r.Age("maintenance.archive.object_lock", f.Archive.ObjectLock, 0, 0, century),
		},
		plan: f.plan(r),
	}
	m.plan.Create.Interval = deliveries.Interval
	// Empty partitions that retention dropped must not come back.
	m.plan.Create.Back = m.plan.Retention.After
	m.plan.Archiving.Bucket = shown(m.archive.URL)
	f.check(r, m)
	return m
}

func (f maintenanceFile) database(r *config.Reader, deliveries postgres.Config) postgres.Config {
	c := deliveries
	c.MaxConns = maintenanceConns
	c.URL = r.OptionalSecret("maintenance.database_url", f.DatabaseURL, "AUDITFLOW_MAINTENANCE_DATABASE_URL", "")
	own := c.URL != ""
	if !own {
		c.URL = deliveries.URL
	}
	if file := r.String("maintenance.database_password_file", f.DatabasePasswordFile, ""); file != "" || own {
		c.PasswordFile = file
	}
	if own || c.PasswordFile != deliveries.PasswordFile { // else its faults are told already
		faultsOf(r, "maintenance.database", c)
	}
	return c
}

func (f maintenanceFile) plan(r *config.Reader) workflows.Maintenance {
	p := workflows.Defaults()
	age := func(field string, s config.Scalar, fallback *lifecycle.Age, low time.Duration) {
		*fallback = lifecycle.Age(r.Age("maintenance."+field, s, time.Duration(*fallback), low, century))
	}
	cron := func(field string, s config.Scalar, fallback *string) {
		*fallback = readCron(r, "maintenance."+field, s, *fallback)
	}
	cron("create.cron", f.Create.Cron, &p.CreateCron)
	p.Create.Ahead = r.Int("maintenance.create.periods_ahead", f.Create.PeriodsAhead, p.Create.Ahead, 1, 100)
	cron("tiers.cron", f.Tiers.Cron, &p.TierCron)
	p.Tiers.Hot = r.String("maintenance.tiers.hot", f.Tiers.Hot, "")
	p.Tiers.Warm = r.String("maintenance.tiers.warm", f.Tiers.Warm, "")
	p.Tiers.Cold = r.String("maintenance.tiers.cold", f.Tiers.Cold, "")
	age("tiers.warm_after", f.Tiers.WarmAfter, &p.Tiers.WarmAfter, time.Hour)
	age("tiers.cold_after", f.Tiers.ColdAfter, &p.Tiers.ColdAfter, time.Hour)
	cron("archive.cron", f.Archive.Cron, &p.ArchiveCron)
	age("archive.after", f.Archive.After, &p.Archiving.After, lifecycle.Floor)
	cron("retention.cron", f.Retention.Cron, &p.RetentionCron)
	p.Retention.Mode = audit.RetentionMode(r.OneOf("maintenance.retention.mode", f.Retention.Mode,
		string(audit.RetainPartitions), string(audit.RetainRows), string(audit.RetainAll)))
	age("retention.after", f.Retention.After, &p.Retention.After, 0) // the rest is told by its own check
	age("retention.archive_after", f.Retention.ArchiveAfter, &p.Retention.ArchiveAfter, 0)
	p.Retention.Archiving = p.Archiving.After
	return p
}

// check reports what only several values together have wrong.
func (f maintenanceFile) check(r *config.Reader, m maintenance) {
	if m.plan.Tiers.ColdAfter < m.plan.Tiers.WarmAfter {
		r.Fault("maintenance.tiers.cold_after", "%s is less than warm_after, %s", m.plan.Tiers.ColdAfter, m.plan.Tiers.WarmAfter)
	}
	if err := m.plan.Retention.Check(); err != nil {
		for fault := range strings.Lines(err.Error()) {
			field, text, _ := strings.Cut(strings.TrimSpace(fault), ": ")
			r.Fault("maintenance."+field, "%s", text)
		}
	}
	if m.archive.URL == "" {
		return
	}
	if err := m.archive.Validate(); err != nil {
		for fault := range strings.Lines(err.Error()) {
			field, text, _ := strings.Cut(strings.TrimSpace(fault), ": ")
			r.Fault("maintenance.archive."+named(field), "%s", text)
		}
	}
}

// named is what the configuration calls a field of the archive's.
func named(field string) string {
	switch field {
	case "url":
		return "bucket_url"
	case "lock":
		return "object_lock"
	}
	return field
}

// readCron checks no more than the form: what the fields mean, the server knows.
func readCron(r *config.Reader, field string, s config.Scalar, fallback string) string {
	cron := r.String(field, s, fallback)
	if n := len(strings.Fields(cron)); !strings.HasPrefix(cron, "@") && (n < 5 || n > 7) {
		r.Fault(field, "want a cron expression of 5 fields (minute, hour, day, month, weekday) or one as @daily, not %q", cron)
		return fallback
	}
	return cron
}

// shown is what people are shown of a bucket's URL: its parameters are left out.
func shown(bucket string) string {
	u, err := url.Parse(bucket)
	if err != nil || bucket == "" {
		return ""
	}
	u.User, u.RawQuery, u.Fragment = nil, "", ""
	return u.String()
}
