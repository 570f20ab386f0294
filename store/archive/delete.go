package archive

import (
	"context"
	"fmt"
	"slices"
	"time"
)

// Delete takes a period out of the archive: segments first, then manifests, the
// last first, so that what is left after a crash is a period with its manifests,
// of which Delete may be called again. When anything of the period is locked,
// nothing is deleted and [Class] of the error is [ClassLocked]. A period that is
// not there is no error.
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

// rank is in which order objects are deleted: what is no manifest, then the
// manifests from the last to the first.
func rank(o object) int {
	n, is := manifestNumber(o.key)
	if !is {
		return -1 << 40
	}
	return -n
}
