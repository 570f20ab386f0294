package lifecycle_test

import (
	"errors"
	"iter"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/auditflow/auditflow/audit"
	. "github.com/auditflow/auditflow/audit/lifecycle"
)

var intervals = []audit.Interval{audit.Monthly, audit.Weekly, audit.Daily}

// ensure does what the store does with a period: it fills the gaps.
func ensure(partitions []audit.Partition, p audit.Period) []audit.Partition {
	from := p.Start
	slices.SortFunc(partitions, func(a, b audit.Partition) int { return a.Period.Start.Compare(b.Period.Start) })
	var fresh []audit.Partition
	add := func(start, end time.Time) {
		if start.Before(end) {
			fresh = append(fresh, table(start.Format(time.DateOnly), end.Format(time.DateOnly)))
		}
	}
	for _, t := range partitions {
		if t.Period.End.After(from) && t.Period.Start.Before(p.End) {
			add(from, t.Period.Start)
			from = t.Period.End
		}
	}
	add(from, p.End)
	return append(partitions, fresh...)
}

// Years in which the interval changes, the worker is away for up to a month, and
// retention drops what is old: whenever it has run, there are partitions for as
// long as asked, it asks for nothing more, and nothing that was dropped is back.
func TestTheRunwayIsNeverShorterThanAskedOnceCreationHasRun(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		now := day("2026-11-23").Add(time.Duration(rapid.IntRange(0, 400*24).Draw(t, "start")) * time.Hour)
		policy := Create{Interval: audit.Monthly, Ahead: rapid.IntRange(1, 5).Draw(t, "ahead"), Back: days(90)}
		var partitions []audit.Partition
		for range rapid.IntRange(1, 25).Draw(t, "runs") {
			if rapid.IntRange(0, 5).Draw(t, "change") == 0 {
				policy.Interval = rapid.SampledFrom(intervals).Draw(t, "interval")
			}
			oldest := now.Add(-time.Duration(policy.Back))
			for _, p := range CreateAhead(now, policy, partitions) {
				if !p.End.After(oldest) {
					t.Fatalf("at %s: %s was dropped and is to be created again", now, p.Suffix())
				}
				partitions = ensure(partitions, p)
			}
			last := audit.PeriodOf(policy.Interval, now)
			for range policy.Ahead {
				last = audit.PeriodOf(policy.Interval, last.End)
			}
			if end := now.Add(Runway(now, partitions)); end.Before(last.End) {
				t.Fatalf("at %s the runway ends %s, before %s", now, end, last.End)
			}
			if again := CreateAhead(now, policy, partitions); len(again) != 0 {
				t.Fatalf("at %s it asks again for %v", now, again)
			}
			now = now.Add(time.Duration(rapid.IntRange(0, 30*24*60).Draw(t, "minutes")) * time.Minute)
			partitions = slices.DeleteFunc(partitions, func(p audit.Partition) bool {
				return Expired(now, audit.Retention{Mode: audit.RetainPartitions, Live: 90 * Day}, p)
			})
		}
	})
}

func anyPartition(t *rapid.T) audit.Partition {
	at := day("2024-01-01").AddDate(0, 0, rapid.IntRange(0, 1200).Draw(t, "at"))
	p := audit.PeriodOf(rapid.SampledFrom(intervals).Draw(t, "interval"), at)
	state := rapid.SampledFrom([]audit.PartitionState{audit.PartitionAttached, audit.PartitionDetaching, audit.PartitionDetached}).Draw(t, "state")
	return in(state, table(p.Start.Format(time.DateOnly), p.End.Format(time.DateOnly)))
}

func anySituation(t *rapid.T) Situation {
	return Situation{
		Partition: anyPartition(t),
		Holds:     make([]audit.Hold, rapid.IntRange(0, 2).Draw(t, "holds")),
		InFlight:  int64(rapid.IntRange(0, 2).Draw(t, "in flight")),
		Empty:     rapid.Bool().Draw(t, "empty"),
	}
}

