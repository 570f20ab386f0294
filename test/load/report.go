package main

import (
	"fmt"
	"io"
)

// queryFigures is out/queries.json.
type queryFigures struct {
	Rows    int                    `json:"rows"`
	Queries map[string]queryFigure `json:"queries"`
}

type queryFigure struct {
	P50       float64 `json:"p50_ms"`
	P95       float64 `json:"p95_ms"`
	Aggregate bool    `json:"aggregate"`
	FlatP95   float64 `json:"unpartitioned_p95_ms"`
}

func figuresOf(rows int, all []measured) queryFigures {
	f := queryFigures{Rows: rows, Queries: map[string]queryFigure{}}
	for _, m := range all {
		f.Queries[m.name] = queryFigure{
			P50: milliseconds(percentile(m.partitioned.again, 50)), P95: milliseconds(percentile(m.partitioned.again, 95)),
			Aggregate: m.aggregate, FlatP95: milliseconds(percentile(m.flat.again, 95)),
		}
	}
	return f
}

// missed names the queries that did not stay below their bound.
func missed(all []measured) (names []string) {
	for _, m := range all {
		if m.bound() > 0 && percentile(m.partitioned.again, 95) >= m.bound() {
			names = append(names, m.name)
		}
	}
	return names
}

const queryHeader = "  query                         runs    rows      p50      p95    first    bound   without partitions  ratio"

// line is one query for people; times are milliseconds. "First" is the 95th
// percentile of asking with values that nobody asked for before.
func (m measured) line() string {
	p95, flat := percentile(m.partitioned.again, 95), percentile(m.flat.again, 95)
	bound, verdict := "—", " "
	if m.bound() > 0 {
		bound, verdict = fmt.Sprint(m.bound().Milliseconds()), "✓"
		if p95 >= m.bound() {
			verdict = "✗"
		}
	}
	return fmt.Sprintf("%s %-28s %5d %7d %8.1f %8.1f %8.1f %8s   %18.1f  %5.2f", verdict, m.name, len(m.partitioned.again), m.rows,
		milliseconds(percentile(m.partitioned.again, 50)), milliseconds(p95), milliseconds(percentile(m.partitioned.first, 95)),
		bound, milliseconds(flat), float64(p95)/float64(max(1, flat)))
}

func say(out io.Writer, format string, args ...any) { fmt.Fprintf(out, format+"\n", args...) }
