package main

import (
	"context"
	"fmt"
	"io"
	"strconv"

	"github.com/spf13/cobra"

	"github.com/auditflow/auditflow/audit/seal"
)

const keysetHelp = `Makes the keysets that envelopes are sealed with and that name secrets in masks,
and takes the steps of a rotation. Needs no database.

With FILE that file is changed: the new version is written beside it, readable by
its owner only, and takes its place in one step. Without FILE a keyset is read
from stdin (or --file) and the changed one goes to stdout. Keys go nowhere else,
and never to a terminal.

A rotation is three versions of one Secret; each has to reach every process before
the next:
  rotate    everybody learns a new key, nobody seals with it yet
  promote   the doors begin to seal with it, the old key still opens
  disable   the old key opens nothing; enable takes that back
  destroy   it is gone, with every envelope that still needs it

A keyset that is encrypted by a KMS stays so: --kms-uri says by which key.`

const keysetExample = `  # the first keyset, into a Secret or into a file
  auditctl keyset create | kubectl create secret generic auditflow-keyset --from-file=keyset.json=/dev/stdin
  auditctl keyset create -o keyset.json

  # a rotation of that file, with time between the steps
  auditctl keyset rotate keyset.json
  auditctl keyset inspect keyset.json        # the new key is in the last line
  auditctl keyset promote keyset.json 305419896
  auditctl keyset disable keyset.json 87654321
  auditctl keyset destroy keyset.json 87654321`

func (p *program) keysetCommand() *cobra.Command {
	return group(&cobra.Command{
		Use: "keyset", Short: "make and rotate the keys of envelopes and of tokens", Long: keysetHelp, Example: keysetExample,
	}, p.keysetCreate(), p.keysetInspect(), p.keysetRotate(),
		p.keysetStep(keyStep{
			name: "promote", short: "seal with another key from now on",
			long: "Makes a key primary: what is sealed from now on is sealed with it, and the others\nstill open. Every process must have learned the key before.",
			take: (*seal.Keyset).Promote, done: "key %d seals from now on; the others still open",
		}),
		p.keysetStep(keyStep{
			name: "enable", short: "let a key open envelopes again",
			long: "Takes disable back: envelopes that waited for the key go through when every\nprocess has read the keyset.",
			take: (*seal.Keyset).Enable, done: "key %d opens envelopes again",
		}),
		p.keysetStep(keyStep{
			name: "disable", short: "let a key open nothing, until it is enabled",
			long: "Keeps a key but lets it open nothing. Envelopes that need it wait as pending\nactivities with failure type key_unknown; enable lets them through.",
			take: (*seal.Keyset).Disable, done: "key %d opens nothing until it is enabled",
		}),
		p.keysetStep(keyStep{
			name: "destroy", short: "take a disabled key out of the keyset, for good",
			long: "Takes a key out of the keyset, for good: envelopes that need it can never be opened\nagain. Only what has been disabled can be destroyed; wait out the retention of the\nTemporal namespace first.",
			take: (*seal.Keyset).Destroy, done: "key %d is gone, and with it every envelope that needs it",
		}),
	)
}

// keyStep is a step of a rotation that is about one key.
type keyStep struct {
	name, short, long string
	take              func(*seal.Keyset, uint32) error
	done              string // with the key's id
}

func (p *program) keysetStep(step keyStep) *cobra.Command {
	var from keysetSource
	cmd := &cobra.Command{
		Use: step.name + " [FILE] ID", Short: step.short, Args: cobra.RangeArgs(1, 2),
		Long:    step.long + "\n\nID is as keyset inspect tells it. Without FILE the changed keyset goes to stdout.",
		Example: "  auditctl keyset " + step.name + " keyset.json 305419896\n  auditctl keyset " + step.name + " keyset.json 305419896 && apply < keyset.json",
	}
	from.flags(cmd)
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		last := len(args) - 1
		id, err := keyID(args[last])
		if err != nil {
			return err
		}
		return p.changeKeyset(cmd.Context(), &from, args[:last], func(k *seal.Keyset) (string, error) {
			return fmt.Sprintf(step.done, id), step.take(k, id)
		})
	}
	return cmd
}

func keyID(text string) (uint32, error) {
	id, err := strconv.ParseUint(text, 10, 32)
	if err != nil {
		return 0, usage("the last word has to be the id of a key, a number as keyset inspect tells it")
	}
	return uint32(id), nil
}

func (p *program) keysetRotate() *cobra.Command {
	var from keysetSource
	cmd := &cobra.Command{
		Use: "rotate [FILE]", Short: "add a key that opens envelopes but does not seal them yet", Args: cobra.MaximumNArgs(1),
		Long: `Adds a key that opens envelopes but does not seal them yet, and tells its id on
stderr. When every process has logged "keyset changed", promote it. The key of
tokens is not rotated: tokens of two keys cannot be compared.`,
		Example: "  auditctl keyset rotate keyset.json && apply < keyset.json",
	}
	from.flags(cmd)
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		return p.changeKeyset(cmd.Context(), &from, args, func(k *seal.Keyset) (string, error) {
			id, err := k.Rotate()
			return fmt.Sprintf("added key %d: it opens envelopes, and seals none before it is promoted", id), err
		})
	}
	return cmd
}

// changeKeyset carries out one step, in a file or on the way from stdin to
// stdout, and tells what was done.
func (p *program) changeKeyset(ctx context.Context, from *keysetSource, args []string, step func(*seal.Keyset) (done string, err error)) error {
	file, err := from.choose(args)
	if err != nil {
		return err
	}
	kek, err := from.kms.kek()
	if err != nil {
		return err
	}
	var done string
	change := func(r io.Reader, w io.Writer) error {
		k, err := seal.ReadKeyset(r, kek)
		if err != nil {
			return from.kms.verdict(err)
		}
		if done, err = step(k); err != nil {
			return no("%v", err)
		}
		return from.kms.verdict(k.Write(w, kek))
	}
	if file == "" {
		err = p.pipeKeyset(ctx, from.file, change)
	} else {
		err = p.replaceKeyset(file, change)
	}
	if err != nil {
		return err
	}
	p.tell("%s", done)
	return nil
}

// keysetSource says where a keyset is read from.
type keysetSource struct {
	file string // that is read and not changed
	kms  kms
}

func (s *keysetSource) flags(cmd *cobra.Command) {
	cmd.Flags().StringVar(&s.file, "file", "", "read the keyset there instead of from stdin; the changed one goes to stdout")
	s.kms.flags(cmd)
}

// choose returns the file that is to be changed, "" for none.
func (s *keysetSource) choose(args []string) (string, error) {
	if len(args) == 0 || args[0] == "-" {
		return "", nil
	}
	if s.file != "" {
		return "", usage("give FILE, which is changed, or --file, which is read only: not both")
	}
	return args[0], nil
}
