package activities

import (
	"context"
	"errors"
	"fmt"
	"runtime"

	"go.temporal.io/sdk/temporal"

	"github.com/auditflow/auditflow/audit/seal"
)

// Types of failures, as the Temporal UI shows them and as the label error_type
// of the failures metric says. Classes of the store's errors come on top
// (timeout, connection, database, …).
const (
	TypeKeyUnknown = "key_unknown"   // no key of the keyset opens this envelope: add it
	TypeEnvelope   = "marshal_error" // the envelope is damaged or not for this workflow
	TypeTimeout    = "timeout"
	TypePanic      = "panic" // a bug of ours
)

// failure is what Temporal gets to see of err. Every failure may be retried:
// an operator can add a key, bring a server back, deploy a fix. Giving up would
// lose the record.
func (d *Deliver) failure(doing string, err error) error {
	return temporal.NewApplicationErrorWithOptions(
		fmt.Sprintf("%s: %v", doing, err), d.errorClass(err), temporal.ApplicationErrorOptions{})
}

func (d *Deliver) errorClass(err error) string {
	switch {
	case errors.Is(err, seal.ErrUnknownKey):
		return TypeKeyUnknown
	case errors.Is(err, seal.ErrEnvelope):
		return TypeEnvelope
	case errors.Is(err, context.DeadlineExceeded), errors.Is(err, context.Canceled):
		return TypeTimeout
	default:
		return d.ErrorClass(err)
	}
}

// errorType reads the class back from a failure; "" when there is none.
func (d *Deliver) errorType(err error) string {
	if err == nil {
		return ""
	}
	var failure *temporal.ApplicationError
	if errors.As(err, &failure) {
		return failure.Type()
	}
	return d.errorClass(err)
}

// contain turns a panic into a failure that says where, not what: the SDK
// would put the panic's value, which may be content, into history.
func contain(err *error) {
	value := recover()
	if value == nil {
		return
	}
	where := "unknown place"
	if file, line, ok := panicSite(); ok {
		where = fmt.Sprintf("%s:%d", file, line)
	}
	*err = temporal.NewApplicationErrorWithOptions(
		fmt.Sprintf("panic of type %T at %s", value, where), TypePanic, temporal.ApplicationErrorOptions{})
}

// panicSite finds the line that panicked: the first frame of ours below the
// runtime's own.
func panicSite() (string, int, bool) {
	pcs := make([]uintptr, 32)
	frames := runtime.CallersFrames(pcs[:runtime.Callers(0, pcs)])
	panicked := false
	for {
		frame, more := frames.Next()
		if panicked && !isRuntime(frame.Function) {
			return frame.Function, frame.Line, true
		}
		panicked = panicked || frame.Function == "runtime.gopanic"
		if !more {
			return "", 0, false
		}
	}
}

func isRuntime(function string) bool {
	return len(function) > 8 && function[:8] == "runtime."
}
