package main

import (
	"encoding/json"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"go.temporal.io/api/operatorservice/v1"
	"go.temporal.io/sdk/client"
	sdkworker "go.temporal.io/sdk/worker"

	"github.com/auditflow/auditflow/audit"
	"github.com/auditflow/auditflow/audit/seal"
	"github.com/auditflow/auditflow/cmd/internal/doctor"
	"github.com/auditflow/auditflow/worker"
	"github.com/auditflow/auditflow/workflows"
)

// clinic is an installation with the configuration of its worker.
type clinic struct {
	*estate
	keyset, config string // files
	login          string // prefix of the names of its logins
}

// newClinic is one that is well.
func newClinic(t *testing.T) *clinic {
	t.Helper()
	s := &clinic{estate: newEstate(t), keyset: filepath.Join(t.TempDir(), "keyset.json"), login: fmt.Sprintf("doctor_%d", time.Now().UnixNano())}
	s.temporal(t)
	s.filed(t)
	s.work(t)
	w := sdkworker.New(s.client, workflows.QueueDelivery, sdkworker.Options{})
	must(t, w.Start())
	t.Cleanup(w.Stop)
	file, err := os.Create(s.keyset)
	must(t, err)
	must(t, seal.Generate(file))
	must(t, file.Close())
	s.configure(t, s.as(t, "auditflow_writer"), s.as(t, "auditflow_maintainer"))
	until(t, "workers are heard of", func() bool {
		return !strings.Contains(s.doctor(t).stdout, "nobody takes")
	})
	return s
}

// as is the database's URL with a login of its own, in a role.
func (s *clinic) as(t *testing.T, role string) string {
	t.Helper()
	name := s.login + "_" + role
	s.sql(t, `CREATE ROLE `+name+` LOGIN IN ROLE `+role)
	u, err := url.Parse(s.variables[variableDatabase])
	must(t, err)
	u.User = url.User(name)
	return u.String()
}

// configure writes the worker's file, which says all there is to say.
func (s *clinic) configure(t *testing.T, daily, maintenance string) {
	t.Helper()
	const never = `cron: "0 0 1 1 *"`
	s.config = filepath.Join(t.TempDir(), "worker.yaml")
	must(t, writeFile(s.config, fmt.Sprintf(`
keyset_file: %s
temporal: {address: '%s', namespace: '%s'}
database: {url: '%s'}
maintenance:
  database_url: '%s'
  create: {%[6]s}
  tiers: {%[6]s}
  archive: {%[6]s, bucket_url: 'file://%[7]s'}
  retention: {%[6]s}
`, s.keyset, s.tempora.Address, s.tempora.Namespace, daily, maintenance, never, s.dir)))
}

// converged makes the schedules what a worker with the file would make of them.
func (s *clinic) converged(t *testing.T) {
	t.Helper()
	p := environment{}.program()
	p.flags.config = s.config
	d, err := p.patient()
	must(t, err)
	defer d.Temporal.Close()
	for _, schedule := range d.Plan.Schedules() {
		_, err := worker.Converge(t.Context(), s.client, schedule)
		must(t, err)
	}
}

// doctor runs it with nothing but the file.
func (s *clinic) doctor(t *testing.T, args ...string) outcome {
	t.Helper()
	return environment{}.presently(t, t.Context(), append([]string{"doctor", "--config", s.config, "--timeout", "5s"}, args...)...)
}

// found are the findings by area and check.
func found(t *testing.T, o outcome) map[string]doctor.Finding {
	t.Helper()
	var d diagnosis
	if err := json.Unmarshal([]byte(o.stdout), &d); err != nil {
		t.Fatalf("%v: %+v", err, o)
	}
	by := map[string]doctor.Finding{}
	for _, f := range d.Checks {
		name := f.Area + ": " + f.Check
		if _, twice := by[name]; twice {
			t.Errorf("%s twice", name)
		}
		by[name] = f
		if (f.Cure != "") != (f.State == doctor.Fault || f.State == doctor.Warning) {
			t.Errorf("%s is %s, and its cure %q", name, f.State, f.Cure)
		}
	}
	return by
}

// One installation serves for both, since to be up and running takes it seconds.
func TestTheDoctorFindsNothingButWhatIsWrongAndNamesItsCure(t *testing.T) {
	t.Parallel()
	s := newClinic(t)
	s.converged(t)
	s.isWell(t)
	s.breakAll(t)
	s.isFoundBroken(t)
}

