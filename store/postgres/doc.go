// Package postgres keeps audit records in PostgreSQL 15 or newer, in one table
// that is partitioned by created_at (UTC).
//
//	store, err := postgres.Open(ctx, postgres.Config{URL: url})
//	if err != nil { ... }
//	defer store.Close()
//	err = store.Migrate(ctx)
//	receipts, err := store.Append(ctx, records)
//
// # What Append promises
//
// When it returns without error, every record of the slice is committed: in a
// row, in one that was there before, or in quarantine; the receipts tell which.
// When it returns an error, some records may be stored and others not, or the
// answer was lost on the way: append the same slice again, as often as you like,
// also after the process has died in the middle. What was stored is then a
// duplicate, what was quarantined is quarantined again, into the same entry.
// Nothing is lost. Two processes may append the same slice at once.
//
// The first row of an id stays as it is: the same record again is a duplicate,
// another record under the same id a conflict, and neither touches the row.
//
// A slice is one statement. If PostgreSQL cannot hold one of its rows
// ([ClassData]), the slice is halved until the rows at fault stand alone; the
// others are stored, those go to quarantine: a plain table that keeps records as
// bytes, with the reason, until [Store.Replay] succeeds. What is no row's fault,
// a lost connection, a full disk, a missing table, puts nothing into quarantine.
//
// The primary key is (id, created_at), because PostgreSQL wants the partition
// key in it. The same id with another created_at, which never changes while it is
// what [audit.Record] says it is, is a conflict, too, if it lies within a day of
// the row that is there. Farther away it is a second row, and so it is when both
// are written at the very same moment, by two processes: no constraint can tell.
//
// # Partitions
//
// A row whose partition is missing creates it, so that a scheduler that stopped
// costs a few milliseconds and not a record. There is no DEFAULT partition: it
// would forbid DETACH CONCURRENTLY, and every ATTACH would have to scan it.
//
// # Errors
//
// PostgreSQL quotes rows in its messages ("Failing row contains …"), and errors
// travel into logs and workflow histories. Nothing of a message, detail, hint
// or context leaves this package: an [*Error] has the SQLSTATE, its name and
// the names of schema objects, and no content. [Class] sorts errors for metrics
// and for deciding what to do about them.
package postgres
