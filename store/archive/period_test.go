package archive_test

import (
	"errors"
	"os"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/auditflow/auditflow/audit"
	"github.com/auditflow/auditflow/store/archive"
)

func TestPeriodsOfAllIntervalsAreReadAsOneTrail(t *testing.T) {
	onEveryBucket(t, func(t *testing.T, p place) {
		day := audit.PeriodOf(audit.Daily, time.Date(2025, 1, 31, 0, 0, 0, 0, time.UTC))
		week := audit.PeriodOf(audit.Weekly, time.Date(2025, 2, 4, 0, 0, 0, 0, time.UTC))
		piece := audit.PeriodBetween(time.Date(2025, 2, 10, 0, 0, 0, 0, time.UTC), time.Date(2025, 2, 13, 0, 0, 0, 0, time.UTC))
		var all []*audit.Persisted
		for i, period := range []audit.Period{january, day, january, week, piece} {
			rows := rowsOf(period, 100, uint64(20+i))
			written(t, p.Archive, period, rows)
			all = append(all, rows...)
		}
		// The same rows in two periods: a day that was filed before months were.
		again := rowsOf(day, 30, 30)
		written(t, p.Archive, day, again)
		written(t, p.Archive, january, again)
		all = append(all, again...)
		slices.SortFunc(all, func(a, b *audit.Persisted) int { return key(a).Compare(key(b)) })

		same(t, "all", read(t, p.Archive, january.Start, time.Time{}, ""), all)
		if got := collect(t, p.Entries(t.Context(), january.Start, piece.End)); !slices.Equal(got, entries(t, all)) {
			t.Errorf("got %d entries, want the %d of all rows in their order", len(got), len(all))
		}
		start, end := day.Start.Add(3*time.Hour), week.Start.Add(50*time.Hour)
		part := slices.DeleteFunc(slices.Clone(all), func(r *audit.Persisted) bool { return r.CreatedAt.Before(start) || !r.CreatedAt.Before(end) })
		same(t, "a stretch", read(t, p.Archive, start, end, ""), part)
		if got := collect(t, p.Entries(t.Context(), start, end)); !slices.Equal(got, entries(t, part)) {
			t.Errorf("got %d entries of the stretch, want %d", len(got), len(part))
		}

		periods, err := p.Periods(t.Context())
		must(t, err)
		if want := []audit.Period{january, day, week, piece}; !slices.Equal(periods, want) {
			t.Errorf("periods: %v, want %v", periods, want)
		}
	})
}

func TestOneRowIsFoundByItsID(t *testing.T) {
	onEveryBucket(t, func(t *testing.T, p place) {
		rows := rowsOf(january, 1000, 40)
		written(t, p.Archive, january, rows[:990])
		written(t, p.Archive, january, rows[990:])
		for _, i := range []int{0, 299, 300, 555, 989, 990, 999} {
			same(t, "found", read(t, p.Archive, january.Start, january.End, rows[i].ID), rows[i:i+1])
		}
		same(t, "an id that nobody has", read(t, p.Archive, january.Start, january.End, audit.ID("test", "nobody")), nil)
		late := rows[600]
		same(t, "before the stretch", read(t, p.Archive, late.CreatedAt.Add(time.Second), january.End, late.ID), nil)
		same(t, "after the stretch", read(t, p.Archive, january.Start, late.CreatedAt, late.ID), nil)
		for _, err := range p.Read(t.Context(), january.Start, january.End, "x' OR 1=1") {
			if err == nil {
				t.Error("what is no UUID was looked for")
			}
		}
	})
}

