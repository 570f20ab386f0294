package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/auditflow/auditflow/audit"
	"github.com/auditflow/auditflow/store/postgres"
)

func (p *program) showCommand() *cobra.Command {
	return &cobra.Command{
		Use: "show ID", Short: "tell all of one record",
		Long: `Tells all that is kept of one execution. ID is the row's id, as find -o wide tells it.

Stored text is shown with control characters made visible (\n, \x1b, \u202e), so
that it cannot play tricks on the terminal; -o json has it byte by byte.`,
		Example: `  auditctl show 5b0d6fe9-1f9b-5a58-9d5f-6d1c9e7d3c11
  auditctl show 5b0d6fe9-1f9b-5a58-9d5f-6d1c9e7d3c11 -o json | jq -r .output`,
		Args: cobra.ExactArgs(1), ValidArgsFunction: cobra.NoFileCompletions,
		RunE: func(cmd *cobra.Command, args []string) error {
			if !isUUID(args[0]) {
				return usage("%q is not the id of a row, which is a UUID; for a workflow id or the UID of an execution try: auditctl explain", args[0])
			}
			return p.withStore(cmd.Context(), func(store *postgres.Store) error {
				return p.show(cmd.Context(), store, strings.ToLower(args[0]))
			})
		},
	}
}

func (p *program) show(ctx context.Context, store *postgres.Store, id string) error {
	r, err := store.Get(ctx, id)
	if errors.Is(err, postgres.ErrNotFound) {
		return &noError{
			answer: fmt.Sprintf("no record has the id %s, neither live nor restored from the archive", id),
			hint:   "Hint: auditctl explain also looks in quarantine and in Temporal.",
		}
	}
	if err != nil {
		return err
	}
	return p.showRow(r)
}

func (p *program) showRow(r row) error {
	switch p.out.format {
	case formatJSON:
		return indented(p.out, r)
	case formatCSV:
		_, err := list(p.out, sheet[row]{csv: rowFields()}, all([]row{r}))
		return err
	}
	page := newPage(p.out)
	recordPage(page, &r)
	return page.finish()
}

// indented writes one object over many lines.
func indented(o *output, value any) error {
	e := o.encoder()
	e.SetIndent("", "  ")
	return e.Encode(value)
}

// recordPage writes a record in sections, without what is not known.
func recordPage(page *page, r *row) {
	o := page.out
	at := func(t time.Time) string {
		if t.IsZero() {
			return ""
		}
		return t.In(o.zone).Format("2006-01-02 15:04:05.999999 MST")
	}
	page.title(r.ActionType+"  "+target(r), r.Phase, phasePaint(r))

	page.section("Execution")
	page.line("id", r.ID)
	page.line("name", join("/", r.ExecutionNamespace, r.ExecutionID))
	page.line("UID", r.ExecutionUID)
	page.line("kind", r.Source)
	page.line("cluster", r.Cluster)
	page.line("workflow", join(", ", r.WorkflowRef, "step "+strconv.Itoa(int(r.StepIndex))))

	page.section("Target")
	page.line("namespace", r.TargetNamespace)
	page.line("kind", r.TargetResourceKind)
	page.line("name", r.TargetResourceName)

	page.section("Result")
	page.line("success", strconv.FormatBool(r.Success))
	page.line("phase", r.Phase)
	page.line("took", known(lasted(r.Duration)))
	page.line("retries", fmt.Sprintf("%d of %d", r.RetryCount, r.MaxRetries))

	page.section("Job")
	page.line("job", r.JobName)
	page.line("pod", r.JobPodName)
	page.line("exit code", known(optional(r.JobExitCode)))
	page.line("signal", known(optional(r.JobSignal)))
	page.line("reason", r.JobExitReason)
	if usage := r.JobResourceUsage; usage != nil {
		page.line("used", join(", ", millicores(float64(usage.CPUMillicores))+" CPU", mebibytes(float64(usage.MemoryBytes))+" memory"))
		page.line("known from", r.ResourceUsageSource)
	}

	page.section("Times")
	page.line("created", at(r.CreatedAt))
	page.line("started", at(r.StartTime))
	page.line("ended", at(r.EndTime))
	page.line("completed", at(r.CompletedAt))
	page.line("persisted", at(r.PersistedAt))

	page.section("Storage")
	page.line("table", r.Table)
	page.line("delivered by", r.DeliveredBy)
	page.line("policy", r.Policy)
	page.line("SHA-256", r.RecordSHA256)
	changes(page, r.Redactions, r.Notes)

	page.text("Parameters", readable(r.ActionParameters))
	page.text("Output", r.Output)
	page.text("Error", r.Error)
}

// changes tells what is not as the execution had it.
func changes(page *page, redactions []audit.Redaction, notes []audit.Note) {
	if len(redactions) > 0 {
		page.section("Masked")
		for _, m := range redactions {
			page.line(m.Path, m.Rule+times(m.Count))
		}
	}
	if len(notes) > 0 {
		page.section("Changed to be storable")
		for _, n := range notes {
			page.line(n.Path, strings.ReplaceAll(n.Change, "_", " ")+times(n.Count))
		}
	}
}

func times(n int) string {
	if n == 1 {
		return ""
	}
	return fmt.Sprintf(", %d times", n)
}

// readable indents JSON.
func readable(raw json.RawMessage) string {
	var b bytes.Buffer
	if json.Indent(&b, raw, "", "  ") != nil {
		return string(raw)
	}
	return b.String()
}

func known(text string) string {
	if text == unknown {
		return ""
	}
	return text
}

func join(between string, parts ...string) string {
	var present []string
	for _, part := range parts {
		if part != "" {
			present = append(present, part)
		}
	}
	return strings.Join(present, between)
}

// isUUID tells whether s is written like one, in either case.
func isUUID(s string) bool {
	if len(s) != 36 {
		return false
	}
	for i, c := range []byte(s) {
		switch {
		case i == 8 || i == 13 || i == 18 || i == 23:
			if c != '-' {
				return false
			}
		case !strings.ContainsRune("0123456789abcdefABCDEF", rune(c)):
			return false
		}
	}
	return true
}
