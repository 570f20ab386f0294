package work

import (
	"github.com/auditflow/auditflow/cmd/internal/upkeep"
	"github.com/auditflow/auditflow/internal/config"
	"github.com/auditflow/auditflow/store/archive"
	"github.com/auditflow/auditflow/store/postgres"
	"github.com/auditflow/auditflow/workflows"
)

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

func readMaintenance(r *config.Reader, f upkeep.Section, deliveries postgres.Config) maintenance {
	m := maintenance{
		enabled:  r.Bool("maintenance.enabled", f.Enabled, true),
		database: maintenanceDatabase(r, f, deliveries),
		archive:  f.ArchiveConfig(r),
	}
	m.plan = f.Plan(r, deliveries.Interval, m.archive.URL)
	upkeep.Check(r, m.plan)
	return m
}

func maintenanceDatabase(r *config.Reader, f upkeep.Section, deliveries postgres.Config) postgres.Config {
	c := deliveries
	c.MaxConns = maintenanceConns
	c.URL = r.OptionalSecret("maintenance.database_url", f.DatabaseURL, upkeep.Variable, "")
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
