package postgres

import "context"

// MigrateTo brings the schema to a version and no further.
func MigrateTo(ctx context.Context, s *Store, version int64) error { return s.migrate(ctx, version) }
