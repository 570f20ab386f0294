package main

import (
	"context"
	"errors"
	"os"
	"os/user"
	"slices"

	"github.com/spf13/cobra"

	"github.com/auditflow/auditflow/activities"
	"github.com/auditflow/auditflow/audit"
	"github.com/auditflow/auditflow/audit/lifecycle"
	"github.com/auditflow/auditflow/store/archive"
	"github.com/auditflow/auditflow/store/postgres"
)

// archiveBucket is the archive with what it takes to use it.
type archiveBucket interface {
	activities.Archive
	Check(context.Context) error
	Close() error
}

// keeping is what commands of maintenance work with.
type keeping struct {
	regime
	store  *postgres.Store // nil when no database was said
	bucket archiveBucket   // nil when no bucket was said, or is wanted
}

// needs says what a command cannot do without, and what it would use.
type needs struct{ database, bucket, wantsBucket bool }

// keep makes a command of something that is done with the database and the bucket.
func (p *program) keep(n needs, do func(context.Context, *keeping, *cobra.Command, []string) error) func(*cobra.Command, []string) error {
	return func(cmd *cobra.Command, args []string) error {
		u, err := p.upkeep()
		if err != nil {
			return err
		}
		return p.withKeeping(cmd.Context(), u, n, func(k *keeping) error { return do(cmd.Context(), k, cmd, args) })
	}
}

func (p *program) withKeeping(ctx context.Context, u regime, n needs, do func(*keeping) error) error {
	switch {
	case n.database && u.database.URL == "":
		return errNoDatabase()
	case n.bucket && u.archive.URL == "":
		return usage("the bucket of the archive is required: --bucket-url, environment variable %s, or maintenance.archive.bucket_url in --config", variableBucket)
	}
	k := &keeping{regime: u}
	if u.database.URL != "" {
		store, err := postgres.Open(ctx, u.database)
		if err != nil {
			return err
		}
		defer store.Close()
		if err := p.connect(ctx, store); err != nil {
			return err
		}
		k.store = store
	}
	if u.archive.URL != "" && (n.bucket || n.wantsBucket) {
		bucket, err := p.openBucket(ctx, u.archive)
		if err != nil {
			return err
		}
		defer bucket.Close()
		k.bucket = bucket
	}
	return do(k)
}

func errNoDatabase() error {
	return usage("database.url: is required, in --config, as environment variable %s or %s, or as --database-url", variableDatabase, variableMaintenance)
}

// openBucket fails when the bucket cannot be read.
func (p *program) openBucket(ctx context.Context, c archive.Config) (archiveBucket, error) {
	bucket, err := archive.Open(ctx, c)
	if err != nil {
		return nil, usage("%w", err)
	}
	connecting, cancel := context.WithTimeout(ctx, p.flags.timeout)
	defer cancel()
	if err := bucket.Check(connecting); err != nil {
		return nil, errors.Join(err, bucket.Close())
	}
	return bucket, nil
}

// filed is what the archive has, as the catalogue says.
func (k *keeping) filed(ctx context.Context) ([]lifecycle.Filed, []audit.Tombstone, error) {
	archived, err := k.store.Archived(ctx, "")
	if err != nil {
		return nil, nil, err
	}
	tombstones, err := k.store.Tombstones(ctx, 0)
	return lifecycle.File(archived, tombstones), tombstones, err
}

// whoami is who does something, unless --by says it.
func whoami() string {
	name := "unknown"
	if u, err := user.Current(); err == nil {
		name = u.Username
	}
	host, err := os.Hostname()
	if err != nil {
		return name
	}
	return name + "@" + host
}

// byFlag is whoever answers for what is done.
func byFlag(cmd *cobra.Command, by *string) {
	cmd.Flags().StringVar(by, "by", "", "who answers for it (default: user@host of this machine)")
}

// dryRunFlag is that of commands that can tell what they would do.
func dryRunFlag(cmd *cobra.Command, dry *bool) {
	cmd.Flags().BoolVar(dry, "dry-run", false, "tell what would be done, change nothing")
}

// holdNumbers are those of some holds.
func holdNumbers(holds []audit.Hold) []int64 {
	numbers := make([]int64, 0, len(holds))
	for _, h := range holds {
		numbers = append(numbers, h.ID)
	}
	slices.Sort(numbers)
	return numbers
}
