package main

import (
	"errors"
	"strings"
	"time"

	"github.com/auditflow/auditflow/internal/config"
	"github.com/auditflow/auditflow/internal/temporalclient"
	"github.com/auditflow/auditflow/store/postgres"
)

const (
	variableDatabase  = "AUDITFLOW_DATABASE_URL"
	variableAddress   = "TEMPORAL_ADDRESS" // as Temporal's own tools read it
	variableNamespace = "TEMPORAL_NAMESPACE"
	variableNoColor   = "NO_COLOR" // https://no-color.org

	defaultTemporal = "127.0.0.1:7233"
)

// globals are the flags that all commands have.
type globals struct {
	config, databaseURL                string
	temporalAddress, temporalNamespace string
	format, color                      string
	zone                               zone
	timeout                            time.Duration
}

type file struct {
	Database struct {
		URL          config.Scalar `json:"url"`
		PasswordFile config.Scalar `json:"password_file"`
	} `json:"database"`
	Temporal struct {
		Address   config.Scalar `json:"address"`
		Namespace config.Scalar `json:"namespace"`
	} `json:"temporal"`
}

// settings says which servers to ask.
type settings struct {
	database postgres.Config
	temporal temporalclient.Config
	// temporalGiven is set when somebody said where Temporal is: then it has to
	// be there.
	temporalGiven bool
}

// settings puts flags before the environment, and that before the file.
func (p *program) settings() (settings, error) {
	var f file
	if err := config.Load(p.flags.config, &f); err != nil {
		return settings{}, err
	}
	env := p.env
	if p.flags.databaseURL != "" { // as if it had come the safer way
		env = func(name string) (string, bool) {
			if name == variableDatabase {
				return p.flags.databaseURL, true
			}
			return p.env(name)
		}
	}
	r := &config.Reader{Env: env, Flags: map[string]string{
		"temporal.address":   p.choose(p.flags.temporalAddress, variableAddress),
		"temporal.namespace": p.choose(p.flags.temporalNamespace, variableNamespace),
	}}
	given := r.String("temporal.address", f.Temporal.Address, "") != ""
	s := settings{
		database: postgres.Config{
			URL:          r.Secret("database.url", f.Database.URL, variableDatabase),
			PasswordFile: r.String("database.password_file", f.Database.PasswordFile, ""),
			MaxConns:     2,
		},
		temporal: temporalclient.Config{
			Address:   r.Address("temporal.address", f.Temporal.Address, defaultTemporal),
			Namespace: r.String("temporal.namespace", f.Temporal.Namespace, "default"),
			Identity:  "auditctl",
		},
		temporalGiven: given,
	}
	if err := s.database.Validate(); err != nil && s.database.URL != "" {
		for fault := range strings.Lines(errors.Join(err).Error()) {
			r.Fault("database", "%s", strings.TrimSpace(fault))
		}
	}
	return s, r.Err()
}

func (p *program) choose(flag, variable string) string {
	if flag != "" {
		return flag
	}
	value, _ := p.env(variable)
	return value
}
