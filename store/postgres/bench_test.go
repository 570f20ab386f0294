package postgres_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/auditflow/auditflow/audit"
	"github.com/auditflow/auditflow/store/postgres"
)

// BenchmarkAppend stores new records of about 2 KiB, one connection, fsync on,
// with as many partitions beside the one that is written.
func BenchmarkAppend(b *testing.B) {
	for _, partitions := range []int{1, 90} {
		for _, size := range []int{1, 100} {
			b.Run(fmt.Sprintf("rows=%d/partitions=%d", size, partitions), func(b *testing.B) {
				store := open(b, postgres.Config{URL: database(b), MaxConns: 1, Interval: audit.Daily})
				for i := range partitions {
					_, err := store.EnsurePeriod(b.Context(), audit.PeriodOf(audit.Daily, january.AddDate(0, 0, i)))
					must(b, err)
				}
				template := complete("template", january)
				template.Output = strings.Repeat("0123456789abcdef", 90)
				records := make([]audit.Record, size)
				n := 0
				b.ReportAllocs()
				for b.Loop() {
					for i := range records {
						n++
						records[i] = template
						records[i].ID = audit.ID("bench", fmt.Sprint(n)) // with a digest that does not fit, which costs the same
					}
					if _, err := store.Append(b.Context(), records); err != nil {
						b.Fatal(err)
					}
				}
				b.ReportMetric(float64(b.Elapsed().Microseconds())/float64(n), "µs/record")
			})
		}
	}
}
