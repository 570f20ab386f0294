package doctor

import (
	"context"
	"slices"
	"sync"
	"time"

	"go.temporal.io/sdk/client"

	"github.com/auditflow/auditflow/audit/custody"
	"github.com/auditflow/auditflow/store/archive"
	"github.com/auditflow/auditflow/store/postgres"
	"github.com/auditflow/auditflow/workflows"
)

// Patient is an installation, as its configuration describes it.
type Patient struct {
	Temporal  client.Client
	Address   string // of Temporal
	Namespace string
	// Database is the login of every day; no URL: nobody said where. Maintenance is
	// the other one, if there is one.
	Database, Maintenance postgres.Config
	// Bucket is the archive; no URL: nobody said where.
	Bucket archive.Config
	// Keys are the keyset and the policy; no KeysetFile: nobody said where. With one
	// it is a worker's configuration, whose login has to write.
	Keys custody.Config
	// Plan is what the schedules should do. Configured tells that a file said so:
	// the defaults are nobody's decision.
	Plan       workflows.Maintenance
	Configured bool
	// Maintains tells that maintenance is configured to be done.
	Maintains bool
}

// Exam is how thoroughly, and how patiently, a patient is examined.
type Exam struct {
	Write bool          // also try to write to the bucket
	Limit time.Duration // that one question to a server may take
	Now   func() time.Time
}

// Examine checks everything, one area beside the others, and tells what it found
// in the order of the areas.
func (e Exam) Examine(ctx context.Context, p Patient) []Finding {
	charts := []*chart{{area: InTemporal}, {area: InDatabase}, {area: InBucket}, {area: InKeys}}
	var areas sync.WaitGroup
	for i, examine := range []func(context.Context, *chart, Patient){e.temporal, e.database, e.bucket, e.keys} {
		areas.Go(func() { examine(ctx, charts[i], p) })
	}
	areas.Wait()
	var all [][]Finding
	for _, c := range charts {
		all = append(all, c.findings)
	}
	return slices.Concat(all...)
}

// within bounds one question.
func (e Exam) within(ctx context.Context, ask func(context.Context) error) error {
	ctx, cancel := context.WithTimeout(ctx, e.Limit)
	defer cancel()
	return ask(ctx)
}
