package upkeep

import (
	"time"

	"github.com/auditflow/auditflow/audit"
	"github.com/auditflow/auditflow/audit/lifecycle"
	"github.com/auditflow/auditflow/internal/config"
	"github.com/auditflow/auditflow/workflows"
)

// MaxAhead is how many periods ahead anybody can mean.
const MaxAhead = 100

// Modes are those of retention, the default first.
func Modes() []string {
	return []string{string(audit.RetainPartitions), string(audit.RetainRows), string(audit.RetainAll)}
}

// Plan is what the schedules do, and when. The interval is that of partitions;
// the bucket's URL is the one of [Section.ArchiveConfig].
func (f Section) Plan(r *config.Reader, interval audit.Interval, bucket string) workflows.Maintenance {
	p := workflows.Defaults()
	p.CreateCron = readCron(r, "maintenance.create.cron", f.Create.Cron, p.CreateCron)
	p.TierCron = readCron(r, "maintenance.tiers.cron", f.Tiers.Cron, p.TierCron)
	p.ArchiveCron = readCron(r, "maintenance.archive.cron", f.Archive.Cron, p.ArchiveCron)
	p.RetentionCron = readCron(r, "maintenance.retention.cron", f.Retention.Cron, p.RetentionCron)

	p.Create.Interval = interval
	p.Create.Ahead = r.Int("maintenance.create.periods_ahead", f.Create.PeriodsAhead, p.Create.Ahead, 1, MaxAhead)
	f.readTiers(r, &p.Tiers)
	readAge(r, "archive.after", f.Archive.After, &p.Archiving.After, lifecycle.Floor)
	p.Archiving.Bucket = Shown(bucket)
	f.Retention.read(r, &p.Retention)
	p.Retention.Archiving = p.Archiving.After
	p.Create.Back = p.Retention.After // what retention dropped must not come back, empty
	return p
}

func (f Section) readTiers(r *config.Reader, t *lifecycle.Tiers) {
	t.Hot = r.String("maintenance.tiers.hot", f.Tiers.Hot, "")
	t.Warm = r.String("maintenance.tiers.warm", f.Tiers.Warm, "")
	t.Cold = r.String("maintenance.tiers.cold", f.Tiers.Cold, "")
	readAge(r, "tiers.warm_after", f.Tiers.WarmAfter, &t.WarmAfter, time.Hour)
	readAge(r, "tiers.cold_after", f.Tiers.ColdAfter, &t.ColdAfter, time.Hour)
}

// read leaves to [Check] what ages mean beside each other.
func (f Retention) read(r *config.Reader, p *lifecycle.Retaining) {
	p.Mode = audit.RetentionMode(r.OneOf("maintenance.retention.mode", f.Mode, Modes()...))
	readAge(r, "retention.after", f.After, &p.After, 0)
	readAge(r, "retention.archive_after", f.ArchiveAfter, &p.ArchiveAfter, 0)
}

// Check reports what only several values together have wrong. Whoever acts on the
// plan by itself, as a schedule does, refuses to start with it.
func Check(r *config.Reader, p workflows.Maintenance) {
	if p.Tiers.ColdAfter < p.Tiers.WarmAfter {
		r.Fault("maintenance.tiers.cold_after", "%s is less than warm_after, %s", p.Tiers.ColdAfter, p.Tiers.WarmAfter)
	}
	each(p.Retention.Check(), func(field, fault string) { r.Fault("maintenance."+field, "%s", fault) })
}
