package daemon

import (
	"fmt"
	"os"

	"github.com/auditflow/auditflow/internal/config"
	"github.com/auditflow/auditflow/internal/telemetry"
	"github.com/auditflow/auditflow/internal/temporalclient"
)

// CommonFile is the part of every configuration file that is the same.
type CommonFile struct {
	Listen    config.Scalar `json:"listen"`
	LogLevel  config.Scalar `json:"log_level"`
	LogFormat config.Scalar `json:"log_format"`
	Pprof     config.Scalar `json:"pprof"`

	KeysetFile          config.Scalar `json:"keyset_file"`
	KeysetKMSURI        config.Scalar `json:"keyset_kms_uri"`
	KeysetKMSTokenFile  config.Scalar `json:"keyset_kms_token_file"`
	KeysetKMSCAFile     config.Scalar `json:"keyset_kms_ca_file"`
	TokenKeysetFile     config.Scalar `json:"token_keyset_file"`
	RedactionPolicyFile config.Scalar `json:"redaction_policy_file"`

	Temporal TemporalFile `json:"temporal"`
	Traces   TracesFile   `json:"traces"`
}

// CommonHelp is what --help says of it, but for listen, which each program has
// another default and another use for.
const CommonHelp = `  log_level: info             # how much is logged: debug, info, warn, error
  log_format: json            # of lines of the log: json, text
  pprof: ""                   # address of /debug/pprof/, as in 127.0.0.1:6060; off unless given
  keyset_file: /etc/auditflow/keyset.json   # keys of envelopes; a change needs no restart
  keyset_kms_uri: ""          # hcvault://HOST[:PORT]/MOUNT/keys/NAME, if keysets are encrypted
  keyset_kms_token_file: ""   # a file with Vault's token, read for every request
  keyset_kms_ca_file: ""      # certificates (PEM) that vouch for Vault; default: the system's
  redaction_policy_file: ""   # what to mask; default: the built-in rules; a change needs a restart
  token_keyset_file: ""       # the key that names secrets in masks, for a policy with tokens: keyed; a change needs a restart
  temporal:
    address: temporal-frontend:7233   # of Temporal's frontend
    namespace: default        # a namespace of Temporal that exists
    api_key_file: ""          # a file with the API key that goes with every request, read for each
    tls:                      # files in PEM, read for every new connection
      enabled: false          # default: true if anything else of tls, or api_key_file, is given
      ca_file: ""             # authorities that vouch for the server; default: the system's
      cert_file: ""           # our certificate, if the server asks for one
      key_file: ""            # and its key
      server_name: ""         # that the server's certificate is for; default: the host of address
  traces:                     # OpenTelemetry; off unless there is an endpoint
    endpoint: ""              # collector for OTLP over HTTP, as in http://otel-collector:4318; https is
                              # with TLS. Headers: environment AUDITFLOW_TRACES_HEADERS, a=b,c=d
    sample_ratio: 1           # of the traces that begin here, 0 to 1
`

// Common is what it says.
type Common struct {
	// Listen is the address of /healthz, /readyz and /metrics. Default :8080.
	Listen string
	// LogLevel is debug, info (default), warn or error.
	LogLevel string
	// LogFormat is json (default) or text.
	LogFormat string
	// Pprof is the address of /debug/pprof/. Default: none.
	Pprof string
	// KeysetFile holds the keys that seal and open envelopes, and is followed: a
	// change of it needs no restart. Required.
	KeysetFile string
	// KeysetKMSURI names the key that encrypts KeysetFile and TokenKeysetFile.
	// Default: none, they are in clear.
	KeysetKMSURI string
	// KeysetKMSTokenFile holds the token for the KMS, read for every request.
	// Required with KeysetKMSURI.
	KeysetKMSTokenFile string
	// KeysetKMSCAFile holds the certificates, in PEM, that vouch for the KMS.
	// Default: those of the system.
	KeysetKMSCAFile string
	// TokenKeysetFile holds the key that names secrets in masks. Required if the
	// policy says tokens: keyed, else a fault. Read at start only.
	TokenKeysetFile string
	// RedactionPolicyFile says how redaction differs from the built-in rules.
	// Default: in nothing. Read at start only.
	RedactionPolicyFile string
	// Temporal is where deliveries live. Default 127.0.0.1:7233, namespace default,
	// without TLS.
	Temporal temporalclient.Config
	// Traces is where spans go. Default: nowhere, there are none.
	Traces telemetry.TracesConfig
}

// Read checks the common part.
func (f CommonFile) Read(r *config.Reader, identity string) Common {
	host, err := os.Hostname()
	if err != nil {
		host = "unknown-host" // shown to people only
	}
	pprof := r.String("pprof", f.Pprof, "")
	if pprof != "" {
		pprof = r.Address("pprof", f.Pprof, "")
	}
	instance := fmt.Sprintf("%s@%s/%d", identity, host, os.Getpid())
	return Common{
		Listen:    r.Address("listen", f.Listen, ":8080"),
		LogLevel:  r.OneOf("log_level", f.LogLevel, "info", "debug", "warn", "error"),
		LogFormat: r.OneOf("log_format", f.LogFormat, "json", "text"),
		Pprof:     pprof,

		KeysetFile:          r.Required("keyset_file", f.KeysetFile),
		KeysetKMSURI:        r.String("keyset_kms_uri", f.KeysetKMSURI, ""),
		KeysetKMSTokenFile:  r.String("keyset_kms_token_file", f.KeysetKMSTokenFile, ""),
		KeysetKMSCAFile:     r.String("keyset_kms_ca_file", f.KeysetKMSCAFile, ""),
		TokenKeysetFile:     r.String("token_keyset_file", f.TokenKeysetFile, ""),
		RedactionPolicyFile: r.String("redaction_policy_file", f.RedactionPolicyFile, ""),

		Temporal: f.Temporal.Read(r, instance),
		Traces:   f.Traces.read(r, identity, instance),
	}
}
