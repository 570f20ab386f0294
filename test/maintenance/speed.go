package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path/filepath"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/auditflow/auditflow/audit"
)

// The period that is archived.
//
//nolint:gochecknoglobals // constants that take calls to write
var (
	speedPeriod    = audit.PeriodOf(audit.Monthly, time.Date(2025, 1, 1, 0, 0, 0, 0, time.UTC))
	speedPartition = auditTable + "_" + speedPeriod.Suffix()
)

// restoreRows is about how many rows are restored; the rate is what matters.
const restoreRows = 200_000

// speedBench is a period in a database and its archive.
type speedBench struct {
	*bench
	database benchDatabase
	bucket   string
	keeper   *benchKeeper

	copied, archived time.Duration // all rounds of each
	rows             int64         // of the period
	last             archivedOnce
}

// measureSpeed archives a period, in turn with COPY of it, and does with the
// archive what one has it for.
func (b *bench) measureSpeed(ctx context.Context, f *figures) (err error) {
	s := &speedBench{bench: b, bucket: filepath.Join(b.dir, "archive")}
	if s.database, err = b.newDatabase(ctx); err != nil {
		return err
	}
	days := int(speedPeriod.End.Sub(speedPeriod.Start).Hours() / 24)
	if err := b.generate(ctx, s.database.admin, b.rows, days, speedPeriod.End); err != nil {
		return err
	}
	if s.keeper, err = openKeeper(ctx, s.database, s.bucket); err != nil {
		return err
	}
	defer s.keeper.close()
	if err := s.compare(ctx, f); err != nil {
		return err
	}
	if err := s.verify(ctx, f); err != nil {
		return fmt.Errorf("verify: %w", err)
	}
	if err := s.duckdb(ctx, f); err != nil {
		return fmt.Errorf("DuckDB: %w", err)
	}
	if err := s.restore(ctx, f); err != nil {
		return fmt.Errorf("restore: %w", err)
	}
	return nil
}

// compare gives COPY and archiving their turns. COPY goes once before, which does
// not count, so that both find the rows in memory.
func (s *speedBench) compare(ctx context.Context, f *figures) error {
	end := s.progress.follow(since("COPY and archive in turn"))
	defer end()
	var peak float64
	for round := range s.rounds + 1 {
		took, rows, err := s.copyOut(ctx)
		if err != nil {
			return fmt.Errorf("COPY: %w", err)
		}
		if round == 0 {
			continue
		}
		s.copied, s.rows = s.copied+took, rows
		if round > 1 {
			if err := s.forget(ctx); err != nil {
				return fmt.Errorf("forget the archive of the round before: %w", err)
			}
		}
		if s.last, err = s.archiveInChild(ctx); err != nil {
			return fmt.Errorf("archive: %w", err)
		}
		if s.last.Rows != rows {
			return fmt.Errorf("%d rows were archived of %d", s.last.Rows, rows)
		}
		s.archived += time.Duration(s.last.Seconds * float64(time.Second))
		peak = max(peak, s.last.PeakRSS)
	}
	all := s.rows * int64(s.rounds)
	f.Rows, f.CopyRows, f.ArchiveRows = s.rows, perSecond(all, s.copied), perSecond(all, s.archived)
	f.ArchiveVsCopy = rounded(s.copied.Seconds()/s.archived.Seconds(), 3)
	if peak > 0 { // there is a /proc
		f.PeakRSS = rounded(peak, 1)
	}
	return s.weigh(ctx, f)
}

// copyOut is the plainest way to get all rows out of the database.
func (s *speedBench) copyOut(ctx context.Context) (took time.Duration, rows int64, err error) {
	conn, err := s.database.connect(ctx, "copy")
	if err != nil {
		return 0, 0, err
	}
	defer conn.Close(context.WithoutCancel(ctx))
	began := time.Now()
	tag, err := conn.PgConn().CopyTo(ctx, io.Discard, `COPY `+pgx.Identifier{speedPartition}.Sanitize()+` TO STDOUT`)
	return time.Since(began), tag.RowsAffected(), err
}

// forget takes the period out of archive and catalogue, as retention does years
// later, so that it can be archived again.
func (s *speedBench) forget(ctx context.Context) error {
	last := s.last.Archived
	return errors.Join(
		s.keeper.store.WriteTombstone(ctx, audit.Tombstone{
			What: audit.DeletedArchive, Name: last.Period, Start: last.Start, End: last.End, Rows: last.Rows,
			Why: "another round", Policy: "bench", Manifest: last.SHA256,
		}),
		s.keeper.archive.Delete(ctx, last.Period),
		s.keeper.store.NoteDeleted(ctx, last.Period),
	)
}

// weigh compares the bytes in the bucket with those of the table.
func (s *speedBench) weigh(ctx context.Context, f *figures) error {
	conn, err := s.database.connect(ctx, "bench")
	if err != nil {
		return err
	}
	defer conn.Close(context.WithoutCancel(ctx))
	var table, files int64
	if err := conn.QueryRow(ctx, `SELECT pg_total_relation_size($1::regclass)`, speedPartition).Scan(&table); err != nil {
		return err
	}
	err = filepath.WalkDir(s.bucket, func(_ string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		info, err := entry.Info()
		if err == nil {
			files += info.Size()
		}
		return err
	})
	if err != nil {
		return err
	}
	f.ArchiveBytesRatio = rounded(float64(files)/float64(table), 4)
	say(s.screen, "  archived %.0f rows/s, COPY %.0f: %.2f of it; %.0f bytes per row of %.0f, %.3f of them; at most %.1f MiB of memory",
		f.ArchiveRows, f.CopyRows, *f.ArchiveVsCopy, float64(files)/float64(s.rows), float64(table)/float64(s.rows), *f.ArchiveBytesRatio, s.last.PeakRSS)
	return nil
}

// verify reads everything back.
func (s *speedBench) verify(ctx context.Context, f *figures) error {
	defer s.progress.follow(since("verify"))()
	known, err := s.keeper.store.Archived(ctx, speedPeriod.Suffix())
	if err != nil {
		return err
	}
	began := time.Now()
	finding, err := s.keeper.archive.Verify(ctx, speedPeriod.Suffix(), known, func(int64) {})
	if err != nil {
		return err
	}
	f.VerifyRows = perSecond(finding.Rows, time.Since(began))
	if finding.Verdict != audit.Intact || finding.Rows != s.rows {
		return fmt.Errorf("%d of %d rows are %s: %v", finding.Rows, s.rows, finding.Verdict, finding.Faults)
	}
	say(s.screen, "  verified %.0f rows/s", f.VerifyRows)
	return nil
}

// restore brings a part of the period back into the database.
func (s *speedBench) restore(ctx context.Context, f *figures) error {
	defer s.progress.follow(since("restore"))()
	share := min(1, float64(restoreRows)/float64(s.rows))
	length := time.Duration(share * float64(speedPeriod.End.Sub(speedPeriod.Start)))
	r := audit.Restore{
		Start: speedPeriod.Start, End: speedPeriod.Start.Add(length), Reason: "bench", RestoredBy: "bench",
		ExpiresAt: time.Now().Add(time.Hour),
	}
	began := time.Now()
	r, err := s.keeper.store.Restore(ctx, r, s.keeper.archive.Read(ctx, r.Start, r.End, ""))
	if err != nil {
		return err
	}
	f.RestoreRows = perSecond(r.Rows, time.Since(began))
	if r.Rows == 0 {
		return errors.New("there was nothing in the first days of the period")
	}
	say(s.screen, "  restored %d rows, %.0f rows/s", r.Rows, f.RestoreRows)
	return nil
}
