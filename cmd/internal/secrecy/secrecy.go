// Package secrecy opens what keeps secrets in a daemon, of what its
// configuration says.
//
// It stands between package daemon, which reads configurations and knows nothing
// of records, and package custody, which knows nothing of configuration files.
package secrecy

import (
	"log/slog"
	"strings"

	"github.com/auditflow/auditflow/audit/custody"
	"github.com/auditflow/auditflow/audit/redact"
	"github.com/auditflow/auditflow/audit/seal"
	"github.com/auditflow/auditflow/internal/config"
	"github.com/auditflow/auditflow/internal/daemon"
)

// Check tells r everything that is wrong with the files that the configuration
// names, each fault with its field and those of a policy with their lines.
func Check(c daemon.Common, r *config.Reader) {
	custody.Check(of(c), func(field string, err error) {
		if field == "keyset_file" && c.KeysetFile == "" {
			return // whoever read the configuration has told
		}
		for line := range strings.Lines(err.Error()) {
			r.Fault(field, "%s", strings.TrimSuffix(line, "\n"))
		}
	})
}

// Open makes what [Check] found to be good, see [custody.Open].
func Open(c daemon.Common, log *slog.Logger) (*seal.Sealer, *redact.Redactor, error) {
	return custody.Open(of(c), log)
}

func of(c daemon.Common) custody.Config {
	return custody.Config{
		KeysetFile: c.KeysetFile, KeysetKMSURI: c.KeysetKMSURI, KeysetKMSTokenFile: c.KeysetKMSTokenFile,
		KeysetKMSCAFile: c.KeysetKMSCAFile, TokenKeysetFile: c.TokenKeysetFile, RedactionPolicyFile: c.RedactionPolicyFile,
	}
}
