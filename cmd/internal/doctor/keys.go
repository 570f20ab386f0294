package doctor

import (
	"context"
	"fmt"
	"log/slog"
	"strings"

	"github.com/auditflow/auditflow/audit"
	"github.com/auditflow/auditflow/audit/custody"
	"github.com/auditflow/auditflow/audit/seal"
)

// The checks of the area.
const (
	checkKeyset = "keyset"
	checkPolicy = "redaction policy"
)

// keys opens what a worker opens when it starts, and seals something with it.
func (e Exam) keys(_ context.Context, c *chart, p Patient) {
	if p.Keys.KeysetFile == "" {
		c.skip(checkKeyset, "no configuration names it (--config with keyset_file)")
		c.skip(checkPolicy, "no configuration names a keyset, so it is none of a worker")
		return
	}
	faults := map[string][]string{}
	custody.Check(p.Keys, func(field string, err error) {
		check := checkKeyset
		if field == "redaction_policy_file" || field == "token_keyset_file" {
			check = checkPolicy
		}
		faults[check] = append(faults[check], field+": "+strings.ReplaceAll(err.Error(), "\n", "; "))
	})
	if bad := faults[checkPolicy]; len(bad) > 0 {
		c.fault(checkPolicy, "put the file right; auditctl redact --policy FILE tries it", "%s", strings.Join(bad, "; "))
	} else {
		c.ok(checkPolicy, "%s", orElse(p.Keys.RedactionPolicyFile, "the built-in rules"))
	}
	if bad := faults[checkKeyset]; len(bad) > 0 {
		c.fault(checkKeyset, "auditctl keyset inspect FILE tells what is in it, auditctl keyset create makes one", "%s", strings.Join(bad, "; "))
		return
	}
	if len(faults[checkPolicy]) > 0 {
		c.ok(checkKeyset, "%s can be read", p.Keys.KeysetFile)
		return
	}
	keys, err := try(p.Keys)
	if err != nil {
		c.fault(checkKeyset, "auditctl keyset rotate and promote make another key primary", "%s: %v", p.Keys.KeysetFile, err)
		return
	}
	c.ok(checkKeyset, "%s seals and opens: %s", p.Keys.KeysetFile, keys)
}

// try seals something and opens it again.
func try(config custody.Config) (keys string, err error) {
	sealer, _, err := custody.Open(config, slog.New(slog.DiscardHandler))
	if err != nil {
		return "", err
	}
	defer sealer.Close()
	const workflow = "audit/doctor"
	envelope, err := sealer.Seal([]audit.Record{{ID: "doctor"}}, seal.Observed, workflow)
	if err != nil {
		return "", err
	}
	if _, err := sealer.Open(envelope, seal.Observed, workflow); err != nil {
		return "", err
	}
	primary, enabled := uint32(0), 0
	for _, key := range sealer.Keys() {
		if key.Primary {
			primary = key.ID
		}
		if key.Status == "enabled" {
			enabled++
		}
	}
	return fmt.Sprintf("key %d is primary, %d enabled", primary, enabled), nil
}

func orElse(text, none string) string {
	if text == "" {
		return none
	}
	return text
}
