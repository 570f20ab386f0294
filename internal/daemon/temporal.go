package daemon

import (
	"strings"

	"github.com/auditflow/auditflow/internal/config"
	"github.com/auditflow/auditflow/internal/temporalclient"
)

// TemporalFile is the section temporal of every configuration file.
type TemporalFile struct {
	Address    config.Scalar `json:"address"`
	Namespace  config.Scalar `json:"namespace"`
	APIKeyFile config.Scalar `json:"api_key_file"`
	TLS        struct {
		Enabled    config.Scalar `json:"enabled"`
		CAFile     config.Scalar `json:"ca_file"`
		CertFile   config.Scalar `json:"cert_file"`
		KeyFile    config.Scalar `json:"key_file"`
		ServerName config.Scalar `json:"server_name"`
	} `json:"tls"`
}

// Read checks the section and the files that it names.
func (f TemporalFile) Read(r *config.Reader, identity string) temporalclient.Config {
	c := temporalclient.Config{
		Address:    r.Address("temporal.address", f.Address, "127.0.0.1:7233"),
		Namespace:  r.String("temporal.namespace", f.Namespace, "default"),
		APIKeyFile: r.String("temporal.api_key_file", f.APIKeyFile, ""),
		Identity:   identity,
		TLS: temporalclient.TLS{
			CAFile:     r.String("temporal.tls.ca_file", f.TLS.CAFile, ""),
			CertFile:   r.String("temporal.tls.cert_file", f.TLS.CertFile, ""),
			KeyFile:    r.String("temporal.tls.key_file", f.TLS.KeyFile, ""),
			ServerName: r.String("temporal.tls.server_name", f.TLS.ServerName, ""),
		},
	}
	given := c.TLS != (temporalclient.TLS{})
	c.TLS.Enabled = r.Bool("temporal.tls.enabled", f.TLS.Enabled, given || c.APIKeyFile != "")
	if given && !c.TLS.Enabled {
		r.Fault("temporal.tls.enabled", "is false, and the rest of temporal.tls says how it is to be")
	}
	if err := c.TLS.Validate(); err != nil {
		for fault := range strings.Lines(err.Error()) {
			r.Fault("temporal.tls", "%s", strings.TrimSpace(fault))
		}
	}
	if c.APIKeyFile != "" {
		if _, err := temporalclient.APIKey(c.APIKeyFile); err != nil {
			r.Fault("temporal.api_key_file", "%v", err)
		}
	}
	return c
}