func TestOfTwoRunsAtOnceOneIsOutrun(t *testing.T) {
	onEveryBucket(t, func(t *testing.T, p place) {
		rows := rowsOf(january, 100, 50)
		one, err := p.Write(t.Context(), january, each(rows), nil, func(audit.Segment) {})
		must(t, err)
		other, err := p.Write(t.Context(), january, each(rows[:60]), nil, func(audit.Segment) {})
		must(t, err)
		planned := func(segments []audit.Segment) audit.Manifest {
			m := manifestOf(january, segments)
			m.Number = 1
			return m
		}
		var published, outrun int
		var mu sync.Mutex
		var wait sync.WaitGroup
		for i := range 8 {
			wait.Go(func() {
				_, err := p.Publish(t.Context(), planned([][]audit.Segment{one, other}[i%2]))
				mu.Lock()
				defer mu.Unlock()
				switch {
				case err == nil:
					published++
				case errors.Is(err, archive.ErrOutrun):
					outrun++
				default:
					t.Error(err)
				}
			})
		}
		wait.Wait()
		if published != 4 || outrun != 4 {
			t.Errorf("%d published and %d outrun, want the 4 with the same segments and the 4 others", published, outrun)
		}
		manifests, err := p.Manifests(t.Context(), january.Suffix())
		must(t, err)
		equal(t, "manifests", len(manifests), 1)
	})
}

func TestDeleteTakesAPeriodAwayUnlessItIsLocked(t *testing.T) {
	onEveryBucket(t, func(t *testing.T, p place) {
		february := audit.PeriodOf(audit.Monthly, january.End)
		m := written(t, p.Archive, january, rowsOf(january, 400, 60))
		written(t, p.Archive, february, rowsOf(february, 10, 61))
		err := p.Delete(t.Context(), january.Suffix())
		if p.locks {
			equal(t, "class", archive.Class(err), archive.ClassLocked)
			equal(t, "verdict after it was refused", verify(t, p.Archive, january, m).Verdict, audit.Intact)
			return
		}
		must(t, err)
		must(t, p.Delete(t.Context(), january.Suffix()))
		periods, err := p.Periods(t.Context())
		must(t, err)
		if !slices.Equal(periods, []audit.Period{february}) {
			t.Errorf("periods after one was deleted: %v", periods)
		}
		equal(t, "verdict of what is deleted", verify(t, p.Archive, january, m).Verdict, audit.Missing)
		equal(t, "verdict of the other", verify(t, p.Archive, february).Verdict, audit.Intact)
	})
}

func TestDeleteTakesVersionsAwayThatArePastTheirLock(t *testing.T) {
	t.Parallel()
	p := open(t, place{config: archive.Config{URL: server.URL(server.Locked, "prefix", "versions")}, files: server.DataDir + "/" + server.Locked + "/versions"})
	written(t, p.Archive, january, rowsOf(january, 10, 70)) // in a versioned bucket, without a lock
	must(t, p.Delete(t.Context(), january.Suffix()))
	equal(t, "versions that are left", archive.Versions(t, p.Archive), 0)
}

func TestADirectoryWithoutAnObjectIsNoPeriod(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	p := open(t, place{config: archive.Config{URL: "file://" + dir + "?prefix=a/b"}})
	periods, err := p.Periods(t.Context())
	must(t, err)
	equal(t, "periods of an empty bucket", len(periods), 0)

	rows := rowsOf(january, 10, 96)
	written(t, p.Archive, january, rows)
	must(t, os.Mkdir(dir+"/a/b/kubernetes_execution_audit/period=2025_02", 0o750)) // a put that came no further
	must(t, os.WriteFile(dir+"/a/b/kubernetes_execution_audit/period=2025_03", nil, 0o640))
	must(t, os.Mkdir(dir+"/a/b/kubernetes_execution_audit/else", 0o750))
	periods, err = p.Periods(t.Context())
	must(t, err)
	if !slices.Equal(periods, []audit.Period{january}) {
		t.Errorf("periods: %v", periods)
	}
	same(t, "rows", read(t, p.Archive, time.Time{}, time.Time{}, ""), rows)

	must(t, os.RemoveAll(dir))
	if _, err := p.Periods(t.Context()); archive.Class(err) != archive.ClassNotFound {
		t.Errorf("the bucket is gone: got %v", err)
	}
}
