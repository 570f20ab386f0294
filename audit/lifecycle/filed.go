package lifecycle

import (
	"slices"
	"time"

	"github.com/auditflow/auditflow/audit"
)

// Filed is what the archive has of one period.
type Filed struct {
	Period    string
	Start     time.Time
	End       time.Time
	Manifests int
	Rows      int64
	Bytes     int64
	Manifest  string // SHA-256 of the last manifest
	// ReadAt is when all of it was last read back: when it was verified, or when
	// the first manifest not verified since was written.
	ReadAt time.Time
	// Deleted tells that retention has begun to take it out of the archive and not
	// ended.
	Deleted bool

	manifests map[string]bool // by SHA-256
}

// File sums the manifests of the catalogue up by period, by their start. A
// tombstone names the last manifest there was when the deletion began; once that
// has ended the catalogue does not list the period any more, until rows that came
// later are archived under it again.
func File(archived []audit.Archived, tombstones []audit.Tombstone) []Filed {
	byPeriod := map[string]*Filed{}
	for _, a := range archived {
		f := byPeriod[a.Period]
		if f == nil {
			f = &Filed{Period: a.Period, Start: a.Start, End: a.End, manifests: map[string]bool{}}
			byPeriod[a.Period] = f
		}
		f.add(a)
	}
	for _, t := range tombstones {
		if f := byPeriod[t.Name]; f != nil && t.What == audit.DeletedArchive && f.manifests[t.Manifest] {
			f.Deleted = true
		}
	}
	all := make([]Filed, 0, len(byPeriod))
	for _, f := range byPeriod {
		all = append(all, *f)
	}
	slices.SortFunc(all, func(a, b Filed) int { return a.period().compare(b.period()) })
	return all
}

func (f *Filed) add(a audit.Archived) {
	read := a.ArchivedAt // a manifest is published when its segments have been read back
	if a.VerifiedAt.After(read) {
		read = a.VerifiedAt
	}
	if f.Manifests == 0 || read.Before(f.ReadAt) {
		f.ReadAt = read
	}
	f.Manifests++
	f.manifests[a.SHA256] = true
	f.Rows += a.Rows
	f.Bytes += a.Bytes
	f.Manifest = a.SHA256 // the catalogue lists a period's in their order
}

type stretch struct {
	audit.Period
	name string
}

func (f Filed) period() stretch {
	return stretch{audit.Period{Start: f.Start, End: f.End}, f.Period}
}

func (s stretch) compare(o stretch) int {
	if c := s.Start.Compare(o.Start); c != 0 {
		return c
	}
	if c := s.End.Compare(o.End); c != 0 {
		return c
	}
	return slices.Compare([]byte(s.name), []byte(o.name))
}

// Overlapping are those that the archive still has with an instant in the period.
func Overlapping(p audit.Period, filed []Filed) (there []Filed) {
	for _, f := range filed {
		if !f.Deleted && f.period().Overlaps(p) {
			there = append(there, f)
		}
	}
	return there
}