func TestNothingIsEverDroppedThatIsYoungHeldUnarchivedOrUnderWay(t *testing.T) {
	t.Parallel()
	modes := []audit.RetentionMode{audit.RetainPartitions, audit.RetainRows, audit.RetainAll, ""}
	rapid.Check(t, func(t *rapid.T) {
		now := day("2026-01-01").Add(time.Duration(rapid.IntRange(0, 400*24*60).Draw(t, "now")) * time.Minute)
		r := audit.Retention{
			Mode: rapid.SampledFrom(modes).Draw(t, "mode"), Live: time.Duration(rapid.IntRange(1, 800).Draw(t, "live")) * Day,
		}
		all := rapid.SliceOfN(rapid.Custom(anySituation), 1, 6).Draw(t, "situations")
		archived := filed(rapid.SliceOfN(rapid.Custom(anyPartition), 0, 6).Draw(t, "archived")...)
		for i := range archived {
			archived[i].Deleted = rapid.IntRange(0, 3).Draw(t, "deleted") == 0
		}
		decisions := PlanRetention(now, r, all, archived)
		if len(decisions) != len(all) {
			t.Fatalf("%d decisions about %d partitions", len(decisions), len(all))
		}
		for i, d := range decisions {
			s, bound := all[i], now.Add(-r.Live)
			off := r.Mode == audit.RetainAll || r.Mode == ""
			switch {
			case d.Why == "":
				t.Fatalf("%+v does not say why", d)
			case d.Action == Keep:
			case off:
				t.Fatalf("retention is off, and yet %+v", d)
			case d.Action == DeleteRows:
				if r.Mode != audit.RetainRows || d.Before.After(bound) || d.Before.After(d.End) || s.Partition.State != audit.PartitionAttached {
					t.Fatalf("%+v of %+v at %s", d, s, now)
				}
			case s.Partition.Period.End.After(bound):
				t.Fatalf("%s has rows that have not expired: %+v", s.Partition.Name, d)
			case len(s.Holds) > 0, s.InFlight > 0:
				t.Fatalf("%+v is dropped: %+v", s, d)
			case !s.Empty && len(Overlapping(s.Partition.Period, archived)) == 0:
				t.Fatalf("%s is in no archive: %+v", s.Partition.Name, d)
			}
		}
	})
}

// A longer retention, one hold or delivery more: never is more deleted by that.
func TestMoreToKeepNeverDeletesMore(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		now, live := day("2026-06-15"), time.Duration(rapid.IntRange(1, 800).Draw(t, "live"))*Day
		s := anySituation(t)
		archived := filed(s.Partition)
		decide := func(live time.Duration, s Situation) Action {
			return PlanRetention(now, audit.Retention{Mode: audit.RetainPartitions, Live: live}, []Situation{s}, archived)[0].Action
		}
		if decide(live, s) == Drop {
			return
		}
		more := s
		more.Holds, more.InFlight = append(more.Holds, audit.Hold{ID: 9}), more.InFlight+1
		longer := live + time.Duration(rapid.IntRange(0, 800).Draw(t, "longer"))*Day
		if decide(longer, s) != Keep || decide(live, more) != Keep {
			t.Fatalf("%+v is kept, but not with more to keep it", s)
		}
	})
}

func each(entries []audit.Entry, last error) iter.Seq2[audit.Entry, error] {
	return func(yield func(audit.Entry, error) bool) {
		for _, e := range entries {
			if !yield(e, nil) {
				return
			}
		}
		if last != nil {
			yield(audit.Entry{}, last)
		}
	}
}

func TestComparingFindsExactlyWhatTheArchiveDoesNotHave(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		var table, archived []audit.Entry
		var want Comparison
		for at := range rapid.IntRange(0, 40).Draw(t, "rows") {
			e := audit.Entry{At: int64(at / 3), ID: [16]byte{byte(at)}, Digest: [32]byte{1}}
			switch rapid.SampledFrom([]string{"both", "twice", "missing", "altered", "gone"}).Draw(t, "row") {
			case "both":
				table, archived = append(table, e), append(archived, e)
			case "twice":
				table, archived = append(table, e), append(archived, e, e)
			case "gone":
				archived = append(archived, e)
				continue
			case "missing":
				if want.Missing == 0 && len(table) > 0 {
					want.Before = table[len(table)-1].Key()
				}
				table = append(table, e)
				want.Missing++
			case "altered":
				table = append(table, e)
				want.Altered++
				if want.Altered <= MaxNamed {
					want.AlteredIDs = append(want.AlteredIDs, e.Key().ID)
				}
				e.Digest[0] = 2
				archived = append(archived, e)
			}
			want.Rows++
		}
		got, err := Compare(each(table, nil), each(archived, nil))
		if err != nil || got.Rows != want.Rows || got.Missing != want.Missing || got.Altered != want.Altered ||
			got.Before != want.Before || !slices.Equal(got.AlteredIDs, want.AlteredIDs) || got.Proven() != (want.Missing+want.Altered == 0) {
			t.Fatalf("%+v, %v; want %+v", got, err, want)
		}
	})
}

func TestAComparisonThatCannotReadEitherSideFails(t *testing.T) {
	t.Parallel()
	row, broken := []audit.Entry{{At: 1}, {At: 2}}, errors.New("broken")
	if _, err := Compare(each(row, broken), each(row, nil)); !errors.Is(err, broken) {
		t.Errorf("the table breaks off: %v", err)
	}
	if _, err := Compare(each(row, nil), each(row[:1], broken)); !errors.Is(err, broken) {
		t.Errorf("the archive breaks off: %v", err)
	}
}
