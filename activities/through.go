package activities

import (
	"context"
	"errors"
	"fmt"
	"time"

	"go.temporal.io/sdk/converter"

	"github.com/auditflow/auditflow/audit"
)

// sealingTime is what is left of an attempt that goes through for sealing what it
// could not append in time: without the envelope, the redaction would be for nothing.
const sealingTime = time.Second

// persistAtOnce appends what was just redacted. If that fails, Persist comes next and
// tells why.
func (d *Deliver) persistAtOnce(ctx context.Context, records []audit.Record) (done Delivered, ok bool) {
	if deadline, set := ctx.Deadline(); set {
		if time.Until(deadline) < sealingTime {
			return done, false
		}
		var cancel context.CancelFunc
		ctx, cancel = context.WithDeadline(ctx, deadline.Add(-sealingTime))
		defer cancel()
	}
	var err error
	start := time.Now()
	defer func() {
		d.Metrics.attempt(time.Since(start), d.errorType(err))
		ok = err == nil
	}()
	defer contain(&err) // runs before the lines above
	done, err = d.append(ctx, records)
	return done, ok
}

// pass is the result of a step as Temporal keeps it: bytes as they are, else JSON.
func pass(result any) (converter.RawValue, error) {
	payload, err := converter.GetDefaultDataConverter().ToPayload(result)
	if err != nil {
		return converter.RawValue{}, err
	}
	return converter.NewRawValue(payload), nil
}

// Passed is what came of [Deliver.Redact]: what became of the records if it went through,
// else the envelope for [Deliver.Persist]. Whatever releases before this one have left in
// histories is such an envelope. Of anything else it does not say that it went through:
// a delivery that is taken for done when it is not would be lost.
func Passed(result converter.RawValue) (redacted []byte, done Delivered, through bool, err error) {
	payload, convert := result.Payload(), converter.GetDefaultDataConverter()
	switch encoding := string(payload.GetMetadata()[converter.MetadataEncoding]); encoding {
	case converter.MetadataEncodingBinary:
		err = convert.FromPayload(payload, &redacted)
	case converter.MetadataEncodingJSON:
		err = convert.FromPayload(payload, &done)
		through = err == nil && len(done.Rows) > 0
	default:
		err = fmt.Errorf("the result of Redact has encoding %q", encoding)
	}
	if err == nil && !through && len(redacted) == 0 {
		err = errors.New("the result of Redact has neither rows nor an envelope")
	}
	return redacted, done, through, err
}
