package lifecycle_test

import (
	"testing"
	"time"

	"github.com/auditflow/auditflow/audit"
	"github.com/auditflow/auditflow/audit/lifecycle"
)

func TestWhereHoldsAndRetentionMeet(t *testing.T) {
	t.Parallel()
	const day = lifecycle.Day
	now := time.Date(2026, 11, 23, 0, 0, 0, 0, time.UTC)
	month := func(back int) audit.Period { // begins so many days ago, has 30
		return audit.Period{Start: now.AddDate(0, 0, -back), End: now.AddDate(0, 0, 30-back)}
	}
	held := []audit.Partition{{Period: month(130)}, {Period: month(120)}, {Period: month(110)}, {Period: month(10)}}
	var archived []audit.Archived
	for _, p := range []audit.Period{month(400), month(370), month(360)} {
		archived = append(archived, audit.Archived{Manifest: audit.Manifest{Period: p.Start.Format(time.DateOnly), Start: p.Start, End: p.End}})
	}
	filed := lifecycle.File(archived, nil)
	all := []audit.Hold{{Kind: audit.HoldPeriod, Start: now.AddDate(-3, 0, 0), End: now}}
	for name, tc := range map[string]struct {
		got  lifecycle.Collision
		want lifecycle.Collision
	}{
		"a partition expires with its last row": {
			lifecycle.CollideLive(now, audit.Retention{Mode: audit.RetainPartitions, Live: 90 * day}, held),
			lifecycle.Collision{Overdue: 2, Next: now.Add(10 * day)},
		},
		"or with its first, where rows are deleted": {
			lifecycle.CollideLive(now, audit.Retention{Mode: audit.RetainRows, Live: 90 * day}, held),
			lifecycle.Collision{Overdue: 3, Next: now.Add(80 * day)},
		},
		"nothing expires without retention": {lifecycle.CollideLive(now, audit.Retention{Mode: audit.RetainAll, Live: 90 * day}, held), lifecycle.Collision{}},
		"the archive later": {
			lifecycle.CollideArchive(now, audit.Retention{Mode: audit.RetainPartitions, Archive: 366 * day}, filed, all),
			lifecycle.Collision{Overdue: 1, Next: now.Add(26 * day)},
		},
		"if ever":            {lifecycle.CollideArchive(now, audit.Retention{Mode: audit.RetainPartitions}, filed, all), lifecycle.Collision{}},
		"not where none is":  {lifecycle.CollideArchive(now, audit.Retention{Mode: audit.RetainPartitions, Archive: day}, filed, nil), lifecycle.Collision{}},
		"rows are not asked": {lifecycle.CollideArchive(now, audit.Retention{Mode: audit.RetainPartitions, Archive: day}, filed, []audit.Hold{{Kind: audit.HoldAction, Value: "x"}}), lifecycle.Collision{}},
	} {
		if tc.got != tc.want {
			t.Errorf("%s: %+v, want %+v", name, tc.got, tc.want)
		}
	}
}
