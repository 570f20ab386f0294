package lifecycle

import (
	"iter"

	"github.com/auditflow/auditflow/audit"
)

// MaxNamed is how many rows a comparison names.
const MaxNamed = 10

// Comparison is what comparing a table with the archive, row by row, has shown.
type Comparison struct {
	Rows    int64 `json:"rows"`    // of the table
	Missing int64 `json:"missing"` // that the archive does not have
	// Altered counts rows that the archive has with another digest; AlteredIDs
	// names the first of them.
	Altered    int64    `json:"altered,omitempty"`
	AlteredIDs []string `json:"altered_ids,omitempty"`
	// Before is the row before the first missing one, zero when that is the first
	// of all: what is missing comes after.
	Before audit.Key `json:"before,omitzero"`
}

// Proven tells that every row of the table is in the archive.
func (c Comparison) Proven() bool { return c.Missing == 0 && c.Altered == 0 }

// Compare walks the entries of a table and those of the archive, both in the
// order of the trail, once. What only the archive has is no matter: rows leave
// the table.
func Compare(table, archived iter.Seq2[audit.Entry, error]) (c Comparison, err error) {
	var last audit.Entry
	for m, err := range Merge(table, archived) {
		if err != nil {
			return c, err
		}
		switch {
		case !m.Archived:
			if c.Missing == 0 && c.Rows > 0 {
				c.Before = last.Key()
			}
			c.Missing++
		case m.Altered:
			c.Altered++
			if len(c.AlteredIDs) < MaxNamed {
				c.AlteredIDs = append(c.AlteredIDs, m.Key().ID)
			}
		}
		c.Rows++
		last = m.Entry
	}
	return c, nil
}

// Match is a row of a table and whether the archive has it.
type Match struct {
	audit.Entry
	Archived bool
	Altered  bool // with another digest
}

// Merge yields every entry of the table with what the archive has of it. Both
// are in the order of the trail; the archive may have an entry more than once.
func Merge(table, archived iter.Seq2[audit.Entry, error]) iter.Seq2[Match, error] {
	return func(yield func(Match, error) bool) {
		next, stop := iter.Pull2(archived)
		defer stop()
		have, err, more := next()
		for e, failed := range table {
			if failed != nil {
				yield(Match{}, failed)
				return
			}
			m := Match{Entry: e}
			for ; more && err == nil && have.Compare(e) <= 0; have, err, more = next() {
				if have.Compare(e) == 0 {
					m.Archived = true
					m.Altered = m.Altered || have.Digest != e.Digest
				}
			}
			if more && err != nil {
				yield(Match{}, err)
				return
			}
			if !yield(m, nil) {
				return
			}
		}
	}
}
