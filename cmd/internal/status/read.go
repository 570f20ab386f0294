package status

import (
	"context"
	"fmt"
	"sync"
	"time"

	"go.temporal.io/sdk/client"

	"github.com/auditflow/auditflow/internal/temporalclient"
	"github.com/auditflow/auditflow/store/postgres"
)

// Reader asks the servers. It may be used any number of times, one after another.
type Reader struct {
	Store     *postgres.Store
	Temporal  client.Client
	Namespace string        // of the client
	Limit     time.Duration // that one part may take
	Now       func() time.Time
}

// Read reads all parts at once. A server that does not give a sign of life is not
// asked any further: all its parts fail with the same error.
func (r Reader) Read(ctx context.Context) *Status {
	s := &Status{At: r.Now().UTC()}
	var parts, database, temporal sync.WaitGroup
	parts.Go(func() {
		away := r.within(ctx, r.Store.Ping)
		read(ctx, r, &database, away, &s.Persisted, r.persisted)
		read(ctx, r, &database, away, &s.Partitions, r.partitions)
		read(ctx, r, &database, away, &s.Quarantine, r.quarantine)
		read(ctx, r, &database, away, &s.Holds, r.holds)
		read(ctx, r, &database, away, &s.Archive, r.archive)
		database.Wait()
	})
	parts.Go(func() {
		away := r.within(ctx, func(ctx context.Context) error { return temporalclient.Check(ctx, r.Temporal, r.Namespace) })
		read(ctx, r, &temporal, away, &s.Pending, r.pending)
		read(ctx, r, &temporal, away, &s.Schedules, r.schedules)
		temporal.Wait()
	})
	parts.Wait()
	return s
}

// read reads one part in the background, unless its server is away.
func read[T any](ctx context.Context, r Reader, group *sync.WaitGroup, away error, into *Part[T], ask func(context.Context) (T, error)) {
	if away != nil {
		into.Err = away
		return
	}
	group.Go(func() {
		into.Err = r.within(ctx, func(ctx context.Context) (err error) {
			into.Value, err = ask(ctx)
			return err
		})
	})
}

func (r Reader) within(ctx context.Context, ask func(context.Context) error) error {
	limited, cancel := context.WithTimeout(ctx, r.Limit)
	defer cancel()
	err := ask(limited)
	if err != nil && limited.Err() != nil && ctx.Err() == nil {
		return fmt.Errorf("no answer within %s: %w", r.Limit, err)
	}
	return err
}
