package main

import (
	"context"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/auditflow/auditflow/cmd/internal/doctor"
)

func (p *program) doctorCommand() *cobra.Command {
	var write, strict bool
	cmd := &cobra.Command{
		Use: "doctor", Short: "is everything there that auditflow needs, and what to do if not",
		Long: `Checks what auditflow needs and says for every fault what to do about it, in a line:

  Temporal  server, namespace and its retention, search attributes, workers on both
            task queues, the four schedules (there, not paused, as configured), clock
  database  server, schema, rights of the roles, the login of every day and that of
            maintenance, partitions ahead, clock
  archive   listing and reading the bucket, writing (only with --write: a small object
            is written, read and deleted), object lock if one is configured
  keys      whether the keyset seals and opens, and the redaction policy can be used

Give it the file of the worker, --config worker.yaml, where the worker runs: then it
looks through the worker's eyes, with its logins and credentials. Without a file it
checks what flags and environment name. What it could not check it says, and why.

It changes nothing, --write apart. Each question is given --timeout.

Exit code 0 if there is no fault, 1 if there is one, 3 if a server was not reached;
--strict counts warnings as faults.`,
		Example: `  auditctl doctor --config worker.yaml
  kubectl exec deploy/auditflow-worker -- auditctl doctor --config /etc/auditflow/worker.yaml
  auditctl doctor --config worker.yaml --write --strict && echo ready
  auditctl doctor -o json | jq -r '.checks[] | select(.state == "fault") | .cure'`,
		Args: cobra.NoArgs,
	}
	cmd.Flags().BoolVar(&write, "write", false, "also try to write to the bucket, and to delete what was written")
	cmd.Flags().BoolVar(&strict, "strict", false, "exit code 1 for warnings, too")
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		if p.out.format == formatCSV {
			return usage("there is no CSV of this answer, only table and json")
		}
		patient, err := p.patient()
		if err != nil {
			return err
		}
		defer patient.Temporal.Close()
		exam := doctor.Exam{Write: write, Limit: p.flags.timeout, Now: p.now}
		return p.diagnosed(cmd.Context(), exam, patient, strict)
	}
	return cmd
}

// diagnosis is what -o json writes.
type diagnosis struct {
	At     time.Time        `json:"at"`
	State  doctor.State     `json:"state"` // the worst
	Checks []doctor.Finding `json:"checks"`
}

func (p *program) diagnosed(ctx context.Context, exam doctor.Exam, patient doctor.Patient, strict bool) error {
	d := diagnosis{At: p.now().UTC(), Checks: exam.Examine(ctx, patient)}
	if ctx.Err() != nil {
		return ctx.Err()
	}
	d.State, _ = doctor.Worst(d.Checks)
	if err := p.single(d, func(page *page) { d.tell(page) }); err != nil {
		return err
	}
	return d.verdict(strict)
}

// verdict is the error that makes the exit code of the worst.
func (d diagnosis) verdict(strict bool) error {
	worst, away := doctor.Worst(d.Checks)
	switch {
	case away:
		return &failure{err: fmt.Errorf("%s, and not all servers were reached", d.summary())}
	case worst == doctor.Fault, worst == doctor.Warning && strict:
		return no("%s", d.summary())
	}
	return nil
}

// summary counts what is not as it should be.
func (d diagnosis) summary() string {
	count := map[doctor.State]int64{}
	for _, f := range d.Checks {
		count[f.State]++
	}
	text := plural(count[doctor.Fault], "fault") + ", " + plural(count[doctor.Warning], "warning")
	if n := count[doctor.NotChecked]; n > 0 {
		text += ", " + grouped(n) + " not checked"
	}
	return text
}
