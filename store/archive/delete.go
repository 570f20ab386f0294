package archive

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/auditflow/auditflow/internal/failpoint"
)

// Delete takes a period out of the archive: manifests first, the last one first,
// then all else. So whoever reads meanwhile, or after a crash half way, finds the
// manifests of a chain that is shorter, each with all of its segments, and in the
// end none; segments that no manifest names are not read. Delete may be called
// again for what is left. When anything of the period is locked, nothing is
// deleted and [Class] of the error is [ClassLocked]. A period that is not there is
// no error.
func (a *Archive) Delete(ctx context.Context, period string) error {
	return fail(a.delete(ctx, period), "delete %s from the archive", period)
}

func (a *Archive) delete(ctx context.Context, period string) error {
	objects, err := a.deletable(ctx, period)
	if err != nil {
		return err
	}
	slices.SortStableFunc(objects, func(a, b object) int { return rank(a) - rank(b) })
	for _, o := range objects {
		if err := a.bucket.remove(ctx, o.key); err != nil {
			return err
		}
		failpoint.Hit("archive.object-deleted")
	}
	return nil
}

// Deletable tells whether [Archive.Delete] would find anything of the period
// locked: then [Class] of the error is [ClassLocked].
func (a *Archive) Deletable(ctx context.Context, period string) error {
	_, err := a.deletable(ctx, period)
	return fail(err, "find out whether %s may be deleted from the archive", period)
}

// deletable lists the objects of a period, none of which is locked.
func (a *Archive) deletable(ctx context.Context, period string) ([]object, error) {
	if _, err := parsePeriod(period); err != nil {
		return nil, err
	}
	objects, err := a.bucket.list(ctx, directoryOf(period))
	if err != nil {
		return nil, err
	}
	for _, o := range objects {
		until, err := a.bucket.locked(ctx, o.key)
		if err != nil {
			return nil, err
		}
		if !until.IsZero() {
			return nil, &fault{ClassLocked, fmt.Sprintf("%s is locked until %s: nothing was deleted", o.key, until.UTC().Format(time.RFC3339))}
		}
	}
	return objects, nil
}

// rank is in which order objects are deleted: the manifests from the last to the
// first, then what they named.
func rank(o object) int {
	n, is := manifestNumber(o.key)
	if !is {
		return 0
	}
	return -n
}
