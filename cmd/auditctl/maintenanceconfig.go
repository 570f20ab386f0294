package main

import (
	"github.com/auditflow/auditflow/internal/config"
	"github.com/auditflow/auditflow/store/postgres"
	"github.com/auditflow/auditflow/workflows"
)

// regime is how the trail is maintained, and where.
type regime struct {
	settings // database is the login of maintenance
	plan     workflows.Maintenance
	// retentionGiven is set when the file says something of retention: its
	// defaults are nobody's decision.
	retentionGiven bool
}

// upkeepConns are one to read a table and one to ask for something else.
const upkeepConns = 3

// upkeep reads what maintenance needs. A database need not be said.
func (p *program) upkeep() (regime, error) {
	f, r, err := p.load()
	if err != nil {
		return regime{}, err
	}
	u := regime{settings: f.servers(r), retentionGiven: f.Maintenance.Retention.Said()}
	u.database = f.maintenanceDatabase(r)
	u.plan = f.Maintenance.Plan(r, u.database.Interval, u.archive.URL)
	return u, r.Err()
}

// maintenanceDatabase is the login of maintenance, or else the one that reads.
func (f file) maintenanceDatabase(r *config.Reader) postgres.Config {
	c := postgres.Config{
		MaxConns:     upkeepConns,
		Interval:     f.interval(r),
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
