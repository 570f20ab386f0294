package console

import (
	"testing"
	"time"

	"github.com/auditflow/auditflow/audit"
)

func TestAxesBeginAtNothingAndReachTheMost(t *testing.T) {
	t.Parallel()
	for _, most := range []int64{0, 1, 3, 4, 5, 9, 37, 99, 100, 101, 12_345, 1 << 40} {
		ticks := countTicks(most)
		if last := ticks[len(ticks)-1]; ticks[0] != 0 || last < most || len(ticks) < 2 || len(ticks) > 6 {
			t.Errorf("%d: %v", most, ticks)
		}
	}
}

func TestTimesOfAnAxisAreFewWhateverItsLength(t *testing.T) {
	t.Parallel()
	from := time.Date(2026, 2, 27, 13, 30, 0, 0, time.UTC)
	for _, length := range []time.Duration{time.Hour * 24, 7 * 24 * time.Hour, 30 * 24 * time.Hour, 400 * 24 * time.Hour, 12 * 365 * 24 * time.Hour} {
		to := from.Add(length)
		ticks := timeTicks(scale{float64(from.Unix()), float64(to.Unix()), 0, 100}, from, to)
		if len(ticks) < 3 || len(ticks) > 14 {
			t.Errorf("%s: %d", length, len(ticks))
		}
		for _, tick := range ticks {
			if tick.At < 0 || tick.At > 100 {
				t.Errorf("%s: %s lies outside, at %v", length, tick.Text, tick.At)
			}
		}
	}
}

func TestBarsOfVolumeStandOnEachOtherAndInsideThePlot(t *testing.T) {
	t.Parallel()
	to := time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC)
	r := Range{to.Add(-24 * time.Hour), to}
	p := plotVolume(trends{Range: r, Step: time.Hour, Steps: complete(r, time.Hour, []Step{{Start: r.From.Add(3 * time.Hour), Succeeded: 30, Failed: 10}})})
	if len(p.Bars) != 48 {
		t.Fatalf("%d bars for 24 hours", len(p.Bars))
	}
	good, bad := p.Bars[6], p.Bars[7]
	if good.Class != "s1" || bad.Y+bad.H != good.Y || good.Y+good.H != plotBottom || good.H != 3*bad.H || bad.Y < plotTop {
		t.Errorf("30 that succeeded %+v, 10 that failed %+v", good, bad)
	}
	if rest := p.Bars[0]; rest.H != 0 {
		t.Errorf("an hour without any: %+v", rest)
	}
}

func TestDurationsOfAnyLengthHaveAPlaceInOrder(t *testing.T) {
	t.Parallel()
	for _, d := range [][3]time.Duration{{0, 0, 0}, {time.Microsecond, time.Millisecond, time.Second}, {time.Minute, time.Hour, 5000 * time.Hour}, {time.Second, time.Second, time.Second}} {
		p := plotLengths([]Durations{{Action: "scale", P50: d[0], P95: d[1], P99: d[2], Max: d[2]}})
		row := p.Rows[0]
		if row.P50 > row.P95 || row.P95 > row.P99 || row.P50 < nameWidth || len(p.Ticks) < 2 {
			t.Errorf("%v: %+v of %v", d, row, p.Ticks)
		}
	}
}

func TestATimelineHoldsWhatHasNoEnd(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 6, 15, 0, 0, 0, 0, time.UTC)
	endless := audit.Partition{Name: "p", State: audit.PartitionAttached, Period: audit.PeriodBetween(time.Time{}, time.Date(20000, 1, 1, 0, 0, 0, 0, time.UTC))}
	p := plotTimeline(&timelinePage{Kept: []kept{{Period: endless.Period, Partition: &endless}}}, now)
	if len(p.Bars) != 1 || p.Bars[0].X < timelineLeft || p.Bars[0].X+p.Bars[0].W > plotRight+0.1 || p.Now <= p.Bars[0].X {
		t.Errorf("%+v", p)
	}
}

func TestThePartitionsAheadEndAtTheFirstGap(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 6, 15, 0, 0, 0, 0, time.UTC)
	month := func(m time.Month, state audit.PartitionState) kept {
		p := audit.Partition{Period: audit.PeriodOf(audit.Monthly, time.Date(2026, m, 1, 0, 0, 0, 0, time.UTC)), State: state}
		return kept{Period: p.Period, Partition: &p}
	}
	attached, leaving := audit.PartitionAttached, audit.PartitionDetaching
	for name, tc := range map[string]struct {
		all  []kept
		want time.Time
	}{
		"none":             {nil, now},
		"up to a gap":      {[]kept{month(5, attached), month(6, attached), month(7, attached), month(9, attached)}, time.Date(2026, 8, 1, 0, 0, 0, 0, time.UTC)},
		"not that of now":  {[]kept{month(5, attached), month(7, attached)}, now},
		"one that goes":    {[]kept{month(6, leaving)}, now},
		"only the archive": {[]kept{{Period: month(6, attached).Period}}, now},
	} {
		if got := coveredUntil(tc.all, now); !got.Equal(tc.want) {
			t.Errorf("%s: until %s, want %s", name, got, tc.want)
		}
	}
}