func (s *clinic) isWell(t *testing.T) {
	t.Helper()
	o := s.doctor(t, "--write", "-o", "json")
	if o.code != exitOK {
		t.Errorf("%+v", o)
	}
	all := found(t, o)
	for name, f := range all {
		switch {
		case name == "temporal: retention": // of a day, here
			if f.State != doctor.Warning || !strings.Contains(f.Found, "for 1d only") {
				t.Errorf("%s: %+v", name, f)
			}
		case name == "bucket: object lock":
			if f.State != doctor.NotChecked {
				t.Errorf("%s: %+v", name, f)
			}
		case f.State != doctor.OK:
			t.Errorf("%s: %+v", name, f)
		}
	}
	if len(all) != 23 {
		t.Errorf("%d checks", len(all))
	}
	if left, err := filepath.Glob(filepath.Join(s.dir, "auditflow-probe*")); err != nil || len(left) != 0 {
		t.Errorf("left behind in the bucket: %v", left)
	}
	if o := s.doctor(t, "--strict"); o.code != exitNo || !strings.Contains(o.stderr, "0 faults, 1 warning") {
		t.Errorf("--strict: %+v", o)
	}
	skewed := environment{}.execute(t, "doctor", "--config", s.config, "-o", "json") // at noon, months ago
	for _, name := range []string{"temporal: clock", "database: clock"} {
		if f := found(t, skewed)[name]; f.State != doctor.Warning || !strings.Contains(f.Cure, "NTP") {
			t.Errorf("%s of a machine that is months behind: %+v", name, f)
		}
	}
}

// breakAll makes the faults, all at once.
func (s *clinic) breakAll(t *testing.T) {
	t.Helper()
	schedules := s.client.ScheduleClient()
	must(t, schedules.GetHandle(t.Context(), workflows.ScheduleTier).Pause(t.Context(), client.SchedulePauseOptions{Note: "disks"}))
	must(t, schedules.GetHandle(t.Context(), workflows.ScheduleArchive).Delete(t.Context()))
	must(t, schedules.GetHandle(t.Context(), workflows.ScheduleRetention).Update(t.Context(), client.ScheduleUpdateOptions{
		DoUpdate: func(there client.ScheduleUpdateInput) (*client.ScheduleUpdate, error) {
			there.Description.Schedule.Spec = &client.ScheduleSpec{CronExpressions: []string{"1 0 1 1 *"}}
			return &client.ScheduleUpdate{Schedule: &there.Description.Schedule}, nil
		},
	}))
	_, err := s.client.OperatorService().RemoveSearchAttributes(t.Context(), &operatorservice.RemoveSearchAttributesRequest{
		Namespace: s.tempora.Namespace, SearchAttributes: []string{workflows.AttributePhase.GetName()},
	})
	must(t, err)
	s.sql(t, `REVOKE INSERT ON kubernetes_execution_audit FROM auditflow_writer`)
	s.sql(t, `DELETE FROM auditflow_schema_version WHERE version_id = 7`)
	s.sql(t, `DROP TABLE kubernetes_execution_audit_`+audit.PeriodOf(audit.Monthly, time.Now()).Suffix())
	must(t, writeFile(s.keyset, `{"primaryKeyId": 1, "key": []}`))
	must(t, os.RemoveAll(s.dir))
	s.configure(t, s.as(t, "auditflow_reader"), s.as(t, "pg_monitor")) // which is none of ours
}

