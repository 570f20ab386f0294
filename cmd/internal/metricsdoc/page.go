package main

import (
	"fmt"
	"io"
	"slices"
	"strings"
	"text/template"
)

// page is what people read. What it says besides the tables is true of any
// metrics there may be.
var page = template.Must(template.New("").Parse(`<!-- Made by "make generate" from the code; "make lint" fails when it is not up to date. -->

# Metrics

For whoever watches auditflow at night. Every program serves these at ` + "`/metrics`" + `; alerts on them are in
[deploy/alerts.yaml](../deploy/alerts.yaml), and [runbook.md](runbook.md) tells what to do about each. Labels have few values, known
when a program is built or configured; none has an id. A controller with ` + "`--embedded-worker`" + ` serves those of the worker, too.

Gauges of the trail and of schedules are told by every worker that does maintenance, and all tell the same: take ` + "`max by`" + `, not
the sum. What a server did not tell has no sample; the ` + "`…_read_failures_total`" + ` beside it counts how often. Rows that are live are
PostgreSQL's estimate.

## Is anything lost?

Of each source (kind of objects in the cluster) the controller that leads counts what it sees in the cluster, every 15 s:

` + "```" + `
lost = auditflow_completed_objects - auditflow_persisted_objects - auditflow_pending_objects
` + "```" + `

*Completed* has ended and is to be recorded; *persisted* says on the object that its row is committed; *pending* has no such mark
and is being delivered. What remains is in nobody's hands. It is above 0 for the moment between the end of an execution and its
reconciliation, and must not stay there. None of the three counts what this process did, so the difference is as right after a
restart as before. What it cannot show: objects that were removed before anybody saw them end (the finalizer keeps that from
happening), those that Temporal has and that were let go because somebody deleted them (` + "`kubernaut_kubernetesexecutor_pending_audit_records`" + `
has them until their row is committed), and records that came over HTTP, which have no object: there 201 says that Temporal has
them. Whether a mark is true, ` + "`auditctl explain`" + ` and ` + "`auditctl verify`" + ` tell.

## What others asked for

Names and labels are a contract with those who had dashboards before us.
{{template "table" .Seed}}
## auditflow
{{template "table" .Own}}
## Libraries

Temporal's SDK tells of its requests, polls and tasks as ` + "`temporal_…`" + ` (counters end in ` + "`_total`" + `, timers are histograms in
` + "`_seconds`" + `), in {{.SDK.Where}}, always with the labels {{.SDK.Labels}}. Go's runtime and the process tell theirs as
` + "`go_…`" + ` and ` + "`process_…`" + ` everywhere. In the controller there are those of controller-runtime, its queues and client-go:
{{template "others" .Others}}
{{- define "table"}}
| metric | type | labels | unit | in | tells |
|---|---|---|---|---|---|
{{range .}}| ` + "`{{.Name}}`" + ` | {{.Kind}} | {{.Labels}} | {{.Unit}} | {{.Where}} | {{.Help}} |
{{end}}{{end}}
{{- define "others"}}
| metric | labels | tells |
|---|---|---|
{{range .}}| ` + "`{{.Name}}`" + ` | {{.Labels}} | {{.Help}} |
{{end}}{{end}}`))

func write(w io.Writer, families []family) error {
	with := func(prefix string) []family {
		return slices.DeleteFunc(slices.Clone(families), func(f family) bool { return !strings.HasPrefix(f.name, prefix) })
	}
	library := []string{"kubernaut_", "auditflow_", "go_", "process_", sdkPrefix}
	others := slices.DeleteFunc(slices.Clone(families), func(f family) bool {
		return slices.ContainsFunc(library, func(prefix string) bool { return strings.HasPrefix(f.name, prefix) })
	})
	ofSDK := with(sdkPrefix)
	if len(ofSDK) != 1 {
		return fmt.Errorf("want one example of the SDK's metrics, not %d", len(ofSDK))
	}
	return page.Execute(w, map[string]any{"Seed": with("kubernaut_"), "Own": with("auditflow_"), "Others": others, "SDK": ofSDK[0]})
}

// What a template calls.

func (f family) Name() string { return f.name }

func (f family) Kind() string { return f.kind }

func (f family) Where() string { return strings.Join(f.in, ", ") }

func (f family) Help() string { return strings.NewReplacer("|", "\\|", "\n", " ").Replace(f.help) }

func (f family) Labels() string {
	if len(f.labels) == 0 {
		return ""
	}
	return "`" + strings.Join(f.labels, "`, `") + "`"
}

// Unit is what the name ends in, as names do here.
func (f family) Unit() string {
	name := strings.TrimSuffix(f.name, "_total")
	switch {
	case strings.HasSuffix(name, "_seconds"):
		return "seconds"
	case strings.HasSuffix(name, "_bytes"):
		return "bytes"
	case strings.HasPrefix(f.help, "1 w"):
		return "0 or 1"
	}
	return "count"
}
