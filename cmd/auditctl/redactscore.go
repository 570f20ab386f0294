package main

import (
	"cmp"
	"fmt"
	"io"
	"maps"
	"os"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/auditflow/auditflow/audit/redact/score"
	"github.com/auditflow/auditflow/internal/terminal"
)

const scoreHelp = `Redacts texts of which somebody has said what is secret in them, and tells how much
of what must go is gone, and how much of what must stay was touched.

FILE is JSON, one object per line, gzip or not; - is stdin. Fields: "text",
"secrets" (a list, as they stand in the text), "kind" (which the figures are broken
down by) and "label":
  secret                     its secrets must be gone, to the last 8 bytes in a row
  not-secret, identifier,
  near-miss                  must not be touched
  presumed-clean             ordinary output; the share of its bytes that is masked
  contains-secret-unlocated,
  secret-loose               hold a secret nobody has located; touched is right
Texts under other labels are counted, nothing else.

The table has the kinds with the most mistakes, -o wide all kinds, -o json all of
it as one object.`

func (p *program) scoreCommand() *cobra.Command {
	var flags policyFlags
	cmd := &cobra.Command{
		Use: "score FILE", Short: "measure redaction against texts whose secrets are known", Long: scoreHelp,
		Example: `  auditctl redact score labelled.jsonl.gz
  auditctl redact score labelled.jsonl --policy policy.yaml -o json | jq '.share, .touched_share, .clean_share'`,
		Args: cobra.ExactArgs(1),
	}
	flags.flags(cmd)
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		redactor, err := p.redactor(&flags)
		if err != nil {
			return err
		}
		from := p.input(cmd.Context())
		if args[0] != "-" {
			file, err := os.Open(args[0])
			if err != nil {
				return err
			}
			defer func() { _ = file.Close() }() // nothing was written
			from = &interruptible{cmd.Context(), file}
		}
		report, err := score.Score(from, redactor)
		if err != nil {
			return fmt.Errorf("score %s: %w", args[0], err)
		}
		return p.scored(scored{report, redactor.Version()})
	}
	return cmd
}

// scored is a report and the policy it is about.
type scored struct {
	score.Report
	Policy string `json:"policy"`
}

func (p *program) scored(s scored) error {
	err := p.single(s, func(page *page) {
		page.line("texts", grouped(int64(s.Texts)))
		page.line("policy", s.Policy)
		page.line("removed", outOf(s.Removed, s.Secrets, "secrets that must go"))
		page.line("touched", outOf(s.Touched, s.MustNotTouch, "texts that must stay"))
		page.line("clean", outOf(s.CleanRedacted, s.CleanBytes, "bytes of presumed-clean texts masked"))
		page.line("unlocated", outOf(s.UnlocatedTouched, s.Unlocated, "texts with a secret nobody has located touched"))
	})
	if err != nil || !p.out.forPeople() {
		return err
	}
	kinds := s.kinds(p.out.format == formatWide)
	if len(kinds) == 0 {
		return nil
	}
	if _, err := io.WriteString(p.out.to, "\n"); err != nil {
		return err
	}
	_, err = list(p.out, kindSheet(), all(kinds))
	return err
}

// outOf writes 29 of 30 (96.67 %) secrets; nothing where there are none.
func outOf(n, of int, what string) string {
	if of == 0 {
		return ""
	}
	return fmt.Sprintf("%s of %s (%s) %s", grouped(int64(n)), grouped(int64(of)), percent(float64(n)/float64(of)), what)
}

func percent(share float64) string { return strconv.FormatFloat(100*share, 'f', 2, 64) + " %" }

// kindLine is what a report says of one kind.
type kindLine struct {
	kind string
	*score.Count
}

func (s scored) kinds(every bool) []kindLine {
	names := s.Worst
	if every {
		names = slices.SortedFunc(maps.Keys(s.ByKind), func(a, b string) int {
			return cmp.Or(cmp.Compare(rank(s.Worst, a), rank(s.Worst, b)), strings.Compare(a, b))
		})
	}
	lines := make([]kindLine, len(names))
	for i, name := range names {
		lines[i] = kindLine{name, s.ByKind[name]}
	}
	return lines
}

// rank puts what is in the list first.
func rank(worst []string, kind string) int {
	if i := slices.Index(worst, kind); i >= 0 {
		return i
	}
	return len(worst)
}

func kindSheet() sheet[kindLine] {
	number := func(title string, text func(*kindLine) string) column[kindLine] {
		return column[kindLine]{terminal.Column{Title: title, Right: true}, func(l *kindLine) terminal.Cell { return terminal.Cell{Text: text(l)} }}
	}
	share := func(n, of int) string {
		if of == 0 {
			return unknown
		}
		return fmt.Sprintf("%d/%d", n, of)
	}
	columns := []column[kindLine]{
		{terminal.Column{Title: "KIND", Least: 12}, func(l *kindLine) terminal.Cell { return terminal.Cell{Text: or(l.kind, unknown)} }},
		number("REMOVED", func(l *kindLine) string { return share(l.Removed, l.Secrets) }),
		number("TOUCHED", func(l *kindLine) string { return share(l.Touched, l.MustNotTouch) }),
		number("CLEAN BYTES MASKED", func(l *kindLine) string { return share(l.CleanRedacted, l.CleanBytes) }),
	}
	return sheet[kindLine]{table: columns, wide: columns}
}
