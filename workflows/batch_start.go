package workflows

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"

	"go.temporal.io/api/serviceerror"

	"github.com/auditflow/auditflow/audit"
	"github.com/auditflow/auditflow/audit/seal"
)

// maxSealed is the most that a batch may take sealed, in bytes: half of what
// Temporal takes as one value, for redacting may add to it.
const maxSealed = 1 << 20

// Why records may not be one workflow, though each of them may be one.
var (
	errTogether = errors.New("the records cannot be delivered together")
	errPanic    = errors.New("panic")
)

// startAll starts valid records, together if there are several. Where Temporal
// or we cannot take them together they go one by one: then the one at fault holds
// none of the others.
func (s *Starter) startAll(ctx context.Context, records []audit.Record) []Started {
	if len(records) > 1 {
		started, err := s.startBatch(ctx, records)
		if !errors.Is(err, errTogether) && !errors.Is(err, errPanic) {
			return each(len(records), func(i int) (Delivery, error) {
				if err != nil {
					return Delivery{}, err
				}
				return started[i], nil
			})
		}
	}
	return each(len(records), func(i int) (d Delivery, err error) {
		defer contain(&err)
		return s.Start(ctx, records[i])
	})
}

func each(n int, start func(i int) (Delivery, error)) []Started {
	all := make([]Started, n)
	for i := range all {
		all[i].Delivery, all[i].Err = start(i)
	}
	return all
}

// startBatch starts one workflow for all records.
func (s *Starter) startBatch(ctx context.Context, records []audit.Record) (deliveries []Delivery, err error) {
	defer contain(&err)
	labels, digest := s.labels(records)
	id := BatchID(digest)
	envelope, err := s.Sealer.Seal(records, seal.Observed, id)
	if err != nil || len(envelope) > maxSealed {
		return nil, errTogether
	}
	run, joined, err := s.execute(ctx, id, envelope, labels)
	var refused *serviceerror.InvalidArgument
	if errors.As(err, &refused) {
		return nil, fmt.Errorf("%w: %w", errTogether, err)
	}
	if err != nil {
		return nil, err
	}
	end := &vigil{run: run, client: s.Client, turn: make(chan struct{}, 1), ended: make(chan struct{})}
	for i := range records {
		deliveries = append(deliveries, Delivery{run: run, joined: joined, end: end, place: i})
	}
	return deliveries, nil
}

// labels are what may be read of a batch in clear, with a digest of it. That is
// over what is redacted: who knew the digest of a whole record could try what its
// secrets are.
func (s *Starter) labels(records []audit.Record) (labels, string) {
	all, digest := make(labels, len(records)), sha256.New()
	for i, r := range records {
		r = s.Redactor.Normalised(r)
		all[i] = labelOf(r)
		_, _ = io.WriteString(digest, r.ID+" "+r.Digest()+"\n") // never fails
	}
	return all, hex.EncodeToString(digest.Sum(nil)[:16])
}

// contain turns a panic into an error without its value, which may be content. A
// start has a goroutine of its own, where nobody else would catch it.
func contain(err *error) {
	if value := recover(); value != nil {
		*err = fmt.Errorf("start: %w of type %T", errPanic, value)
	}
}
