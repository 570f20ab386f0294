package main

import (
	"context"
	"fmt"
	"time"
)

// partman lets pg_partman do what it can of the same work beside the same load: it
// makes as many partitions ahead and drops those of as long ago, without an
// archive. Without the extension there are no figures but a reason.
func (b *bench) partman(ctx context.Context) (_ *lockFigures, missing string, err error) {
	l := &lockBench{bench: b}
	if l.database, err = b.newDatabase(ctx); err != nil {
		return nil, "", err
	}
	conn, err := l.database.connect(ctx, asMaintenance)
	if err != nil {
		return nil, "", err
	}
	defer conn.Close(context.WithoutCancel(ctx))
	var there bool
	if err := conn.QueryRow(ctx, `SELECT EXISTS (SELECT FROM pg_available_extensions WHERE name = 'pg_partman')`).Scan(&there); err != nil {
		return nil, "", err
	}
	if !there {
		return nil, "pg_partman is not installed beside this PostgreSQL " + b.world.Postgres.Version +
			"; Debian has it as postgresql-15-partman, and tools/build.sh partman installs it as root", nil
	}
	now := time.Now().UTC()
	if err := l.adoptByPartman(ctx, now); err != nil {
		return nil, "", err
	}
	if err := b.generate(ctx, l.database.admin, b.lockRows, yearDays, now); err != nil {
		return nil, "", err
	}
	store, err := l.database.open(ctx, "", "bench", 2) // the partitions are not maintenance's
	if err != nil {
		return nil, "", err
	}
	defer store.Close()
	f, err := l.beside(ctx, store, now, func(ctx context.Context) (err error) {
		stopReader := startReader(ctx, l.database, readerEach, readerBreath)
		defer func() {
			if stopped := stopReader(); err == nil {
				err = stopped
			}
		}()
		return l.step("run_maintenance", func() (string, error) {
			before, err := l.partitions(ctx)
			if err != nil {
				return "", err
			}
			if _, err := conn.Exec(ctx, `SELECT partman.run_maintenance('public.`+auditTable+`')`); err != nil {
				return "", err
			}
			after, err := l.partitions(ctx)
			return fmt.Sprintf("%d partitions, then %d", before, after), err
		})
	})
	return f, "", err
}

// adoptByPartman hands a table without partitions to pg_partman, which makes those
// of the last year. Its default partition goes: ours has none either, and it would
// have to be searched, under lock, for every new partition.
func (l *lockBench) adoptByPartman(ctx context.Context, now time.Time) error {
	start := time.Date(now.Year()-1, now.Month(), 1, 0, 0, 0, 0, time.UTC).Format(time.DateOnly)
	retention := fmt.Sprintf("%d days", int(liveFirst/(24*time.Hour)))
	return l.database.execute(ctx,
		`CREATE SCHEMA partman`,
		`CREATE EXTENSION pg_partman SCHEMA partman`,
		`SELECT partman.create_parent('public.`+auditTable+`', 'created_at', 'native', 'monthly',
			p_premake := 1, p_start_partition := '`+start+`')`,
		`DROP TABLE public.`+auditTable+`_default`,
		fmt.Sprintf(`UPDATE partman.part_config SET premake = %d, infinite_time_partitions = true,
			retention = '%s', retention_keep_table = false`, createAhead, retention))
}

func (l *lockBench) partitions(ctx context.Context) (n int, err error) {
	conn, err := l.database.connect(ctx, "bench")
	if err != nil {
		return 0, err
	}
	defer conn.Close(context.WithoutCancel(ctx))
	return n, conn.QueryRow(ctx, `SELECT count(*) FROM pg_inherits WHERE inhparent = '`+auditTable+`'::regclass`).Scan(&n)
}
