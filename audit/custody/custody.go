// Package custody opens what keeps the secrets of records in a process: the
// sealer with its keyset, and the redactor with its policy and its key for
// tokens.
//
// It takes paths and a KMS's address, which the packages seal and redact know
// nothing of, and hands out what is safe to use. Daemons and the client for
// other controllers open theirs here, so that both understand the same files in
// the same way.
package custody

import (
	"errors"
	"fmt"
	"log/slog"
	"strings"

	"github.com/auditflow/auditflow/audit/redact"
	"github.com/auditflow/auditflow/audit/seal"
)

// Config says where keys and policy are. Only KeysetFile is required.
type Config struct {
	// KeysetFile holds the keys that seal and open envelopes, and is followed: a
	// change of it needs no restart.
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
	// policy says tokens: keyed, else a fault. Read by [Open] only.
	TokenKeysetFile string
	// RedactionPolicyFile says how redaction differs from the built-in rules.
	// Default: in nothing. Read by [Open] only.
	RedactionPolicyFile string
}

var errRequired = errors.New("is required")

// Check reads all the files, asks the KMS if there is one, and tells everything
// that is wrong, each fault with its field as configuration files call it
// (keyset_file). The lines of one error are faults of their own. It keeps nothing.
func Check(cfg Config, fault func(field string, err error)) {
	o := opener{cfg: cfg, fault: fault}
	o.open()
}

// Open makes what [Check] found to be good; else its error has all the faults.
// The sealer watches its keyset file, and the log tells what becomes of it,
// whether records flow or not, until the sealer is closed; the redactor stays as
// it is: another policy takes a restart. Both are safe for concurrent use.
func Open(cfg Config, log *slog.Logger) (*seal.Sealer, *redact.Redactor, error) {
	var faults []error
	o := opener{cfg: cfg, report: reporter(log), fault: func(field string, err error) {
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
