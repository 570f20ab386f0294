// Package secrecy makes what keeps secrets in a process, of what its
// configuration says: the sealer with its keyset, and the redactor with its
// policy and its key for tokens.
//
// It stands between package daemon, which reads configurations and knows nothing
// of records, and the packages seal and redact, which know nothing of
// configurations.
package secrecy

import (
	"errors"
	"fmt"
	"log/slog"
	"strings"

	"github.com/auditflow/auditflow/audit/redact"
	"github.com/auditflow/auditflow/audit/seal"
	"github.com/auditflow/auditflow/internal/config"
	"github.com/auditflow/auditflow/internal/daemon"
)

// Check reads all the files that the configuration names, asks the KMS if there
// is one, and tells r everything that is wrong, each fault with its field and
// those of a policy with their lines. It keeps nothing.
func Check(c daemon.Common, r *config.Reader) {
	o := opener{common: c, fault: func(field string, err error) {
		for line := range strings.Lines(err.Error()) {
			r.Fault(field, "%s", strings.TrimSuffix(line, "\n"))
		}
	}}
	o.open()
}

// Open makes what [Check] found to be good. The sealer watches its keyset file,
// and the log tells what becomes of it, whether records flow or not, until the
// sealer is closed or the process ends; the redactor stays as it is: another
// policy takes a restart. Both are safe for concurrent use.
func Open(c daemon.Common, log *slog.Logger) (*seal.Sealer, *redact.Redactor, error) {
	var faults []error
	o := opener{common: c, report: reporter(log), fault: func(field string, err error) {
		faults = append(faults, fmt.Errorf("%s: %w", field, err))
	}}
	sealer, redactor := o.open()
	if err := errors.Join(faults...); err != nil {
		if sealer != nil { // something else is faulty, and nobody gets it to close it
			sealer.Close()
		}
		return nil, nil, err
	}
	log.Info("keyset and redaction policy read", "keys", ids(sealer.Keys()), "policy", redactor.Version())
	return sealer, redactor, nil
}

// reporter logs what a sealer found when its file changed; it tells each thing
// once.
func reporter(log *slog.Logger) func(seal.Reload) {
	return func(news seal.Reload) {
		if news.Err != nil {
			log.Error("keyset not changed: the file cannot be used", "keys", ids(news.Keys), "error", news.Err)
			return
		}
		log.Info("keyset changed", "keys", ids(news.Keys))
	}
}

// ids tells keys as in "1234 primary, 5678, 9012 disabled".
func ids(keys []seal.KeyInfo) string {
	told := make([]string, len(keys))
	for i, key := range keys {
		told[i] = fmt.Sprint(key.ID)
		switch {
		case key.Primary:
			told[i] += " primary"
		case key.Status != "enabled":
			told[i] += " " + key.Status
		}
	}
	return strings.Join(told, ", ")
}
