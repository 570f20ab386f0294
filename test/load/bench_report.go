package main

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"github.com/auditflow/auditflow/test/load/price"
)

func reportCommand(out io.Writer) *cobra.Command {
	var file, plots string
	cmd := &cobra.Command{
		Use:   "report",
		Short: "Print what bench has written as tables, and draw its plots",
		Long: `Reads the figures of bench and prints them as tables in Markdown, for docs/performance.md.
With --plots it draws them, too, as SVG.`,
		Example: "  go run ./test/load report --plots docs/img",
		Args:    cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			text, err := os.ReadFile(file)
			if err != nil {
				return err
			}
			var figures price.Figures
			if err := json.Unmarshal(text, &figures); err != nil {
				return fmt.Errorf("read %s: %w", file, err)
			}
			if _, err := io.WriteString(out, figures.Markdown()); err != nil || plots == "" {
				return err
			}
			return draw(plots, figures.Plots())
		},
	}
	flags := cmd.Flags()
	flags.StringVar(&file, "figures", "out/bench.json", "file that bench has written")
	flags.StringVar(&plots, "plots", "", "directory for the plots; none are drawn unless given")
	return cmd
}

func draw(dir string, plots map[string]string) error {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	for name, plot := range plots {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(plot), 0o644); err != nil {
			return err
		}
	}
	return nil
}
