package main

import (
	"github.com/auditflow/auditflow/audit"
	"github.com/auditflow/auditflow/audit/custody"
	"github.com/auditflow/auditflow/cmd/internal/doctor"
	"github.com/auditflow/auditflow/cmd/internal/upkeep"
	"github.com/auditflow/auditflow/internal/config"
	"github.com/auditflow/auditflow/store/postgres"
)

// patient reads what there is to be examined. Nothing need be said; what is said
// has to be right. Its client of Temporal is the caller's to close.
func (p *program) patient() (doctor.Patient, error) {
	f, r, err := p.load()
	if err != nil {
		return doctor.Patient{}, err
	}
	configured, s := p.flags.config != "", f.servers(r)
	daily, maintenance := f.logins(r)
	d := doctor.Patient{
		Address: s.temporal.Address, Namespace: s.temporal.Namespace,
		Database: daily, Maintenance: maintenance, Bucket: s.archive, Keys: f.keys(r),
		Configured: configured, Maintains: configured && r.Bool("maintenance.enabled", f.Maintenance.Enabled, true),
	}
	d.Plan = f.Maintenance.Plan(r, daily.Interval, s.archive.URL)
	if d.Maintains {
		upkeep.Check(r, d.Plan)
	}
	if err := r.Err(); err != nil {
		return d, err
	}
	d.Temporal, err = quietClient(s.temporal)
	return d, err
}

// logins are the one of every day and, if it is another, the one of maintenance.
// Where there is only the latter, it is both.
func (f file) logins(r *config.Reader) (daily, maintenance postgres.Config) {
	daily = postgres.Config{
		MaxConns: 1,
		Interval: audit.Interval(r.OneOf("database.partition_interval", f.Database.PartitionInterval,
			string(audit.Monthly), string(audit.Weekly), string(audit.Daily))),
		URL:          r.OptionalSecret("database.url", f.Database.URL, variableDatabase, ""),
		PasswordFile: r.String("database.password_file", f.Database.PasswordFile, ""),
	}
	maintenance = daily
	maintenance.URL = r.OptionalSecret("maintenance.database_url", f.Maintenance.DatabaseURL, variableMaintenance, "")
	maintenance.PasswordFile = r.String("maintenance.database_password_file", f.Maintenance.DatabasePasswordFile, "")
	if daily.URL == "" {
		daily, maintenance.URL = maintenance, ""
	}
	checkDatabase(r, daily)
	checkDatabase(r, maintenance)
	return daily, maintenance
}

func (f file) keys(r *config.Reader) custody.Config {
	return custody.Config{
		KeysetFile:          r.String("keyset_file", f.KeysetFile, ""),
		KeysetKMSURI:        r.String("keyset_kms_uri", f.KeysetKMSURI, ""),
		KeysetKMSTokenFile:  r.String("keyset_kms_token_file", f.KeysetKMSTokenFile, ""),
		KeysetKMSCAFile:     r.String("keyset_kms_ca_file", f.KeysetKMSCAFile, ""),
		TokenKeysetFile:     r.String("token_keyset_file", f.TokenKeysetFile, ""),
		RedactionPolicyFile: r.String("redaction_policy_file", f.RedactionPolicyFile, ""),
	}
}
