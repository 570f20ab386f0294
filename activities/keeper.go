package activities

import (
	"context"
	"iter"
	"time"

	"github.com/auditflow/auditflow/audit"
)

// Partitions is what maintenance needs of the database. Every method may be
// called again after a crash at any instruction and goes on from there.
type Partitions interface {
	// EnsurePeriod makes sure that every instant of the period has a partition.
	EnsurePeriod(ctx context.Context, p audit.Period) (created bool, err error)
	// Partitions lists all of them, attached or on their way out, by their start.
	Partitions(ctx context.Context) ([]audit.Partition, error)
	// Move brings a partition with its indexes into a tablespace while rows are
	// read and written, and tells how far it is. Nothing moves if it is there.
	Move(ctx context.Context, partition, tablespace string, report func(rows int64)) (moved bool, err error)
	// Tablespaces lists those into which the login may put a table.
	Tablespaces(ctx context.Context) ([]string, error)

	// Schema is the version of the database's schema.
	SchemaVersion(ctx context.Context) (int64, error)
	// Count counts the rows of a partition with created_at before a bound; a zero
	// bound is none.
	Count(ctx context.Context, partition string, before time.Time) (int64, error)
	// Entries yields what proves the rows of a partition, in the order of the trail.
	Entries(ctx context.Context, partition string, before time.Time) iter.Seq2[audit.Entry, error]
	// Export yields the rows of a partition after a key (zero: from the first) and
	// before a bound (zero: to the last), in the order of the trail. A row is the
	// caller's to keep.
	Export(ctx context.Context, partition string, after audit.Key, before time.Time) iter.Seq2[*audit.Persisted, error]

	// Detach takes a partition out of the audit table without keeping readers or
	// writers waiting, or finishes what an earlier attempt began.
	Detach(ctx context.Context, partition string) error
	// Drop drops a detached partition and writes the tombstone, both or none. It
	// refuses one that is attached or held, and counts rows once more: want is how
	// many were compared with the archive.
	Drop(ctx context.Context, partition string, want int64, t audit.Tombstone) error
	// DeleteRows deletes, of the rows of a partition before a bound, those that
	// archived proves (the same key and the same digest) and nobody holds: a row that
	// came since is not among them, and stays. It works in batches of their own
	// transactions, each with its share of the tombstone; report is told how many
	// are gone so far. Entries come in the order of the trail; those of rows that are
	// elsewhere or gone already do no harm.
	DeleteRows(ctx context.Context, partition string, before time.Time, archived iter.Seq2[audit.Entry, error], t audit.Tombstone, report func(rows int64)) (int64, error)

	// NoteArchived puts a manifest into the catalogue; again is no error.
	NoteArchived(ctx context.Context, a audit.Archived) error
	// NoteVerified notes when a period was last found intact.
	NoteVerified(ctx context.Context, period string, at time.Time) error
	// NoteDeleted notes that the archive has nothing more of a period, after
	// [Partitions.WriteTombstone] and [Archive.Delete]: its manifests stay in the
	// catalogue, but Archived lists them no longer and numbers begin again at 1.
	NoteDeleted(ctx context.Context, period string) error
	// Archived lists the manifests of a period in their order, or of all periods
	// when it is empty.
	Archived(ctx context.Context, period string) ([]audit.Archived, error)

	// Holds lists the holds that are not released, or all.
	Holds(ctx context.Context, released bool) ([]audit.Hold, error)
	// Holding returns the holds that hold any row of a partition.
	Holding(ctx context.Context, partition string) ([]audit.Hold, error)

	// WriteTombstone remembers a deletion in the archive before it is done; again,
	// with the same manifest, is no error and no second tombstone.
	WriteTombstone(ctx context.Context, t audit.Tombstone) error
	// Tombstones lists what was deleted, the newest first; limit 0 is all.
	Tombstones(ctx context.Context, limit int) ([]audit.Tombstone, error)

	// ConfirmedRetention is the retention that was last in force, zero at first.
	ConfirmedRetention(ctx context.Context) (audit.Retention, error)
	// ConfirmRetention puts a retention in force.
	ConfirmRetention(ctx context.Context, r audit.Retention) error

	// ExpireRestores takes away restored rows whose time has passed.
	ExpireRestores(ctx context.Context, now time.Time) (rows int64, err error)
}

// Archive is what maintenance needs of the bucket.
type Archive interface {
	// Manifests reads the manifests of a period and checks their chain.
	Manifests(ctx context.Context, period string) ([]audit.Archived, error)
	// Entries yields what proves the rows in the archive with created_at in the
	// stretch, whichever period they were filed under, in the order of the trail.
	Entries(ctx context.Context, start, end time.Time) iter.Seq2[audit.Entry, error]
	// Write puts rows into segments of bounded size, reads each back, compares it
	// row by row with what was put in, and reports it; done are the segments of an
	// earlier attempt, whose rows are not among rows. Rows come in the order of the
	// trail.
	Write(ctx context.Context, p audit.Period, rows iter.Seq2[*audit.Persisted, error], done []audit.Segment, report func(audit.Segment)) ([]audit.Segment, error)
	// Publish writes the next manifest of the period that names the segments. When
	// another run was faster with the same segments, that run's manifest is the answer.
	Publish(ctx context.Context, m audit.Manifest) (audit.Archived, error)
	// Verify reads everything that the archive has of a period, compares it with its
	// manifests and those with known, and tells what is wrong; see [audit.Finding].
	Verify(ctx context.Context, period string, known []audit.Archived, report func(rows int64)) (audit.Finding, error)
	// Read yields the rows with created_at in the stretch, each compared with its
	// digest, in the order of the trail; only the one of an id unless that is empty.
	Read(ctx context.Context, start, end time.Time, id string) iter.Seq2[*audit.Persisted, error]
	// Periods lists the periods that the archive has anything of, also what no
	// manifest names.
	Periods(ctx context.Context) ([]audit.Period, error)
	// Deletable fails when anything of a period is locked.
	Deletable(ctx context.Context, period string) error
	// Delete takes a period out of the archive, its manifests last.
	Delete(ctx context.Context, period string) error
}
