//go:build chart

package chart

import (
	"strings"
	"testing"
)

func TestValuesThatAreWrongAreRefusedAndTheFieldIsTold(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct{ set, field, says string }{
		"no name of the cluster":           {`cluster=""`, "/cluster", "minLength"},
		"a key that does not exist":        {`clutser="x"`, "", "'clutser' not allowed"},
		"a key that a program lacks":       {`controller.config.audit_bach_size=1`, "/controller/config", "'audit_bach_size' not allowed"},
		"a number out of bounds":           {`controller.config.audit_batch_size=151`, "/controller/config/audit_batch_size", "maximum"},
		"a duration without unit":          {`api.config.timeouts={"drain": "20"}`, "/api/config/timeouts/drain", "pattern"},
		"an age of a wrong unit":           {`worker.config.maintenance={"retention": {"after": "3months"}}`, "/worker/config/maintenance/retention/after", "pattern"},
		"a bool that is none":              {`controller.config.audit_enabled="perhaps"`, "/controller/config/audit_enabled", "one of true, false"},
		"an address with a scheme":         {`temporal.address="https://temporal:7233"`, "/temporal/address", "pattern"},
		"a server's name with a port":      {`temporal.tls.serverName="temporal:7233"`, "/temporal/tls/serverName", "pattern"},
		"a bucket of an unknown kind":      {`archive.bucketURL="ftp://audit"`, "/archive/bucketURL", "pattern"},
		"a mode that does not exist":       {`worker.config.maintenance={"retention": {"mode": "delete"}}`, "/retention/mode", "one of"},
		"no replicas":                      {`api.replicas=0`, "/api/replicas", "minimum"},
		"autoscaling of an unknown kind":   {`worker.autoscaling.kind="vpa"`, "/worker/autoscaling/kind", "one of"},
		"Vault without a token":            {`keyset.kms.uri="hcvault://vault/transit/keys/k"`, "/keyset/kms/tokenSecretName", "minLength"},
		"no Secret with the keyset":        {`keyset.secretName=""`, "/keyset/secretName", "pattern"},
		"what the chart says itself":       {`worker.config.keyset_file="/k"`, "/worker/config", "'keyset_file' not allowed"},
		"a lease of another namespace":     {`controller.config.leader_election={"namespace": "x"}`, "/controller/config/leader_election", "not allowed"},
		"a version with a dot in its name": {`worker.config.worker={"deployment": "a.b"}`, "/worker/config/worker/deployment", "pattern"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			refused(t, tc.set, tc.field, tc.says)
		})
	}
}

func TestSecretsThemselvesAreNoValues(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct{ set, says string }{
		"password of a login":      {`database.writer.password="hunter-2"`, "'password' not allowed"},
		"URL of a login":           {`database.writer.url="postgres://a:hunter-2@db/audit"`, "'url' not allowed"},
		"URL in the configuration": {`worker.config.database={"url": "postgres://a:hunter-2@db/audit"}`, "'url' not allowed"},
		"keyset":                   {`keyset.text="hunter-2"`, "'text' not allowed"},
		"credentials of a bucket":  {`archive.bucketURL="s3://key:hunter-2@audit"`, "pattern"},
		"token in Vault's address": {`keyset.kms.uri="hcvault://x:hunter-2@vault/transit/keys/k"`, "pattern"},
		"Temporal's API key":       {`temporal.apiKey="hunter-2"`, "'apiKey' not allowed"},
		"tokens of clients":        {`api.auth.tokens="ci hunter-2"`, "'tokens' not allowed"},
		"environment":              {`worker.env=[{"name": "PGPASSWORD", "value": "hunter-2"}]`, "'env' not allowed"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			refused(t, tc.set, "", tc.says)
		})
	}
}

func TestValuesThatContradictEachOtherAreRefused(t *testing.T) {
	t.Parallel()
	for set, says := range map[string]string{
		`api.auth.kubernetes=false`:                                              "api.auth says nobody who may post",
		`worker.embedded=true,controller.enabled=false`:                          "worker.embedded needs controller.enabled",
		`worker.embedded=true,worker.autoscaling.kind="hpa"`:                     "worker.autoscaling needs a Deployment",
		`worker.embedded=true,worker.config={"worker": {"deployment": "audit"}}`: "means nothing with worker.embedded",
		`api.auth.clientCASecretName="clients"`:                                  "needs api.tls.secretName",
		`worker.autoscaling.kind="keda",worker.autoscaling.minReplicas=11`:       "minReplicas is more than maxReplicas",
	} {
		t.Run(says, func(t *testing.T) {
			t.Parallel()
			refused(t, set, "", says)
		})
	}
}

// refused checks that helm renders nothing and tells what is wrong, and where by
// the path of a field, unless that is "".
func refused(t *testing.T, set, field, says string) {
	t.Helper()
	out, errs, err := helm(t, "testdata/defaults.yaml", set)
	if err == nil || out != "" {
		t.Fatal("it was rendered")
	}
	if !strings.Contains(errs, says) || field != "" && !strings.Contains(errs, field+"'") {
		t.Errorf("does not tell %q of %s:\n%s", says, field, errs)
	}
}