func (s *clinic) isFoundBroken(t *testing.T) {
	t.Helper()
	o := s.doctor(t, "-o", "json", "--write")
	if o.code != exitFailed { // the bucket is away
		t.Errorf("exit code %d: %s", o.code, o.stderr)
	}
	all := found(t, o)
	for name, want := range map[string]struct {
		state       doctor.State
		found, cure string
	}{
		"temporal: schedule audit-create-partitions": {doctor.OK, "next on", ""},
		"temporal: schedule audit-tier":              {doctor.Warning, "paused: disks", "--unpause --schedule-id audit-tier"},
		"temporal: schedule audit-archive":           {doctor.Fault, "no such schedule", "maintenance.enabled"},
		"temporal: schedule audit-retention":         {doctor.Warning, "somebody changed when it runs", "delete it"},
		"temporal: search attributes":                {doctor.Fault, "missing: AuditPhase", "--name AuditPhase --type Keyword"},
		"database: roles and grants":                 {doctor.Fault, "1 are missing", "GRANT INSERT ON kubernetes_execution_audit TO auditflow_writer"},
		"database: schema":                           {doctor.Fault, "0007_tiers.sql", "auditctl migrate"},
		"database: login":                            {doctor.Fault, "_auditflow_reader may not write", "GRANT auditflow_writer TO " + s.login},
		"database: login of maintenance":             {doctor.Fault, "_pg_monitor may not create", "GRANT auditflow_maintainer TO " + s.login},
		"database: partitions":                       {doctor.Fault, "none for the present", "auditctl partitions create"},
		"bucket: reading":                            {doctor.Fault, "", "create the bucket"},
		"bucket: writing":                            {doctor.NotChecked, "reading has to be put right first", ""},
		"keys: keyset":                               {doctor.Fault, "keyset_file", "auditctl keyset create"},
	} {
		if f := all[name]; f.State != want.state || !strings.Contains(f.Found, want.found) || !strings.Contains(f.Cure, want.cure) {
			t.Errorf("%s: %+v, want %s: %q, cure %q", name, f, want.state, want.found, want.cure)
		}
	}
	if strings.Contains(o.stdout+o.stderr, s.variables[variableDatabase]) {
		t.Error("tells a URL, in which there may be a password")
	}
}

func TestOfAServerThatIsAwayTheDoctorChecksNothingElse(t *testing.T) {
	t.Parallel()
	e := environment{variables: map[string]string{variableAddress: "127.0.0.1:1", variableDatabase: "postgres://x:hunter-2@127.0.0.1:1/x"}}
	o := e.presently(t, t.Context(), "doctor", "--timeout", "2s", "-o", "json")
	states := map[doctor.State]int{}
	for name, f := range found(t, o) {
		states[f.State]++
		if f.State == doctor.Fault && (!strings.HasSuffix(name, ": server") || !f.Away) {
			t.Errorf("%s: %+v", name, f)
		}
	}
	if o.code != exitFailed || states[doctor.Fault] != 2 || states[doctor.NotChecked] != 21 {
		t.Errorf("%v: %s", states, o.stderr)
	}
	if strings.Contains(o.stdout+o.stderr, "hunter-2") {
		t.Error("tells the password")
	}
	e.variables = map[string]string{variableAddress: servers.Temporal.Address, variableNamespace: "nowhere"}
	o = e.presently(t, t.Context(), "doctor", "-o", "json")
	if f := found(t, o)["temporal: namespace"]; o.code != exitNo || f.State != doctor.Fault || !strings.Contains(f.Cure, "namespace create --namespace nowhere") {
		t.Errorf("a namespace that is not there: %+v, %s", f, o.stderr)
	}
}

func TestADiagnosisTellsEachCureBelowItsFault(t *testing.T) {
	t.Parallel()
	d := diagnosis{At: noon, State: doctor.Fault, Checks: []doctor.Finding{
		{Area: doctor.InTemporal, Check: "server", State: doctor.OK, Found: "Temporal 1.32.0 on temporal-frontend:7233"},
		{Area: doctor.InTemporal, Check: "retention", State: doctor.Warning, Found: "deliveries that ended can be looked up for 24h0m0s only", Cure: "temporal operator namespace update --namespace default --retention 72h"},
		{Area: doctor.InDatabase, Check: "server", State: doctor.Fault, Found: "ping the database: failed to connect to `user=x`:\n\t127.0.0.1:1: refused", Cure: "start PostgreSQL", Away: true},
		{Area: doctor.InDatabase, Check: "schema", State: doctor.NotChecked, Found: "server has to be put right first"},
		{Area: doctor.InKeys, Check: "keyset", State: doctor.Fault, Found: "keyset_file: \x1b[2Jgone", Cure: "auditctl keyset create makes one"},
	}}
	inTables(t, "doctor", func(p *program) error { return p.single(d, func(page *page) { d.tell(page) }) })
	golden(t, "doctor.terminal", rendered(t, environment{person: true, width: 110}, formatTable, func(p *program) error {
		return p.single(d, func(page *page) { d.tell(page) })
	}))
	for want, checks := range map[int][]doctor.Finding{
		exitFailed: d.Checks, exitNo: d.Checks[4:], exitOK: d.Checks[:2],
	} {
		code := exitOK
		if err := (diagnosis{Checks: checks}).verdict(false); err != nil {
			code, _ = verdict(err)
		}
		if code != want {
			t.Errorf("exit code %d, want %d", code, want)
		}
	}
}
