package client

import (
	"context"
	"errors"
	"testing"

	"go.temporal.io/api/serviceerror"
)

func TestWhatTemporalSaysIsSortedByWhetherTryingAgainHelps(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		says error
		want error
	}{
		{serviceerror.NewInvalidArgument("Blob data size exceeds limit."), ErrTooLarge},
		{serviceerror.NewInvalidArgument("Namespace default has no mapping defined for search attribute AuditAction"), ErrUnavailable},
		{serviceerror.NewNamespaceNotFound("audit"), ErrUnavailable}, // somebody may make it
		{serviceerror.NewUnavailable("shutting down"), ErrUnavailable},
		{serviceerror.NewDeadlineExceeded("context deadline exceeded"), context.DeadlineExceeded},
		{ErrClosed, ErrClosed},
	} {
		err := startError(context.Background(), "row", tc.says)
		if !errors.Is(err, tc.want) || !errors.Is(err, tc.says) {
			t.Errorf("%v becomes %v", tc.says, err)
		}
		if wanted := errors.Is(tc.want, ErrUnavailable) || errors.Is(tc.want, context.DeadlineExceeded); Retriable(err) != wanted {
			t.Errorf("%v is retriable: %t", tc.says, Retriable(err))
		}
	}
}
