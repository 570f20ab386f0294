package main

import (
	"strings"
	"testing"

	"github.com/auditflow/auditflow/internal/daemon/daemontest"
)

const aDatabase = "database: {url: 'postgres://auditflow@db.prod/audit'}\n"

// embed validates the minimal controller with a worker of this configuration.
func embed(t *testing.T, worker string) outcome {
	t.Helper()
	return execute("--config", daemontest.Write(t, minimal), "--embedded-worker", daemontest.Write(t, worker))
}

func TestAWorkerIsEmbeddedOnlyWhenTheFlagSaysSo(t *testing.T) {
	t.Parallel()
	if o := execute("--config", daemontest.Write(t, minimal)); o.Started == nil || o.Started.embedded != nil {
		t.Errorf("without the flag: %+v", o)
	}
	o := embed(t, "keyset_file: "+keyset+"\nlisten: ':9'\nlog_level: debug\n"+aDatabase)
	if o.Started == nil || o.Started.embedded == nil {
		t.Fatalf("with it: %s", o.Stderr)
	}
	if own := o.Started.common; own.Listen != ":8080" || own.LogLevel != "info" {
		t.Errorf("the worker's file decides on %s, %s", own.Listen, own.LogLevel)
	}
}

func TestFaultsOfBothFilesAreToldAtOnceAndWhoseTheyAre(t *testing.T) {
	t.Parallel()
	worker := daemontest.Write(t, "worker: {activities: many}\n")
	o := execute("--config", daemontest.Write(t, minimal+"audit_batch_size: 0\n"), "--embedded-worker", worker, "--validate-config")
	if o.Code != 2 || o.Started != nil {
		t.Errorf("exit code %d", o.Code)
	}
	own, theirs, found := strings.Cut(o.Stderr, "--embedded-worker "+worker)
	if !found || !strings.Contains(own, "audit_batch_size: want") {
		t.Errorf("the controller's own are not told:\n%s", o.Stderr)
	}
	for _, fault := range []string{"worker.activities: want", "database.url: is required", "keyset_file: is required"} {
		if !strings.Contains(theirs, fault) {
			t.Errorf("does not tell %q:\n%s", fault, o.Stderr)
		}
	}
	if o := execute("--config", daemontest.Write(t, minimal), "--embedded-worker", "/absent.yaml"); o.Code != 2 || !strings.Contains(o.Stderr, "/absent.yaml") {
		t.Errorf("a file that is absent: %d, %s", o.Code, o.Stderr)
	}
}

func TestFilesThatContradictEachOtherAreRefusedWithTheField(t *testing.T) {
	t.Parallel()
	policy := daemontest.Write(t, "version: 1\n")
	good := "keyset_file: " + keyset + "\n" + aDatabase
	for field, worker := range map[string]string{
		"temporal.address":      good + "temporal: {address: 'elsewhere:7233'}\n",
		"temporal.namespace":    good + "temporal: {namespace: audit}\n",
		"redaction_policy_file": good + "redaction_policy_file: " + policy + "\n",
	} {
		o := embed(t, worker)
		if o.Code != 2 || strings.Count(o.Stderr, "but the controller's is") != 1 || !strings.Contains(o.Stderr, "  "+field+": is ") {
			t.Errorf("%s: exit code %d, %s", field, o.Code, o.Stderr)
		}
	}
	if o := embed(t, "keyset_file: "+keyset+"x\n"+aDatabase); !strings.Contains(o.Stderr, "keyset_file: load keyset") {
		t.Errorf("a keyset that is absent: %s", o.Stderr)
	}
	if o := embed(t, good+"worker: {deployment: auditflow, build_id: v1}\n"); o.Code != 2 || !strings.Contains(o.Stderr, "worker.deployment: means nothing") {
		t.Errorf("a version: exit code %d, %s", o.Code, o.Stderr)
	}
}
