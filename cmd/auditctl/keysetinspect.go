package main

import (
	"os"
	"strconv"

	"github.com/spf13/cobra"

	"github.com/auditflow/auditflow/audit/seal"
	"github.com/auditflow/auditflow/internal/terminal"
)

func (p *program) keysetInspect() *cobra.Command {
	var file string
	cmd := &cobra.Command{
		Use: "inspect [FILE]", Short: "list the keys of a keyset, and nothing of the keys themselves", Args: cobra.MaximumNArgs(1),
		Long: `Lists id, type, status and prefix of every key of a keyset, the oldest first, and
which one is primary. Of the keys themselves it tells nothing. An encrypted keyset
is listed without its KMS; then nothing vouches for what it says.`,
		Example: "  auditctl keyset inspect keyset.json\n  get | auditctl keyset inspect -o json | jq 'select(.primary).id'",
	}
	cmd.Flags().StringVar(&file, "file", "", "the same as FILE; without both, stdin is read")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		if len(args) > 0 && file != "" {
			return usage("give FILE or --file, not both")
		}
		if len(args) > 0 {
			file = args[0]
		}
		keys, err := p.inspectKeyset(cmd, file)
		if err != nil {
			return err
		}
		_, err = list(p.out, keySheet(), all(keys))
		return err
	}
	return cmd
}

func (p *program) inspectKeyset(cmd *cobra.Command, file string) ([]seal.KeyInfo, error) {
	if file == "" || file == "-" {
		return seal.Inspect(p.input(cmd.Context()))
	}
	f, err := os.Open(file)
	if err != nil {
		return nil, err
	}
	defer func() { _ = f.Close() }() // nothing was written
	return seal.Inspect(f)
}

func keySheet() sheet[seal.KeyInfo] {
	type key = seal.KeyInfo
	primary := func(k *key) string {
		if k.Primary {
			return "primary"
		}
		return ""
	}
	columns := []column[key]{
		{terminal.Column{Title: "ID", Right: true}, func(k *key) terminal.Cell { return terminal.Cell{Text: strconv.FormatUint(uint64(k.ID), 10)} }},
		{terminal.Column{Title: "TYPE"}, func(k *key) terminal.Cell { return terminal.Cell{Text: k.Type} }},
		{terminal.Column{Title: "STATUS"}, func(k *key) terminal.Cell { return terminal.Cell{Text: k.Status, Paint: keyPaint(k)} }},
		{terminal.Column{Title: "PREFIX"}, func(k *key) terminal.Cell { return terminal.Cell{Text: k.Prefix} }},
		{terminal.Column{Title: "PRIMARY"}, func(k *key) terminal.Cell { return terminal.Cell{Text: primary(k), Paint: terminal.Bold} }},
	}
	return sheet[key]{table: columns, wide: columns, csv: []field[key]{
		{"id", func(k *key) any { return int64(k.ID) }},
		{"type", func(k *key) any { return k.Type }},
		{"status", func(k *key) any { return k.Status }},
		{"primary", func(k *key) any { return k.Primary }},
		{"prefix", func(k *key) any { return k.Prefix }},
	}}
}

func keyPaint(k *seal.KeyInfo) terminal.Paint {
	if k.Status == "enabled" {
		return terminal.Green
	}
	return terminal.Yellow
}
