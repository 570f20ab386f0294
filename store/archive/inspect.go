package archive

import (
	"context"
	"crypto/sha256"
	"encoding/hex"

	"github.com/auditflow/auditflow/audit"
)

// inspection is what reading a segment back from the bucket has shown.
type inspection struct {
	rows, bytes int64
	digests     []byte // of the rows, one after the other, when they were asked for
	faults      []error
}

func (i *inspection) altered(format string, args ...any) {
	i.faults = append(i.faults, altered(format, args...))
}

// reportRows is after how many rows progress is told.
const reportRows = 10_000

// inspect reads all of a segment and compares it with what is said of it: size,
// SHA-256, and of the rows their number, order, bounds and digests, each computed
// anew from its content. It fails only when the bucket does; what is wrong with
// the segment is in the inspection.
func (a *Archive) inspect(ctx context.Context, s audit.Segment, period string, withDigests bool, report func(rows int64)) (in inspection, err error) {
	copied, err := a.fetch(ctx, s.Object, s.Bytes)
	if err != nil {
		if class := Class(err); class != ClassNotFound {
			return in, err
		}
		in.faults = append(in.faults, missing("it is gone"))
		return in, nil
	}
	defer copied.close()
	in.bytes = copied.size
	if copied.size != s.Bytes {
		in.altered("its size is not %d bytes", s.Bytes)
	}
	if copied.sum() != s.SHA256 {
		in.altered("its SHA-256 is not %s", s.SHA256)
	}
	if len(in.faults) > 0 {
		return in, nil // its bytes are not ours: there is nothing to be learnt from rows
	}
	f, err := openFile(copied, copied.size)
	if err != nil {
		in.altered("cannot be read: %v", err)
		return in, nil
	}
	if p, _ := f.Lookup(keyPeriod); p != period {
		in.altered("it was written for another period")
	}
	if withDigests {
		in.digests = make([]byte, 0, min(s.Rows, defaultSegmentRows)*sha256.Size) // more only as rows come
	}
	return in, in.read(ctx, f, s, report)
}

func (i *inspection) read(ctx context.Context, f *file, s audit.Segment, report func(int64)) error {
	digests := sha256.New()
	wrong := &RowsError{}
	var first, last audit.Entry
	disorder := 0
	told := int64(0)
	for r, err := range f.rows(all, true) {
		if err != nil {
			i.altered("cannot be read: %v", err)
			return nil
		}
		if r.Digest() != r.RecordSHA256 {
			wrong.add(r.ID)
		}
		if i.rows == 0 {
			first = r.entry
		} else if last.Compare(r.entry) >= 0 {
			disorder++
		}
		last = r.entry
		digests.Write(r.entry.Digest[:])
		if i.digests != nil {
			i.digests = append(i.digests, r.entry.Digest[:]...)
		}
		if i.rows++; i.rows-told == reportRows {
			if err := ctx.Err(); err != nil {
				return fail(err, "read %s", s.Object)
			}
			report(reportRows)
			told = i.rows
		}
	}
	report(i.rows - told)
	if wrong.Count > 0 {
		i.faults = append(i.faults, wrong)
	}
	if i.rows != s.Rows {
		i.altered("it has %d rows, not %d", i.rows, s.Rows)
	}
	if disorder > 0 {
		i.altered("%d of its rows are not in the order of the trail", disorder)
	}
	if first.Key() != s.First || last.Key() != s.Last {
		i.altered("its rows do not begin and end where they should")
	}
	if hex.EncodeToString(digests.Sum(nil)) != s.Digest {
		i.altered("its rows are not those that were put in: the digest of their digests is another")
	}
	return nil
}
