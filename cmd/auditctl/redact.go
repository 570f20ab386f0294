package main

import (
	"context"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"github.com/auditflow/auditflow/audit/redact"
	"github.com/auditflow/auditflow/internal/terminal"
)

const redactHelp = `Masks what is secret in a text, as workers do before a record is kept: from stdin to
stdout. Needs no database.

A text is redacted as a whole, since what a value means may be said lines before
it: at most 64 MiB. --jsonl takes any number of texts, one JSON object per line with
the field "text"; every field stays, and to each object it adds
  redacted   the text with its secrets masked
  findings   [{"rule", "start", "end"}]: what was masked, in bytes of the text in
             UTF-8; end does not belong to it
Lines that cannot be read are told on stderr with their number, and the exit code
is 2 then; all others are written.

--record takes one audit record in JSON, as show -o json tells it, and writes the
record that a worker would keep. --explain tells what is masked where and why, with
the value masked, instead of the text; -o json has it for programs.`

const redactExample = `  # what would be masked in the output of a job, and by which rule
  kubectl logs job/restart-cart | auditctl redact --explain

  # a log that can be shown around
  auditctl redact < job.log > job.redacted.log

  # many texts
  auditctl redact --jsonl < texts.jsonl | jq -c '.findings[]'

  # try a policy on a record that is kept, before it is rolled out
  auditctl show 5b0d6fe9-1f9b-5a58-9d5f-6d1c9e7d3c11 -o json | auditctl redact --record --explain --policy policy.yaml

  # how good is it? on texts of which somebody has said what is secret in them
  auditctl redact score labelled.jsonl.gz`

// redaction is what the flags of redact say.
type redaction struct {
	policy                 policyFlags
	jsonl, record, explain bool
}

func (p *program) redactCommand() *cobra.Command {
	var r redaction
	cmd := &cobra.Command{
		Use: "redact", Short: "mask the secrets in texts, and tell which rule found them", Long: redactHelp, Example: redactExample,
		Args: cobra.NoArgs,
	}
	f := cmd.Flags()
	f.BoolVar(&r.jsonl, "jsonl", false, `stdin holds JSON objects, one per line, with a field "text"`)
	f.BoolVar(&r.record, "record", false, "stdin holds one audit record in JSON")
	f.BoolVar(&r.explain, "explain", false, "tell what is masked and why, instead of the redacted text")
	cmd.MarkFlagsMutuallyExclusive("jsonl", "record")
	cmd.MarkFlagsMutuallyExclusive("jsonl", "explain") // every line has its findings
	r.policy.flags(cmd)
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		if cmd.Flags().Changed("output") && !r.explain {
			return usage("-o is for --explain and for score; what programs read is --jsonl")
		}
		return p.redact(cmd.Context(), &r)
	}
	cmd.AddCommand(p.scoreCommand())
	return cmd
}

func (p *program) redact(ctx context.Context, r *redaction) error {
	redactor, err := p.redactor(&r.policy)
	if err != nil {
		return err
	}
	switch {
	case r.jsonl:
		return p.redactLines(p.input(ctx), redactor)
	case r.record:
		return p.redactRecord(p.input(ctx), redactor, r.explain)
	}
	text, err := wholeText(p.input(ctx))
	switch {
	case err != nil:
		return err
	case r.explain:
		return p.explainText(text, redactor)
	}
	masked, _ := redactor.Text(text)
	return p.text(masked)
}

// text writes text as it is; to a terminal so that it obeys nothing in it.
func (p *program) text(s string) error {
	if p.person {
		s = terminal.EscapeText(s)
	}
	_, err := io.WriteString(p.out.to, s)
	return err
}

// maxText bounds a text, and a line of many, in bytes: redaction is linear up to
// there at least, and needs several times as much memory.
const maxText = 64 << 20

// wholeText reads a text that must not be too long.
func wholeText(from io.Reader) (string, error) {
	var text strings.Builder
	n, err := io.Copy(&text, io.LimitReader(from, maxText+1))
	if err != nil {
		return "", err
	}
	if n > maxText {
		return "", usage("stdin holds more than 64 MiB (%s bytes): a text is redacted as a whole; divide it, or give many texts with --jsonl", grouped(maxText))
	}
	return text.String(), nil
}

// redactRecord does what a worker does with an observed record.
func (p *program) redactRecord(from io.Reader, r *redact.Redactor, explain bool) error {
	text, err := wholeText(from)
	if err != nil {
		return err
	}
	record, err := parseRecord(text, r)
	if err != nil {
		return err
	}
	record.Policy = r.Version()
	record = r.Normalised(record)
	record.RecordSHA256 = record.Digest()
	if explain {
		return p.explainRecord(record)
	}
	return indented(p.out, record)
}
