package archive

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/auditflow/auditflow/audit"
)

// inspectors is how many segments are inspected at a time.
const inspectors = 2

// Verify reads everything that the archive has of a period and tells what is
// wrong with it; it goes on after a fault. known are the manifests that another
// memory, the catalogue, has of the period: they are what manifests are compared
// with, and what segments are when a manifest cannot be used. A period without
// any manifest is missing. report is given the rows that were read so far, from
// one goroutine at a time. An error means that the bucket did not let it finish:
// nothing is known then.
func (a *Archive) Verify(ctx context.Context, period string, known []audit.Archived, report func(rows int64)) (audit.Finding, error) {
	v := &verification{Archive: a, finding: audit.Finding{Period: period}, listed: map[string]bool{}, report: report}
	err := v.run(ctx, known)
	v.finding.At = time.Now().UTC()
	v.finding.Verdict = v.verdict()
	return v.finding, fail(err, "verify %s", period)
}

type verification struct {
	*Archive
	finding audit.Finding
	listed  map[string]bool // objects that a manifest names, and manifests
	missing int             // of the faults

	mu     sync.Mutex // of what follows
	rows   int64
	report func(int64)
}

func (v *verification) run(ctx context.Context, known []audit.Archived) error {
	if _, err := parsePeriod(v.finding.Period); err != nil {
		return err
	}
	objects, err := v.bucket.list(ctx, directoryOf(v.finding.Period))
	if err != nil {
		return err
	}
	links, err := v.chain(ctx, v.finding.Period, objects)
	if err != nil {
		return err
	}
	for _, m := range v.manifests(links, known) {
		if err := v.manifest(ctx, m); err != nil {
			return err
		}
	}
	for _, o := range objects {
		if !v.listed[o.key] {
			v.finding.Unlisted = append(v.finding.Unlisted, o.key)
		}
	}
	return nil
}

// fault notes what is wrong with an object.
func (v *verification) fault(object string, err error) {
	if Class(err) == ClassNotFound {
		v.missing++
	}
	v.finding.Faults = append(v.finding.Faults, object+": "+explain(err))
}

func (v *verification) verdict() audit.Verdict {
	switch {
	case len(v.finding.Faults) == 0:
		return audit.Intact
	case v.missing == len(v.finding.Faults):
		return audit.Missing
	}
	return audit.Altered
}

// manifests compares those that were found with those that are known, and
// returns the ones to compare segments with: the known, where there are, for
// nobody who can write to the bucket has written them.
func (v *verification) manifests(links []link, known []audit.Archived) (use []audit.Archived) {
	byNumber := map[int]audit.Archived{}
	for _, k := range known {
		byNumber[k.Number] = k
		for len(links) < k.Number {
			links = append(links, link{key: manifestKey(v.finding.Period, len(links)+1), err: missing("it is gone")})
		}
	}
	if len(links) == 0 {
		v.fault(directoryOf(v.finding.Period), missing("there is no manifest"))
	}
	for i, l := range links {
		v.listed[l.key] = true
		k, isKnown := byNumber[i+1]
		switch {
		case isKnown && k.SHA256 == l.sum: // if it does not follow the one before, it is that one's fault
		case l.err != nil:
			v.fault(l.key, l.err)
		case isKnown:
			v.fault(l.key, altered("it is not the manifest that is known, of which the SHA-256 is %s", k.SHA256))
		}
		if isKnown {
			use = append(use, k)
		} else if l.seen.Number != 0 {
			use = append(use, l.seen)
		}
	}
	return use
}

// manifest inspects the segments of one manifest, some at a time.
func (v *verification) manifest(ctx context.Context, m audit.Archived) error {
	if err := fits(m.Manifest, v.finding.Period, m.Number); err != nil {
		v.fault(manifestKey(v.finding.Period, m.Number), altered("%v", err))
	}
	before := len(v.finding.Faults)
	results := make([]chan inspection, len(m.Segments))
	for i := range results {
		results[i] = make(chan inspection, 1)
	}
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(inspectors + 1)
	digests := sha256.New()
	group.Go(func() error { // in their order, whichever is done first
		for i, s := range m.Segments {
			select {
			case in := <-results[i]:
				v.take(s, in)
				digests.Write(in.digests)
			case <-ctx.Done():
				return ctx.Err()
			}
		}
		return nil
	})
	for i, s := range m.Segments {
		v.listed[s.Object] = true
		group.Go(func() error {
			in, err := v.inspect(ctx, s, v.finding.Period, true, v.progress)
			results[i] <- in
			return err
		})
	}
	if err := group.Wait(); err != nil {
		return err
	}
	if len(v.finding.Faults) == before && hex.EncodeToString(digests.Sum(nil)) != m.Digest {
		v.fault(m.Object, errors.New("the digest of all rows is not the one that it says"))
	}
	return nil
}

func (v *verification) take(s audit.Segment, in inspection) {
	v.finding.Rows += in.rows
	v.finding.Bytes += in.bytes
	for _, err := range in.faults {
		v.fault(s.Object, err)
	}
}

func (v *verification) progress(rows int64) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.rows += rows
	v.report(v.rows)
}
