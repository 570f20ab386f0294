package work

import (
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/auditflow/auditflow/audit"
	"github.com/auditflow/auditflow/audit/lifecycle"
	"github.com/auditflow/auditflow/internal/daemon/daemontest"
	"github.com/auditflow/auditflow/workflows"
)

// started is what a configuration with this section maintenance starts.
func started(t *testing.T, section string) Settings {
	t.Helper()
	o := execute("--config", daemontest.Write(t, minimal+section))
	if o.Started == nil {
		t.Fatalf("did not start: %s", o.Stderr)
	}
	return *o.Started
}

func TestMaintenanceIsTheSeedsRetentionScheduleUnlessToldOtherwise(t *testing.T) {
	t.Parallel()
	m := started(t, "").maintenance
	if !m.enabled || !reflect.DeepEqual(m.plan, workflows.Defaults()) || m.archive.URL != "" || m.archive.SegmentRows != 250_000 {
		t.Errorf("%+v", m)
	}
	if m.database.URL != "postgres://auditflow@db.prod/audit" || m.database.MaxConns != maintenanceConns {
		t.Errorf("database %+v", m.database)
	}
	if started(t, "maintenance: {enabled: false}\n").maintenance.enabled {
		t.Error("it is enabled all the same")
	}
}

func TestEveryKeyOfMaintenanceMeansSomething(t *testing.T) {
	t.Parallel()
	m := started(t, `maintenance:
  database_url: postgres://maintainer@db.prod/audit
  database_password_file: /etc/db/maintainer
  create: {cron: "@hourly", periods_ahead: 5}
  tiers: {cron: "1 1 * * *", hot: nvme, warm: ssd, cold: hdd, warm_after: 36h, cold_after: 14d}
  archive: {cron: "2 1 * * *", bucket_url: "s3://audit?region=eu-1&prefix=prod", after: 30d, segment_rows: 5000, object_lock: 7y}
  retention: {cron: "3 1 * * *", mode: rows, after: 60d, archive_after: 10y}
`).maintenance
	const day = lifecycle.Day
	want := workflows.Maintenance{
		Create:     lifecycle.Create{Interval: audit.Monthly, Ahead: 5, Back: lifecycle.Age(60 * day)},
		Tiers:      lifecycle.Tiers{Hot: "nvme", Warm: "ssd", Cold: "hdd", WarmAfter: lifecycle.Age(36 * time.Hour), ColdAfter: lifecycle.Age(14 * day)},
		Archiving:  lifecycle.Archiving{Bucket: "s3://audit", After: lifecycle.Age(30 * day)},
		Retention:  lifecycle.Retaining{Mode: audit.RetainRows, After: lifecycle.Age(60 * day), ArchiveAfter: lifecycle.Age(3660 * day), Archiving: lifecycle.Age(30 * day)},
		CreateCron: "@hourly", TierCron: "1 1 * * *", ArchiveCron: "2 1 * * *", RetentionCron: "3 1 * * *",
	}
	if !reflect.DeepEqual(m.plan, want) {
		t.Errorf("%+v, want %+v", m.plan, want)
	}
	if m.archive.URL != "s3://audit?region=eu-1&prefix=prod" || m.archive.SegmentRows != 5000 || m.archive.Lock != 7*366*day {
		t.Errorf("archive %+v", m.archive)
	}
	if m.database.URL != "postgres://maintainer@db.prod/audit" || m.database.PasswordFile != "/etc/db/maintainer" {
		t.Errorf("database %+v", m.database)
	}
}

func TestAllFaultsOfMaintenanceComeAtOnce(t *testing.T) {
	t.Parallel()
	refused(t, minimal+`maintenance:
  enabled: perhaps
  database_url: mysql://db
  create: {cron: hourly, periods_ahead: 0}
  tiers: {warm_after: 30d, cold_after: 7d, hot: 1.10}
  archive: {bucket_url: "ftp://bucket", after: 90, segment_rows: 1, object_lock: 1h}
  retention: {cron: "* * *", mode: delete, after: 23h, archive_after: 1h}
`,
		"maintenance.enabled: want true or false",
		"maintenance.database: ",
		`maintenance.create.cron: want a cron expression of 5 fields (minute, hour, day, month, weekday) or one as @daily, not "hourly"`,
		"maintenance.create.periods_ahead: want a whole number from 1 to 100",
		"maintenance.tiers.cold_after: 7d is less than warm_after, 30d",
		"maintenance.tiers.hot: write it in quotes",
		"maintenance.archive.bucket_url: ",
		`maintenance.archive.after: want an age with its unit, as in 90d, 36h or 7y (of 366 days), not "90"`,
		"maintenance.archive.segment_rows: want a whole number",
		"maintenance.archive.object_lock: ",
		"maintenance.retention.cron: want a cron expression",
		"maintenance.retention.mode: want one of partitions, rows, off",
		"maintenance.retention.after: 23h0m0s is less than the 1d that are the least: check the unit",
		"maintenance.retention.after: 23h0m0s is less than archive.after, 90d",
		"maintenance.retention.archive_after: 1h0m0s must be more than retention.after",
	)
	refused(t, minimal+"maintenance: {retention: {after: 89d}}\n", "maintenance.retention.after: 89d is less than archive.after, 90d")
	refused(t, minimal+"maintenance: {archive: {buket_url: x}}\n", `unknown field "maintenance.archive.buket_url"`)
}

func TestALoginForMaintenanceComesFromTheEnvironmentTheFileOrIsThatOfDeliveries(t *testing.T) {
	const url = "postgres://maintainer@other.prod/audit"
	t.Setenv(maintenanceVariable, url)
	got := started(t, "maintenance: {database_url: 'postgres://maintainer@db.prod/audit'}\n")
	if got.maintenance.database.URL != url || got.database.URL == url {
		t.Errorf("%+v, deliveries %+v", got.maintenance.database, got.database)
	}
	t.Setenv(maintenanceVariable, "")
	refused(t, minimal, "maintenance.database_url: environment variable "+maintenanceVariable+" is set but empty")
}

func TestThePasswordFileOfDeliveriesIsNotSentToAnotherDatabase(t *testing.T) {
	t.Parallel()
	file := "keyset_file: " + keyset + "\ndatabase: {password_file: /etc/db/writer, url: 'postgres://auditflow@db.prod/audit'}\n"
	for section, want := range map[string]string{
		"": "/etc/db/writer",
		"maintenance: {database_url: 'postgres://maintainer@db.prod/audit'}\n":                                             "",
		"maintenance: {database_url: 'postgres://maintainer@db.prod/audit', database_password_file: /etc/db/maintainer}\n": "/etc/db/maintainer",
	} {
		o := execute("--config", daemontest.Write(t, file+section))
		if o.Started == nil || o.Started.maintenance.database.PasswordFile != want {
			t.Errorf("%q: %+v, %s", section, o.Started, o.Stderr)
		}
	}
}

func TestAPasswordOfMaintenanceIsNeverShown(t *testing.T) {
	t.Parallel()
	for name, url := range wrongURLs {
		o := execute("--config", daemontest.Write(t, minimal+"maintenance: {database_url: '"+url+"'}\n"))
		hidden(t, o)
		if !strings.Contains(o.Stderr, "maintenance.database") {
			t.Errorf("%s: %s", name, o.Stderr)
		}
	}
	bucket := "s3://key:hunter-2@audit"
	hidden(t, execute("--config", daemontest.Write(t, minimal+"maintenance: {archive: {bucket_url: '"+bucket+"'}}\n")))
}
