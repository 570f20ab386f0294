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
// When it returns without error, every record of the slice is in a committed
// row, or was there before; the receipts tell which. When it returns an error,
// either none of the slice was stored or the answer was lost on the way: append
// the same slice again, as often as you like. Two processes may do so at once.
//
// The first row of an id stays as it is: the same record again is a duplicate,
// another record under the same id a conflict, and neither touches the row.
//
// The primary key is (id, created_at), because PostgreSQL wants the partition
// key in it. The same id with another created_at is therefore a second row, and
// nothing here notices. It cannot happen while created_at is what
// [audit.Record] says it is, the creation time of the object, which never
// changes.
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
