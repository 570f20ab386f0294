package main

import (
	"bufio"
	"context"
	"errors"
	"io"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/auditflow/auditflow/audit"
	"github.com/auditflow/auditflow/audit/lifecycle"
	"github.com/auditflow/auditflow/cmd/internal/upkeep"
	"github.com/auditflow/auditflow/internal/terminal"
)

// confirmation is what somebody wants to put in force.
type confirmation struct {
	mode             string
	after            span
	archiveAfter     span
	yes              bool
	by               string
	given            func(flag string) bool
	configuredAtAll  bool
	configuredPolicy lifecycle.Retaining
}

func (p *program) retentionConfirm() *cobra.Command {
	var c confirmation
	cmd := &cobra.Command{
		Use: "confirm", Short: "put a retention in force that deletes sooner than before",
		Long: `Puts the configured retention in force (the worker's file, --config), or one that is
said with flags. That is needed when it deletes sooner than the one that was in force:
until then retention deletes nothing. Shows the old and the new one, and asks; where
nobody can be asked, --yes is required.

It does not change the worker's configuration, and nothing is deleted by it: the next
run of retention does. auditctl retention plan tells what that would be. Needs a
login with role auditflow_maintainer.`,
		Example: "  auditctl retention confirm --config worker.yaml\n  auditctl retention confirm --after 90d --archive-after 3660d --yes",
		Args:    cobra.NoArgs,
	}
	f := cmd.Flags()
	f.Var(oneOf(&c.mode, upkeep.Modes()...), "mode", "what is deleted in the database: whole partitions, exactly the rows that have expired, or nothing")
	f.Var(&c.after, "after", "age from which records leave the database: 90d, 26w")
	f.Var(&c.archiveAfter, "archive-after", "age from which they leave the archive, too: 3660d; 0s is never")
	f.BoolVar(&c.yes, "yes", false, "do not ask")
	byFlag(cmd, &c.by)
	words(cmd, "mode", upkeep.Modes()...)
	cmd.RunE = p.keep(needs{database: true}, func(ctx context.Context, k *keeping, cmd *cobra.Command, _ []string) error {
		c.given, c.configuredAtAll, c.configuredPolicy = cmd.Flags().Changed, k.retentionGiven, k.plan.Retention
		wanted, err := c.resolve()
		if err != nil {
			return err
		}
		wanted.ConfirmedBy = or(c.by, whoami())
		return p.confirm(ctx, k, wanted, c.yes)
	})
	return cmd
}

// resolve puts flags before the configuration. The defaults of a configuration
// that says nothing of retention are nobody's decision.
func (c *confirmation) resolve() (audit.Retention, error) {
	flags := c.given("mode") || c.given("after") || c.given("archive-after")
	if !flags && !c.configuredAtAll {
		return audit.Retention{}, usage("which retention? Say the worker's file with --config, which has maintenance.retention, or --after")
	}
	policy := c.configuredPolicy
	if c.given("mode") {
		policy.Mode = audit.RetentionMode(c.mode)
	}
	if c.given("after") {
		policy.After = lifecycle.Age(c.after)
	}
	if c.given("archive-after") {
		policy.ArchiveAfter = lifecycle.Age(c.archiveAfter)
	}
	if err := policy.Check(); err != nil {
		return audit.Retention{}, usage("the retention is not valid:\n%w", err)
	}
	return policy.Retention(), nil
}

// confirmed is a change of the retention.
type confirmed struct {
	Old     *retentionWords `json:"old,omitempty"` // nil when none was in force
	New     retentionWords  `json:"new"`
	Shorter bool            `json:"shorter"` // something is deleted sooner
	Changed bool            `json:"changed"`
}

// retentionWords is a retention as people write it.
type retentionWords struct {
	Mode         audit.RetentionMode `json:"mode"`
	After        lifecycle.Age       `json:"after"`
	ArchiveAfter lifecycle.Age       `json:"archive_after"`
	ConfirmedBy  string              `json:"confirmed_by,omitempty"`
	ConfirmedAt  time.Time           `json:"confirmed_at,omitzero"`
}

func inWords(r audit.Retention) retentionWords {
	return retentionWords{r.Mode, lifecycle.Age(r.Live), lifecycle.Age(r.Archive), r.ConfirmedBy, r.ConfirmedAt}
}

func (p *program) confirm(ctx context.Context, k *keeping, wanted audit.Retention, yes bool) error {
	inForce, err := k.store.ConfirmedRetention(ctx)
	if err != nil {
		return err
	}
	change := confirmed{New: inWords(wanted), Shorter: lifecycle.CheckShortening(wanted, inForce) != nil, Changed: lifecycle.Differs(wanted, inForce)}
	if inForce.Mode != "" {
		old := inWords(inForce)
		change.Old = &old
	} else {
		change.Changed = true
	}
	if change.Changed && !yes {
		p.tell("In force: %s", lifecycle.Words(inForce))
		p.tell("New:      %s", lifecycle.Words(wanted))
		if err := p.askWhether("Put it in force? [y/N] "); err != nil {
			return err
		}
	}
	if change.Changed {
		if err := k.store.ConfirmRetention(ctx, wanted); err != nil {
			return err
		}
	}
	return p.single(change, func(page *page) { change.tell(page, inForce, wanted) })
}

func (c *confirmed) tell(page *page, inForce, wanted audit.Retention) {
	if !c.Changed {
		page.say("", "is in force already: %s", lifecycle.Words(wanted))
		page.line("since", instant(inForce.ConfirmedAt, page.out.zone))
		page.line("by", inForce.ConfirmedBy)
		return
	}
	page.title("Retention", "in force", terminal.Green)
	if c.Old != nil {
		page.line("old", lifecycle.Words(inForce))
	} else {
		page.line("old", "none")
	}
	page.line("new", lifecycle.Words(wanted))
	page.line("by", c.New.ConfirmedBy)
	if c.Shorter {
		page.say(terminal.Yellow, "deletes sooner than before: auditctl retention plan tells what")
	}
}

// askWhether asks somebody at a terminal. Anything but yes is no.
func (p *program) askWhether(question string) error {
	if !p.person || p.stdin == nil {
		return usage("nobody can be asked here: --yes puts it in force")
	}
	p.prompt(question)
	answer, err := bufio.NewReader(p.stdin).ReadString('\n')
	if err != nil && !errors.Is(err, io.EOF) {
		return usage("read the answer: %w", err)
	}
	switch strings.ToLower(strings.TrimSpace(answer)) {
	case "y", "yes":
		return nil
	}
	return no("nothing was changed")
}
