package main

import (
	"bytes"
	"testing"
	"time"

	"github.com/auditflow/auditflow/audit"
	"github.com/auditflow/auditflow/store/postgres"
)

// show runs a piece of a command in every form that people and programs see.
func inEveryForm(t *testing.T, name string, show func(*program) error) {
	t.Helper()
	for form, e := range map[string]struct {
		format string
		environment
	}{
		"table":    {formatTable, environment{}},
		"terminal": {formatTable, environment{person: true, width: 110}},
		"wide":     {formatWide, environment{}},
		"json":     {formatJSON, environment{}},
		"csv":      {formatCSV, environment{}},
	} {
		t.Run(form, func(t *testing.T) {
			t.Parallel()
			golden(t, name+"."+form, rendered(t, e.environment, e.format, show))
		})
	}
}

func rendered(t *testing.T, e environment, format string, show func(*program) error) string {
	t.Helper()
	var out bytes.Buffer
	p := e.program()
	p.stdout, p.stderr = &out, &out
	p.flags = globals{format: format, color: "auto", zone: zone{time.UTC}}
	p.out = p.newOutput()
	must(t, show(p))
	must(t, p.out.to.Flush())
	return out.String()
}

func TestRowsLookAsThePeopleAndProgramsWhoReadThemExpect(t *testing.T) {
	t.Parallel()
	rows := []row{stored(succeeded("a", 5)), stored(hostile("b", 70)), stored(bare("c", 60*24))}
	for name, sheet := range map[string]func(*time.Location) sheet[row]{
		"find": findSheet, "workflow": workflowSheet, "failures": failuresSheet, "slow": slowSheet, "trail": trailSheet,
	} {
		inEveryForm(t, name, func(p *program) error {
			_, err := list(p.out, sheet(p.out.zone), all(rows))
			return err
		})
	}
}

func TestARecordIsShownWhole(t *testing.T) {
	t.Parallel()
	inEveryForm(t, "show", func(p *program) error { return p.showRow(stored(hostile("b", 70))) })
	inEveryForm(t, "show-bare", func(p *program) error { return p.showRow(stored(bare("c", 70))) })
}

func TestAggregatesHaveTheirTotals(t *testing.T) {
	t.Parallel()
	inEveryForm(t, "durations", func(p *program) error {
		return aggregate(p, []postgres.ActionDurations{
			{
				Action: "drain-node", Total: 1234, Avg: 92_500 * time.Millisecond, P50: 80 * time.Second, P95: 5 * time.Minute,
				P99: 2 * time.Hour, Max: 50 * time.Hour, Distribution: []postgres.Bucket{
					{UpTo: time.Second, Count: 1}, {UpTo: time.Minute, Count: 1000}, {UpTo: time.Hour}, {UpTo: 50 * time.Hour, Count: 233},
				},
			},
			{Action: "never-timed", Total: 2},
		}, durationSheet(p.out.person))
	})
	inEveryForm(t, "retries", func(p *program) error {
		return aggregate(p, []postgres.RetryPattern{
			{Action: "drain-node", Namespace: "prod-shop", Total: 30, AvgRetries: 1.5}, {Action: "=1+1", Total: 10, AvgRetries: 3},
		}, retrySheet())
	})
	inEveryForm(t, "resources", func(p *program) error {
		return aggregate(p, []postgres.ActionResources{
			{Action: "drain-node", AvgCPU: 1250.4, AvgMemory: 3 << 29, Total: 3}, {Action: "scale", AvgCPU: 0.4, AvgMemory: 100, Total: 1},
		}, resourceSheet())
	})
}

func TestQuarantineTellsTheReason(t *testing.T) {
	t.Parallel()
	inEveryForm(t, "quarantine", func(p *program) error {
		_, err := list(p.out, quarantineSheet(p.out.zone), all([]postgres.Quarantined{{
			ID: audit.ID("prod-eu", "b"), CreatedAt: noon, QuarantinedAt: noon.Add(time.Second),
			Reason: "numeric_value_out_of_range (SQLSTATE 22003), column step_index", DeliveredBy: "audit/KubernetesExecution/b", Record: hostile("b", 70),
		}}))
		return err
	})
}

func TestExplanationsTellWhereTheRecordIs(t *testing.T) {
	t.Parallel()
	live, changed := explanation{Asked: "b"}, explanation{Asked: "b"}
	live.place(stored(hostile("b", 70)))
	live.Temporal = forgotten
	r := stored(hostile("b", 70))
	r.Success = true // as if somebody had thought nobody would notice
	changed.place(r)
	changed.Temporal = notAsked
	for name, e := range map[string]explanation{
		"explain-live": live, "explain-changed": changed,
		"explain-delivering": {
			Asked: "audit/KubernetesExecution/b", State: stateDelivering, ID: audit.ID("prod-eu", "b"), Temporal: answered,
			Delivery: &delivery{
				WorkflowID: "audit/KubernetesExecution/b", Status: "Running", StartedAt: noon,
				Attempts: []attempts{{"Redact", 1, 0}, {"Persist", 1, 0}},
				Pending:  []pending{{"Persist", "Scheduled", 7, "append to the store: undefined_table (SQLSTATE 42P01)", noon.Add(time.Minute)}},
			},
		},
		"explain-quarantined": {
			Asked: "b", State: stateQuarantined, ID: audit.ID("prod-eu", "b"), Temporal: notAsked,
			Quarantined: []detention{{noon, "value too long (SQLSTATE 22001)", "audit/KubernetesExecution/b"}},
		},
		"explain-gone":      {Asked: "b", State: stateGone, Temporal: answered},
		"explain-abandoned": {Asked: "b", State: stateAbandoned, Temporal: answered},
		"explain-unknown":   {Asked: "b", State: stateUnknown, Temporal: forgotten},
		"explain-stored":    {Asked: "b", State: stateStored, Temporal: answered, Database: unreachable},
	} {
		e.Database = or(e.Database, answered)
		for format, env := range map[string]environment{formatTable: {}, formatJSON: {}} {
			golden(t, name+"."+format, rendered(t, env, format, func(p *program) error {
				return p.single(e, func(page *page) { e.tell(page) })
			}))
		}
	}
}

func TestMigrationsAreToldByFile(t *testing.T) {
	t.Parallel()
	inTables(t, "migrated", func(p *program) error {
		return p.migrated(migration{1, 3, []string{"0002_roles.sql", "0003_quarantine.sql"}})
	})
	inTables(t, "migrated-already", func(p *program) error { return p.migrated(migration{3, 3, nil}) })
}

func inTables(t *testing.T, name string, show func(*program) error) {
	t.Helper()
	for _, format := range []string{formatTable, formatJSON} {
		golden(t, name+"."+format, rendered(t, environment{}, format, show))
	}
}
