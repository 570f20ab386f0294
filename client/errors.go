package client

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"go.temporal.io/api/serviceerror"

	"github.com/auditflow/auditflow/audit/seal"
	"github.com/auditflow/auditflow/client/internal/intake"
	"github.com/auditflow/auditflow/workflows"
)

// Every error of [Client.Deliver] and [Delivery.Wait] is one of these, to be
// asked for with errors.Is; [Retriable] says which are worth another try.
var (
	// ErrInvalid says that the record has faults. The message tells all of them,
	// each with the field's JSON name and its rule.
	ErrInvalid = intake.ErrInvalid
	// ErrTooLarge says that Temporal does not take a record of this size.
	ErrTooLarge = errors.New("record is too large for Temporal")
	// ErrUnavailable says that Temporal did not answer in time, or that ctx ended,
	// which errors.Is finds, too. The record may have been delivered all the same.
	ErrUnavailable = errors.New("temporal did not confirm it")
	// ErrEnded says that somebody ended the delivery before its row was committed.
	// Waiting again does not help, delivering again does.
	ErrEnded = errors.New("delivery ended without its row")
	// ErrClosed says that the client is closed.
	ErrClosed = errors.New("audit client is closed")
)

// Retriable tells that the same record, delivered again, may well go through:
// true of any error but those of the record itself and [ErrClosed], false of nil.
// Trying again is always harmless.
func Retriable(err error) bool {
	return err != nil && !errors.Is(err, ErrInvalid) && !errors.Is(err, ErrTooLarge) && !errors.Is(err, ErrClosed)
}

// startError says why a record was not handed over.
func startError(ctx context.Context, id string, err error) error {
	switch {
	case errors.Is(err, ErrClosed):
		return err
	case tooLarge(err):
		return fmt.Errorf("deliver %s: %w: %w", id, ErrTooLarge, err)
	}
	return fmt.Errorf("deliver %s: %w: %w", id, ErrUnavailable, withReason(ctx, err))
}

// tooLarge tells whether Temporal, or the seal before it, refuses a record's size.
// A namespace that no worker has prepared yet refuses in the same way what has
// search attributes; then trying again will help.
func tooLarge(err error) bool {
	var refused *serviceerror.InvalidArgument
	if errors.As(err, &refused) {
		return !strings.Contains(strings.ToLower(refused.Error()), "search attribute")
	}
	return errors.Is(err, workflows.ErrTooLarge) || errors.Is(err, seal.ErrEnvelope)
}

func waitError(ctx context.Context, err error) error {
	if workflows.Ended(err) {
		return fmt.Errorf("%w: %w", ErrEnded, err)
	}
	return fmt.Errorf("%w: %w", ErrUnavailable, withReason(ctx, err))
}

// withReason has errors.Is find why a call was given up. The SDK may notice a
// deadline before ctx does, and says so with an error of its own.
func withReason(ctx context.Context, err error) error {
	var late *serviceerror.DeadlineExceeded
	if errors.As(err, &late) && ctx.Err() == nil {
		return errors.Join(err, context.DeadlineExceeded)
	}
	return errors.Join(err, ctx.Err())
}

func endedWithout(workflowID, id string) error {
	return fmt.Errorf("%w: %s has no receipt for row %s", ErrEnded, workflowID, id)
}
