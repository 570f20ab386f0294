package main

import (
	"fmt"
	"runtime/debug"

	"github.com/spf13/cobra"
)

func (p *program) versionCommand() *cobra.Command {
	return &cobra.Command{
		Use: "version", Short: "tell the version of auditctl", Args: cobra.NoArgs,
		Long: "Tells the version of auditctl and the Go release it was built with.", Example: "  auditctl version",
		RunE: func(*cobra.Command, []string) error {
			_, err := fmt.Fprintln(p.out.to, version())
			return err
		},
	}
}

func version() string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return "auditctl, version unknown"
	}
	return "auditctl " + or(info.Main.Version, "of an unknown version") + ", " + info.GoVersion
}
