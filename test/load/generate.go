package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/spf13/cobra"

	"github.com/auditflow/auditflow/audit"
)

const urlVariable = "AUDITFLOW_DATABASE_URL"

// scope is the flags that say what a data set is.
type scope struct {
	rows, days int
	seed       uint64
	until      string
}

func (s *scope) flags(cmd *cobra.Command, rows int) {
	flags := cmd.Flags()
	flags.IntVar(&s.rows, "rows", rows, "how many records")
	flags.IntVar(&s.days, "days", 90, "over how many days they are spread")
	flags.Uint64Var(&s.seed, "seed", 1, "the same seed, rows, days and --until give the same records")
	flags.StringVar(&s.until, "until", "", "when the last one completed, in RFC 3339 (default: now)")
}

func (s *scope) dataset() (dataset, error) {
	until := time.Now()
	if s.until != "" {
		var err error
		if until, err = time.Parse(time.RFC3339, s.until); err != nil {
			return dataset{}, errors.New("--until: want an instant in RFC 3339, as 2026-01-31T00:00:00Z")
		}
	}
	return newDataset(s.rows, s.days, s.seed, until)
}

func generateCommand(out io.Writer) *cobra.Command {
	var s scope
	var interval string
	f := fill{progress: newProgress(out)}
	cmd := &cobra.Command{
		Use:   "generate",
		Short: "Fill a migrated database with records of realistic skew",
		Long: `Fills a database that auditctl or a worker has migrated. A few actions and
namespaces make up most of the records, as they do in life; days are busier than
nights; most executions succeed, in seconds; a few wait hours for approval, print
64 KiB or are tried again. Every record is normalised and has the digest it would
have had.

Partitions that are empty are filled without indexes, which are built at the end:
the login must own the table (auditflow_maintainer) or be a superuser. If it is
interrupted, start again with a fresh database.`,
		Example: `  go run ./test/load generate --rows 1000000 --database-url postgres://localhost/audit
  go run ./test/load generate --rows 5000 --days 3 --seed 7 --until 2026-01-31T00:00:00Z`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) (err error) {
			if f.url == "" {
				return errors.New("say which database: --database-url, or " + urlVariable + " in the environment")
			}
			if f.interval, err = audit.ParseInterval(interval); err != nil {
				return fmt.Errorf("--interval: %w", err)
			}
			if f.data, err = s.dataset(); err != nil {
				return err
			}
			return f.run(cmd.Context())
		},
	}
	s.flags(cmd, 1_000_000)
	flags := cmd.Flags()
	flags.StringVar(&f.url, "database-url", os.Getenv(urlVariable), "PostgreSQL URL; everybody on this machine can read flags, so prefer "+urlVariable)
	flags.Lookup("database-url").DefValue = "$" + urlVariable
	flags.StringVar(&interval, "interval", "monthly", "what one partition holds: monthly, weekly or daily")
	flags.BoolVar(&f.append, "append", false, "add to a table that has rows; another --seed gives other records")
	return cmd
}
