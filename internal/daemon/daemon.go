// Package daemon is what the long-running binaries have in common: one strict
// configuration file, the usual flags, signals, logs, and exit codes.
package daemon

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/signal"
	"syscall"

	"github.com/spf13/cobra"

	"github.com/auditflow/auditflow/internal/build"
	"github.com/auditflow/auditflow/internal/config"
	"github.com/auditflow/auditflow/internal/telemetry"
)

// Exit codes.
const (
	exitOK     = 0
	exitFailed = 1 // it ran and could not go on
	exitUsage  = 2 // flags or configuration are wrong; nothing was started
)

// Program is one binary with a configuration of type C.
type Program[C any] struct {
	Name, Short, Long string
	// Flags are flags of this program's own, each with its usage. Load finds the
	// values of those that were given in the reader, by name.
	Flags map[string]string
	// Load reads the configuration file ("" means defaults, flags and
	// environment) and reports all its faults.
	Load func(path string, r *config.Reader) (C, error)
	// Common is the part of the configuration that all programs have.
	Common func(C) Common
	// Run runs until ctx ends.
	Run func(ctx context.Context, c C, log *slog.Logger) error
	// Commands are what the binary can do besides, each made anew for every run.
	// An error of theirs is one of usage, unless it is a [WorkError].
	Commands []func() *cobra.Command
}

// WorkError is the error of a command that was used rightly and could not do all
// of its work. It ends the program with exit code 1.
type WorkError struct{ Err error }

func (f WorkError) Error() string { return f.Err.Error() }
func (f WorkError) Unwrap() error { return f.Err }

// Main runs the program and returns its exit code. SIGINT and SIGTERM end it in
// good order; a second one ends it at once.
func Main[C any](p Program[C], args []string, stdout, stderr io.Writer) int {
	code := exitOK
	cmd := p.command(&code)
	cmd.SetArgs(args)
	cmd.SetOut(stdout)
	cmd.SetErr(stderr)
	if err := cmd.Execute(); err != nil {
		fmt.Fprintf(stderr, "%s: %v\n", p.Name, err)
		var failure WorkError
		switch {
		case errors.As(err, &failure):
			code = exitFailed
		case code == exitOK:
			code = exitUsage
		}
	}
	return code
}

func (p Program[C]) command(code *int) *cobra.Command {
	var flags struct {
		config, listen, level, format, pprof string
		validate, describe                   bool
	}
	own := map[string]*string{}
	cmd := &cobra.Command{
		Use: p.Name, Short: p.Short, Long: p.Long, Version: build.Read().String(),
		Args: cobra.NoArgs, SilenceErrors: true, SilenceUsage: true,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if flags.describe {
				return p.describe(cmd.OutOrStdout())
			}
			given := map[string]string{"listen": flags.listen, "log_level": flags.level, "log_format": flags.format, "pprof": flags.pprof}
			for name, value := range own {
				given[name] = *value
			}
			c, err := p.Load(flags.config, &config.Reader{Env: os.LookupEnv, Flags: given})
			if err != nil {
				return err
			}
			if flags.validate {
				fmt.Fprintln(cmd.OutOrStdout(), "configuration is valid")
				return nil
			}
			*code = exitFailed
			if err := p.run(c, cmd.ErrOrStderr()); err != nil {
				return err
			}
			*code = exitOK
			return nil
		},
	}
	cmd.Flags().StringVarP(&flags.config, "config", "c", "", "configuration file (YAML)")
	cmd.Flags().BoolVar(&flags.validate, "validate-config", false, "check the configuration, report every fault, and exit without starting")
	cmd.Flags().BoolVar(&flags.describe, "describe-config", false, "tell every key of the configuration as JSON, one a line, and exit")
	cmd.Flags().StringVar(&flags.listen, "listen", "", "address of /healthz, /readyz and /metrics (overrides the file)")
	cmd.Flags().StringVar(&flags.level, "log-level", "", "debug, info, warn or error (overrides the file)")
	cmd.Flags().StringVar(&flags.format, "log-format", "", "json or text (overrides the file)")
	cmd.Flags().StringVar(&flags.pprof, "pprof", "", "address of /debug/pprof/, as in 127.0.0.1:6060; off unless given (overrides the file)")
	for name, usage := range p.Flags {
		own[name] = cmd.Flags().String(name, "", usage)
	}
	cmd.CompletionOptions.DisableDefaultCmd = true
	for _, command := range p.Commands {
		cmd.AddCommand(command())
	}
	return cmd
}

func (p Program[C]) run(c C, stderr io.Writer) error {
	common := p.Common(c)
	log := telemetry.Logger(stderr, common.LogFormat, common.LogLevel)
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	defer stop()
	context.AfterFunc(ctx, stop) // from now on a second signal kills
	built := build.Read()
	log.Info("starting", "program", p.Name, "version", built.Version, "commit", built.Commit)
	if common.Pprof != "" {
		if err := telemetry.Profiles(ctx, common.Pprof, log); err != nil {
			return err
		}
	}
	err := p.Run(ctx, c, log)
	asked := ctx.Err() != nil
	if err != nil && (!asked || !errors.Is(err, context.Canceled)) {
		return err
	}
	log.Info("stopped", "program", p.Name)
	return nil
}
