package postgres

import (
	"reflect"
	"testing"
	"time"

	"github.com/auditflow/auditflow/audit"
)

func TestGapsAreWhatNoPartitionCovers(t *testing.T) {
	t.Parallel()
	day := func(from, to int) span {
		return span{time.Date(2025, 3, from, 0, 0, 0, 0, time.UTC), time.Date(2025, 3, to, 0, 0, 0, 0, time.UTC)}
	}
	cases := map[string]struct{ taken, want []span }{
		"with no partitions, all of it":           {nil, []span{day(10, 20)}},
		"partitions that only touch it take none": {[]span{day(1, 10), day(20, 31)}, []span{day(10, 20)}},
		"one that covers it leaves nothing":       {[]span{day(1, 31)}, nil},
		"one that is it leaves nothing":           {[]span{day(10, 20)}, nil},
		"one that reaches in from before":         {[]span{day(5, 12)}, []span{day(12, 20)}},
		"one that reaches out":                    {[]span{day(18, 25)}, []span{day(10, 18)}},
		"one in the middle leaves two":            {[]span{day(13, 14)}, []span{day(10, 13), day(14, 20)}},
		"several, in no order":                    {[]span{day(18, 25), day(13, 14), day(5, 12)}, []span{day(12, 13), day(14, 18)}},
		"several that cover it together":          {[]span{day(15, 20), day(10, 12), day(12, 15)}, nil},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			if got := gaps(day(10, 20), c.taken); !reflect.DeepEqual(got, c.want) {
				t.Errorf("got %v, want %v", got, c.want)
			}
		})
	}
}

// PostgreSQL cuts longer names off silently, and cut names collide.
func TestPartitionNamesFitPostgreSQL(t *testing.T) {
	t.Parallel()
	const longest = 63 - len("_99")
	week := audit.PeriodOf(audit.Weekly, time.Date(2025, 12, 31, 0, 0, 0, 0, time.UTC))
	name := partitionName(week, span{week.Start.AddDate(0, 0, 1), week.End})
	if name != "kubernetes_execution_audit_w2025_12_29_from_2025_12_30" || len(name) > longest {
		t.Errorf("got %s, %d characters", name, len(name))
	}
}
