package daemon

import (
	"fmt"
	"os"

	"github.com/auditflow/auditflow/internal/config"
	"github.com/auditflow/auditflow/internal/temporalclient"
)

// CommonFile is the part of every configuration file that is the same.
type CommonFile struct {
	Listen     config.Scalar `json:"listen"`
	LogLevel   config.Scalar `json:"log_level"`
	LogFormat  config.Scalar `json:"log_format"`
	KeysetFile config.Scalar `json:"keyset_file"`
	Temporal   struct {
		Address   config.Scalar `json:"address"`
		Namespace config.Scalar `json:"namespace"`
	} `json:"temporal"`
}

// Common is what it says.
type Common struct {
	// Listen is the address of /healthz, /readyz and /metrics. Default :8080.
	Listen string
	// LogLevel is debug, info (default), warn or error.
	LogLevel string
	// LogFormat is json (default) or text.
	LogFormat string
	// KeysetFile holds the keys that seal and open envelopes. Required.
	KeysetFile string
	// Temporal is where deliveries live. Default 127.0.0.1:7233, namespace default.
	Temporal temporalclient.Config
}

// Read checks the common part.
func (f CommonFile) Read(r *config.Reader, identity string) Common {
	host, err := os.Hostname()
	if err != nil {
		host = "unknown-host" // shown to people only
	}
	return Common{
		Listen:     r.Address("listen", f.Listen, ":8080"),
		LogLevel:   r.OneOf("log_level", f.LogLevel, "info", "debug", "warn", "error"),
		LogFormat:  r.OneOf("log_format", f.LogFormat, "json", "text"),
		KeysetFile: r.Required("keyset_file", f.KeysetFile),
		Temporal: temporalclient.Config{
			Address:   r.Address("temporal.address", f.Temporal.Address, "127.0.0.1:7233"),
			Namespace: r.String("temporal.namespace", f.Temporal.Namespace, "default"),
			Identity:  fmt.Sprintf("%s@%s/%d", identity, host, os.Getpid()),
		},
	}
}
