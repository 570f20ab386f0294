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

// maintenanceFile is the section maintenance of the worker's file. When things
// are done (cron) is the worker's business.
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
	Retention retentionFile `json:"retention"`
}

type retentionFile struct {
	Cron         config.Scalar `json:"cron"`
	Mode         config.Scalar `json:"mode"`
	After        config.Scalar `json:"after"`
	ArchiveAfter config.Scalar `json:"archive_after"`
}

// upkeep is how the trail is maintained, and where.
type upkeep struct {
	settings // database is the login of maintenance
	plan     workflows.Maintenance
	// retentionGiven is set when the file says something of retention: its
	// defaults are nobody's decision.
	retentionGiven bool
}

// upkeepConns are one to read a table and one to ask for something else.
const upkeepConns = 3

// century is longer than anything is kept.
const century = 36600 * lifecycle.Day

// upkeep reads what maintenance needs. A database need not be said.
func (p *program) upkeep() (upkeep, error) {
	f, r, err := p.load()
	if err != nil {
		return upkeep{}, err
	}
	u := upkeep{
		settings:       f.servers(r),
		plan:           f.Maintenance.plan(r),
		retentionGiven: f.Maintenance.Retention != retentionFile{Cron: f.Maintenance.Retention.Cron},
	}
	u.database = f.maintenanceDatabase(r)
	u.plan.Create.Interval = u.database.Interval
	u.plan.Create.Back = u.plan.Retention.After // what retention dropped must not come back, empty
	u.plan.Archiving.Bucket = shownBucket(u.archive.URL)
	return u, r.Err()
}

// maintenanceDatabase is the login of maintenance, or else the one that reads.
func (f file) maintenanceDatabase(r *config.Reader) postgres.Config {
	c := postgres.Config{
		MaxConns: upkeepConns,
		Interval: audit.Interval(r.OneOf("database.partition_interval", f.Database.PartitionInterval,
			string(audit.Monthly), string(audit.Weekly), string(audit.Daily))),
		PasswordFile: r.String("maintenance.database_password_file", f.Maintenance.DatabasePasswordFile, ""),
		URL:          r.OptionalSecret("maintenance.database_url", f.Maintenance.DatabaseURL, variableMaintenance, ""),
	}
	if c.URL == "" {
		c.URL = r.OptionalSecret("database.url", f.Database.URL, variableDatabase, "")
		if c.PasswordFile == "" {
			c.PasswordFile = r.String("database.password_file", f.Database.PasswordFile, "")
		}
	}
	checkDatabase(r, c)
	return c
}

func (f maintenanceFile) archive(r *config.Reader) archive.Config {
	c := archive.Config{URL: r.String("maintenance.archive.bucket_url", f.Archive.BucketURL, "")}
	if c.URL == "" {
		return c
	}
	if err := c.Validate(); err != nil {
		for fault := range strings.Lines(err.Error()) {
			_, text, _ := strings.Cut(strings.TrimSpace(fault), ": ")
			r.Fault("maintenance.archive.bucket_url", "%s", text)
		}
	}
	return c
}

// plan is what the worker has its schedules do.
func (f maintenanceFile) plan(r *config.Reader) workflows.Maintenance {
	p := workflows.Defaults()
	age := func(field string, s config.Scalar, into *lifecycle.Age, low time.Duration) {
		*into = lifecycle.Age(r.Age("maintenance."+field, s, time.Duration(*into), low, century))
	}
	p.Create.Ahead = r.Int("maintenance.create.periods_ahead", f.Create.PeriodsAhead, p.Create.Ahead, 1, maxAhead)
	p.Tiers.Hot = r.String("maintenance.tiers.hot", f.Tiers.Hot, "")
	p.Tiers.Warm = r.String("maintenance.tiers.warm", f.Tiers.Warm, "")
	p.Tiers.Cold = r.String("maintenance.tiers.cold", f.Tiers.Cold, "")
	age("tiers.warm_after", f.Tiers.WarmAfter, &p.Tiers.WarmAfter, time.Hour)
	age("tiers.cold_after", f.Tiers.ColdAfter, &p.Tiers.ColdAfter, time.Hour)
	age("archive.after", f.Archive.After, &p.Archiving.After, lifecycle.Floor)
	p.Retention.Mode = audit.RetentionMode(r.OneOf("maintenance.retention.mode", f.Retention.Mode, retentionModes()...))
	age("retention.after", f.Retention.After, &p.Retention.After, 0)
	age("retention.archive_after", f.Retention.ArchiveAfter, &p.Retention.ArchiveAfter, 0)
	p.Retention.Archiving = p.Archiving.After
	return p
}

// retentionModes are all of them, the default first.
func retentionModes() []string {
	return []string{string(audit.RetainPartitions), string(audit.RetainRows), string(audit.RetainAll)}
}

// maxAhead is how many periods ahead anybody can mean.
const maxAhead = 100

// shownBucket is what people are shown of a bucket's URL: without its parameters.
func shownBucket(bucket string) string {
	u, err := url.Parse(bucket)
	if err != nil || bucket == "" {
		return ""
	}
	u.User, u.RawQuery, u.Fragment = nil, "", ""
	return u.String()
}
