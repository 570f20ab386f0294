package work

import (
	"strings"
	"time"

	"github.com/auditflow/auditflow/audit"
	"github.com/auditflow/auditflow/cmd/internal/secrecy"
	"github.com/auditflow/auditflow/cmd/internal/upkeep"
	"github.com/auditflow/auditflow/internal/build"
	"github.com/auditflow/auditflow/internal/config"
	"github.com/auditflow/auditflow/internal/daemon"
	"github.com/auditflow/auditflow/store/postgres"
	"github.com/auditflow/auditflow/worker"
)

const help = `Runs the workflows and activities of auditflow: redacts records and persists
them in PostgreSQL. Run at least two for availability; they share the work.

Configuration (YAML; all keys but keyset_file and database.url have defaults):

  listen: ":8080"             # address of /healthz, /readyz, /metrics
` + daemon.CommonHelp + `  database:
    url: postgres://…         # or environment AUDITFLOW_DATABASE_URL
    password_file: ""         # a file with the password, if the URL has none; read
                              # for every new connection, so that it may change
    max_connections: 8        # 1 to 1000
    partition_interval: monthly   # monthly, weekly, daily
  worker:
    workflow_tasks: 64        # deliveries handled at once, 2 to 10000
    activities: 64            # retried steps at once, 1 to 10000
    drain_timeout: 20s        # what running tasks get after SIGTERM, 0s to 10m
    deployment: ""            # name of a Temporal worker deployment, whose current version gets
                              # the tasks; default: workers have no versions
    build_id: ""              # this version; default: that of the program
  maintenance:                # partitions, tiers, archive, retention; see the schedules
                              # audit-* in Temporal. Ages as in 90d, 36h, 7y (of 366 days);
                              # cron expressions in UTC
    enabled: true             # false: this worker does none; schedules stay as they are
    database_url: ""          # a login that may do what role auditflow_maintainer may, or
                              # environment AUDITFLOW_MAINTENANCE_DATABASE_URL; default:
                              # database.url
    database_password_file: ""   # as database.password_file; default: that, if database_url
                              # is not set
    create:
      cron: "7 * * * *"       # when partitions are created
      periods_ahead: 3        # 1 to 100 partitions beyond the present one
    tiers:                    # by the age of a partition's youngest row; what reaches a
                              # tier without a tablespace stays where it is
      cron: "17 1 * * *"      # when they are moved
      hot: ""                 # tablespace of the youngest; default: they stay
      warm: ""                # tablespace from warm_after on
      cold: ""                # tablespace from cold_after on
      warm_after: 7d          # at least 1h
      cold_after: 30d         # at least warm_after
    archive:
      cron: "17 2 * * *"      # when partitions are archived
      bucket_url: ""          # file:///dir, s3://bucket?region=…, gs://bucket,
                              # azblob://container, each with prefix=… if wanted; without
                              # it nothing is archived and nothing deleted
      after: 90d              # age of a partition's youngest row, 1d to 100y
      segment_rows: 250000    # of a file at most, 1000 to 10000000
      object_lock: 0          # for how long nobody can delete an object, S3 only, 1d to 100y
    retention:
      cron: "17 4 * * *"      # when it is enforced
      mode: partitions        # partitions: once they have expired as a whole; rows: exactly
                              # those that have; off
      after: 90d              # age from which rows leave the database, at least archive.after;
                              # a shorter one than before: auditctl retention confirm
      archive_after: 0        # age from which they leave the archive as well; 0 is never

Exit codes: 0 stopped in good order, 1 could not go on, 2 flags or configuration wrong.`

type file struct {
	daemon.CommonFile `json:",inline"`

	Database struct {
		URL               config.Scalar `json:"url"`
		PasswordFile      config.Scalar `json:"password_file"`
		MaxConnections    config.Scalar `json:"max_connections"`
		PartitionInterval config.Scalar `json:"partition_interval"`
	} `json:"database"`
	Worker struct {
		WorkflowTasks config.Scalar `json:"workflow_tasks"`
		Activities    config.Scalar `json:"activities"`
		DrainTimeout  config.Scalar `json:"drain_timeout"`
		Deployment    config.Scalar `json:"deployment"`
		BuildID       config.Scalar `json:"build_id"`
	} `json:"worker"`
	Maintenance upkeep.Section `json:"maintenance"`
}

// Settings are what the configuration of a worker says.
type Settings struct {
	common      daemon.Common
	database    postgres.Config
	worker      worker.Config
	maintenance maintenance
}

// Common is the part that all programs have.
func (s Settings) Common() daemon.Common { return s.common }

// Versioned says whether the worker is a version of a deployment.
func (s Settings) Versioned() bool { return s.worker.Deployment.Name != "" }

// Load reads the configuration file of a worker and reports all its faults.
func Load(path string, r *config.Reader) (Settings, error) {
	var f file
	if err := config.Load(path, &f); err != nil {
		return Settings{}, err
	}
	s := Settings{
		common: f.Read(r, "auditflow-worker"),
		database: postgres.Config{
			URL:          r.Secret("database.url", f.Database.URL, "AUDITFLOW_DATABASE_URL"),
			PasswordFile: r.String("database.password_file", f.Database.PasswordFile, ""),
			MaxConns:     int32(r.Int("database.max_connections", f.Database.MaxConnections, 8, 1, 1000)), //nolint:gosec // bounded
			Interval: audit.Interval(r.OneOf("database.partition_interval", f.Database.PartitionInterval,
				string(audit.Monthly), string(audit.Weekly), string(audit.Daily))),
		},
		worker: worker.Config{
			WorkflowTasks: r.Int("worker.workflow_tasks", f.Worker.WorkflowTasks, 64, 2, 10_000),
			Activities:    r.Int("worker.activities", f.Worker.Activities, 64, 1, 10_000),
			DrainTimeout:  r.Duration("worker.drain_timeout", f.Worker.DrainTimeout, 20*time.Second, 0, 10*time.Minute),
		},
	}
	faultsOf(r, "database", s.database)
	s.worker.Deployment = deployment(r, f)
	s.maintenance = readMaintenance(r, f.Maintenance, s.database)
	secrecy.Check(s.common, r)
	return s, r.Err()
}

// deployment is the worker's version, if it shall have one.
func deployment(r *config.Reader, f file) worker.Deployment {
	d := worker.Deployment{
		Name:    r.String("worker.deployment", f.Worker.Deployment, ""),
		BuildID: r.String("worker.build_id", f.Worker.BuildID, ""),
	}
	switch {
	case d.Name == "" && d.BuildID != "":
		r.Fault("worker.build_id", "is the version of a deployment, and worker.deployment names none")
	case strings.Contains(d.Name, "."):
		r.Fault("worker.deployment", "want a name without dots, not %q", d.Name)
	case d.Name != "" && d.BuildID == "":
		if d.BuildID = build.Read().Version; d.BuildID == build.Unknown {
			r.Fault("worker.build_id", "this program was built without a version: give one")
		}
	}
	return d
}

// faultsOf reports the faults of a database's configuration, once there is one.
func faultsOf(r *config.Reader, field string, c postgres.Config) {
	if err := c.Validate(); err != nil && c.URL != "" {
		for fault := range strings.Lines(err.Error()) {
			r.Fault(field, "%s", strings.TrimSpace(fault))
		}
	}
}
