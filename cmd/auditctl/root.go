package main

import (
	"time"

	"github.com/spf13/cobra"

	"github.com/auditflow/auditflow/internal/build"
)

const rootHelp = `Answers an auditor's questions about executions, from the database that auditflow
keeps, and lets operators look after it: partitions, archive, holds, retention. status,
doctor, find, show, explain, report, verify and all that lists or has --dry-run change
nothing. keyset and redact need no database: they make the keys of envelopes, and show
what redaction does to a text.

Where the database is, the first of: --database-url (anybody on this machine can
see it in the list of processes: better not), environment ` + variableDatabase + `,
--config. Where the archive is: --bucket-url, ` + variableBucket + `, --config.
Configuration (YAML; the worker's file will do; all keys may be left out):

  database:
    url: postgres://auditor@db.prod/audit?sslmode=verify-full
    password_file: /run/secrets/auditor   # instead of a password in the URL
  temporal:                               # for explain, status, doctor and maintenance
    address: 127.0.0.1:7233
    namespace: default                    # and api_key_file and tls, as the worker has them
  maintenance:
    database_url: postgres://…            # of a login that may change things (or
                                          # ` + variableMaintenance + `)
    archive: {bucket_url: 's3://audit?region=eu-central-1', after: 90d}
    retention: {mode: partitions, after: 90d, archive_after: 0}

Tables are for people: times in --time-zone, quantities with units, cut to the
screen on a terminal and never in a pipe. Programs read -o json (one object per
line, the field names of the record, durations in nanoseconds) or -o csv
(RFC 4180; text that a spreadsheet would run as a formula begins with ').

Exit codes:
  0    fine
  1    the answer is no: not found, stays in quarantine, migrations are pending,
       a digest differs, the archive is not intact, a run of maintenance failed,
       the doctor found a fault, something is refused because it must not be
  2    flags, configuration or input wrong
  3    database, bucket, Temporal or KMS not reachable, or they refused; the answer
       could not be written
  130  interrupted`

const rootExample = `  export ` + variableDatabase + `='postgres://auditor@db.prod/audit?sslmode=verify-full'
  auditctl find --namespace 'prod-*' --failed --since 24h
  auditctl show 5b0d6fe9-1f9b-5a58-9d5f-6d1c9e7d3c11
  auditctl report durations --since 7d`

func (p *program) root() *cobra.Command {
	p.flags.zone = zone{time.UTC}
	root := &cobra.Command{
		Use: "auditctl", Short: "the audit trail of Kubernetes executions", Long: rootHelp, Example: rootExample, Version: build.Read().String(),
		SilenceErrors: true, SilenceUsage: true,
		PersistentPreRun: func(*cobra.Command, []string) { p.out = p.newOutput() },
	}
	f := root.PersistentFlags()
	f.StringVarP(&p.flags.config, "config", "c", "", "configuration file (YAML)")
	f.StringVar(&p.flags.databaseURL, "database-url", "", "PostgreSQL URL; visible to others in the list of processes, prefer "+variableDatabase)
	f.StringVar(&p.flags.temporalAddress, "temporal-address", "", "host:port of Temporal (or "+variableAddress+"; default "+defaultTemporal+")")
	f.StringVar(&p.flags.temporalNamespace, "temporal-namespace", "", "namespace in Temporal (or "+variableNamespace+"; else the one called default)")
	formats := oneOf(&p.flags.format, formatTable, formatWide, formatJSON, formatCSV)
	colors := oneOf(&p.flags.color, "auto", "always", "never")
	f.VarP(formats, "output", "o", "how to write the answer")
	f.Var(colors, "color", "colours; auto is on a terminal, unless "+variableNoColor+" is set")
	f.DurationVar(&p.flags.timeout, "timeout", 10*time.Second, "how long connecting may take")
	f.Var(&p.flags.zone, "time-zone", "in which tables tell the time, as Europe/Berlin or Local")
	words(root, "output", formats.allowed...)
	words(root, "color", colors.allowed...)
	root.SetFlagErrorFunc(func(cmd *cobra.Command, err error) error {
		return usage("%w (see %s --help)", err, cmd.CommandPath())
	})
	f.StringVar(&p.flags.bucketURL, "bucket-url", "", "bucket of the archive: file:///dir, s3://, gs://, azblob:// (or "+variableBucket+")")
	group(root, p.statusCommand(), p.doctorCommand(), p.findCommand(), p.showCommand(), p.explainCommand(), p.reportCommand(), p.quarantineCommand(), p.migrateCommand(),
		p.partitionsCommand(), p.archiveCommand(), p.verifyCommand(), p.holdCommand(), p.restoreCommand(), p.retentionCommand(),
		p.keysetCommand(), p.redactCommand(), p.versionCommand())
	return root
}

// group is a command that is there for its subcommands: alone it prints help.
func group(cmd *cobra.Command, commands ...*cobra.Command) *cobra.Command {
	cmd.Args = cobra.ArbitraryArgs // else cobra takes a wrong word for a wish for help
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		if len(args) > 0 {
			return usage("unknown command %q (see %s --help)", args[0], cmd.CommandPath())
		}
		return cmd.Help()
	}
	cmd.AddCommand(commands...)
	return cmd
}
