package main

import (
	"errors"
	"strings"
	"time"

	"github.com/auditflow/auditflow/audit"
	"github.com/auditflow/auditflow/cmd/internal/upkeep"
	"github.com/auditflow/auditflow/internal/config"
	"github.com/auditflow/auditflow/internal/daemon"
	"github.com/auditflow/auditflow/internal/temporalclient"
	"github.com/auditflow/auditflow/store/archive"
	"github.com/auditflow/auditflow/store/postgres"
)

const (
	variableDatabase    = "AUDITFLOW_DATABASE_URL"
	variableMaintenance = upkeep.Variable
	variableBucket      = "AUDITFLOW_BUCKET_URL"
	variableAddress     = "TEMPORAL_ADDRESS" // as Temporal's own tools read it
	variableNamespace   = "TEMPORAL_NAMESPACE"
	variableNoColor     = "NO_COLOR" // https://no-color.org

	defaultTemporal = "127.0.0.1:7233"
)

// globals are the flags that all commands have.
type globals struct {
	config, databaseURL, bucketURL     string
	temporalAddress, temporalNamespace string
	format, color                      string
	zone                               zone
	timeout                            time.Duration
}

// file is the worker's: one file tells both where things are and how long they
// are kept. What is of no use here is read over, so that unknown keys are still
// told.
type file struct {
	daemon.CommonFile `json:",inline"`

	Database struct {
		URL               config.Scalar `json:"url"`
		PasswordFile      config.Scalar `json:"password_file"`
		MaxConnections    config.Scalar `json:"max_connections"`
		PartitionInterval config.Scalar `json:"partition_interval"`
	} `json:"database"`
	Worker      map[string]config.Scalar `json:"worker"`
	Maintenance upkeep.Section           `json:"maintenance"`
}

// settings says which servers to ask.
type settings struct {
	database postgres.Config
	archive  archive.Config // no URL: nobody said where
	temporal temporalclient.Config
	// temporalGiven is set when somebody said where Temporal is: then it has to
	// be there.
	temporalGiven bool
}

// load puts flags before the environment, and that before the file.
func (p *program) load() (f file, r *config.Reader, err error) {
	if err := config.Load(p.flags.config, &f); err != nil {
		return f, nil, err
	}
	env := p.env
	if p.flags.databaseURL != "" { // as if it had come the safer way
		env = func(name string) (string, bool) {
			switch name {
			case variableDatabase:
				return p.flags.databaseURL, true
			case variableMaintenance:
				return "", false
			}
			return p.env(name)
		}
		f.Maintenance.DatabaseURL = config.Scalar{}
	}
	return f, &config.Reader{Env: env, Flags: map[string]string{
		"temporal.address":               p.choose(p.flags.temporalAddress, variableAddress),
		"temporal.namespace":             p.choose(p.flags.temporalNamespace, variableNamespace),
		"maintenance.archive.bucket_url": p.choose(p.flags.bucketURL, variableBucket),
	}}, nil
}

func (p *program) settings() (settings, error) {
	f, r, err := p.load()
	if err != nil {
		return settings{}, err
	}
	s := f.servers(r)
	s.database = postgres.Config{
		URL:          r.Secret("database.url", f.Database.URL, variableDatabase),
		PasswordFile: r.String("database.password_file", f.Database.PasswordFile, ""),
		MaxConns:     2,
		Interval:     f.interval(r), // of partitions that a replay has to make
	}
	checkDatabase(r, s.database)
	return s, r.Err()
}

// interval is that of partitions.
func (f file) interval(r *config.Reader) audit.Interval {
	return audit.Interval(r.OneOf("database.partition_interval", f.Database.PartitionInterval,
		string(audit.Monthly), string(audit.Weekly), string(audit.Daily)))
}

// servers is where the archive and Temporal are.
func (f file) servers(r *config.Reader) settings {
	return settings{
		archive:       f.Maintenance.ArchiveConfig(r),
		temporalGiven: r.String("temporal.address", f.Temporal.Address, "") != "",
		temporal:      f.Temporal.Read(r, "auditctl"),
	}
}

func checkDatabase(r *config.Reader, c postgres.Config) {
	if err := c.Validate(); err != nil && c.URL != "" {
		for fault := range strings.Lines(errors.Join(err).Error()) {
			r.Fault("database", "%s", strings.TrimSpace(fault))
		}
	}
}

func (p *program) choose(flag, variable string) string {
	if flag != "" {
		return flag
	}
	value, _ := p.env(variable)
	return value
}
