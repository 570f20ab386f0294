package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"github.com/auditflow/auditflow/internal/build"
)

func (p *program) versionCommand() *cobra.Command {
	return &cobra.Command{
		Use: "version", Short: "tell the version of auditctl", Args: cobra.NoArgs,
		Long: "Tells the version of auditctl, its commit with the date of that, and the Go release\nit was built with, as --version does.", Example: "  auditctl version",
		RunE: func(*cobra.Command, []string) error {
			_, err := fmt.Fprintln(p.out.to, "auditctl version", build.Read())
			return err
		},
	}
}
