package upkeep

import (
	"net/url"
	"strings"
	"time"

	"github.com/auditflow/auditflow/audit/lifecycle"
	"github.com/auditflow/auditflow/internal/config"
	"github.com/auditflow/auditflow/store/archive"
)

// Variable is the environment variable that wins over maintenance.database_url.
const Variable = "AUDITFLOW_MAINTENANCE_DATABASE_URL"

// century is longer than anything is kept.
const century = 36600 * lifecycle.Day

// Section is the section maintenance as it is in the file. The worker's --help
// tells what each key means.
type Section struct {
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
	Retention Retention `json:"retention"`
}

// Retention is the part of it that deletes.
type Retention struct {
	Cron         config.Scalar `json:"cron"`
	Mode         config.Scalar `json:"mode"`
	After        config.Scalar `json:"after"`
	ArchiveAfter config.Scalar `json:"archive_after"`
}

// Said tells whether the file says anything of what is deleted: defaults are
// nobody's decision.
func (f Retention) Said() bool { return f != Retention{Cron: f.Cron} }

// ArchiveConfig is where the archive is, and how it is written. Without a URL
// there is none.
func (f Section) ArchiveConfig(r *config.Reader) archive.Config {
	c := archive.Config{
		URL:         r.String("maintenance.archive.bucket_url", f.Archive.BucketURL, ""),
		SegmentRows: int64(r.Int("maintenance.archive.segment_rows", f.Archive.SegmentRows, 250_000, 1000, 10_000_000)),
		Lock:        r.Age("maintenance.archive.object_lock", f.Archive.ObjectLock, 0, 0, century),
	}
	if c.URL != "" {
		each(c.Validate(), func(field, fault string) { r.Fault("maintenance.archive."+named(field), "%s", fault) })
	}
	return c
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

// each tells every line of an error, which is "field: fault".
func each(err error, tell func(field, fault string)) {
	if err == nil {
		return
	}
	for line := range strings.Lines(err.Error()) {
		field, fault, _ := strings.Cut(strings.TrimSpace(line), ": ")
		tell(field, fault)
	}
}

// Shown is what people are shown of a bucket's URL: neither whose it is nor its
// parameters, in which secrets may be.
func Shown(bucket string) string {
	u, err := url.Parse(bucket)
	if err != nil || bucket == "" {
		return ""
	}
	u.User, u.RawQuery, u.Fragment = nil, "", ""
	return u.String()
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

// readAge reads into an age that holds the default.
func readAge(r *config.Reader, field string, s config.Scalar, into *lifecycle.Age, low time.Duration) {
	*into = lifecycle.Age(r.Age("maintenance."+field, s, time.Duration(*into), low, century))
}
