package main

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/auditflow/auditflow/audit"
)

//nolint:gochecknoglobals // a constant
var noon = time.Date(2026, 1, 1, 12, 0, 0, 0, time.UTC)

func after(ms int) time.Time { return noon.Add(time.Duration(ms) * time.Millisecond) }

// backend waits since noon and a few milliseconds, for others.
func backend(pid int32, name string, since int, blockers map[int32]string) waiter {
	w := waiter{pid: pid, name: name, since: after(since)}
	for pid, name := range blockers {
		w.blockers, w.names = append(w.blockers, pid), append(w.names, name)
	}
	return w
}

// seen are the waits that samples, 10 ms apart, show.
func seen(t *testing.T, samples ...[]waiter) []lockWait {
	t.Helper()
	w := &lockWatch{open: map[int32]*lockWait{}, stopping: func() {}, done: make(chan struct{})}
	close(w.done)
	for i, s := range samples {
		w.take(s, after(10*(i+1)))
	}
	w.take(nil, after(10*(len(samples)+1)))
	waits, err := w.stop()
	if err != nil {
		t.Fatal(err)
	}
	return waits
}

func TestAWaitIsForMaintenanceAlsoThroughOthers(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		sample []waiter
		want   bool
	}{
		"maintenance has the lock":            {[]waiter{backend(1, "writer 1", 1, map[int32]string{9: asMaintenance})}, true},
		"maintenance is before it in a queue": {[]waiter{backend(1, "writer 1", 1, map[int32]string{2: "reader", 9: asMaintenance})}, true},
		"another writer waits for maintenance": {[]waiter{
			backend(1, "writer 1", 1, map[int32]string{2: "writer 2"}), backend(2, "writer 2", 1, map[int32]string{9: asMaintenance}),
		}, true},
		"only another writer has it": {[]waiter{backend(1, "writer 1", 1, map[int32]string{2: "writer 2"})}, false},
		"two wait for each other": {[]waiter{
			backend(1, "writer 1", 1, map[int32]string{2: "writer 2"}), backend(2, "writer 2", 1, map[int32]string{1: "writer 1"}),
		}, false},
	} {
		if waits := seen(t, c.sample); waits[0].maintenance != c.want {
			t.Errorf("%s: %+v", name, waits)
		}
	}
}

func TestAWaitThatMaintenanceJoinsLaterIsOneForMaintenance(t *testing.T) {
	t.Parallel()
	waits := seen(t,
		[]waiter{backend(1, "writer 1", 5, map[int32]string{2: "writer 2"})},
		[]waiter{backend(1, "writer 1", 5, map[int32]string{9: asMaintenance})})
	if len(waits) != 1 || !waits[0].maintenance || !waits[0].gone.Equal(after(30)) {
		t.Errorf("%+v", waits)
	}
}

func TestTwoWaitsOfOneWriterAreTwo(t *testing.T) {
	t.Parallel()
	behind := map[int32]string{9: asMaintenance}
	waits := seen(t, []waiter{backend(1, "writer 1", 5, behind)}, []waiter{backend(1, "writer 1", 15, behind)})
	if len(waits) != 2 || !waits[0].gone.Equal(after(20)) || !waits[1].gone.Equal(after(30)) {
		t.Errorf("%+v", waits)
	}
}

func TestWaitsOfMaintenanceAndReadersAreNotThoseOfWriters(t *testing.T) {
	t.Parallel()
	if waits := seen(t, []waiter{backend(9, asMaintenance, 1, map[int32]string{3: "reader"}), backend(3, asReader, 1, nil)}); len(waits) != 0 {
		t.Errorf("%+v", waits)
	}
}

func TestAWaitIsAsLongAsItCanHaveBeen(t *testing.T) {
	t.Parallel()
	w := lockWait{since: after(5), gone: after(60)}
	for name, c := range map[string]struct {
		calls []call
		want  time.Duration
	}{
		"the Append had its answer before anybody looked": {[]call{{"", after(0), after(3)}, {"", after(4), after(20)}, {"", after(21), after(30)}}, 15 * time.Millisecond},
		"the Append went on":                              {[]call{{"", after(4), after(80)}}, 55 * time.Millisecond},
		"it is not known which Append it was":             {[]call{{"", after(0), after(3)}, {"", after(10), after(20)}}, 55 * time.Millisecond},
		"there is none":                                   {nil, 55 * time.Millisecond},
	} {
		if took := w.longest(c.calls); took != c.want {
			t.Errorf("%s: %v, want %v", name, took, c.want)
		}
	}
}

func TestAHistogramCountsUnderTheLimitThatIsNotExceeded(t *testing.T) {
	t.Parallel()
	h := histogramOf([]time.Duration{time.Millisecond, 1500 * time.Microsecond, 50 * time.Millisecond, 51 * time.Millisecond, time.Minute})
	text, err := json.Marshal(h)
	if err != nil {
		t.Fatal(err)
	}
	var told map[string]float64
	if err := json.Unmarshal(text, &told); err != nil {
		t.Fatalf("%v: %s", err, text)
	}
	for key, want := range map[string]float64{"count": 5, "max_ms": 60000, "<=1": 1, "<=2": 1, "<=50": 1, "<=100": 1, "more": 1, "<=20": 0} {
		if told[key] != want {
			t.Errorf("%s is %v, want %v: %s", key, told[key], want, text)
		}
	}
}

func TestEveryBoundThatIsMissedIsNamed(t *testing.T) {
	t.Parallel()
	at := func(x float64) *float64 { return &x }
	kept := figures{MaxLockWait: at(50), ArchiveVsCopy: at(0.5), ArchiveBytesRatio: at(0.2), PeakRSS: at(255.9), PartmanMaxLockWait: at(3000)}
	if err := kept.verdict(); err != nil {
		t.Error(err)
	}
	if err := new(figures).verdict(); err != nil {
		t.Errorf("nothing was measured: %v", err)
	}
	missed := figures{MaxLockWait: at(50.1), ArchiveVsCopy: at(0.49), ArchiveBytesRatio: at(0.201), PeakRSS: at(256)}
	missed.miss("duckdb: the number of rows differs")
	err := missed.verdict()
	for _, name := range []string{"max_lock_wait_ms", "archive_vs_copy", "archive_bytes_ratio", "peak_rss_mib", "duckdb"} {
		if err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("%s is not named: %v", name, err)
		}
	}
}

func TestDuckDBHasToFindWhatTheManifestSays(t *testing.T) {
	t.Parallel()
	m := audit.Manifest{
		Rows: 2, Digest: "d", First: audit.Key{CreatedAt: after(0), ID: "a"}, Last: audit.Key{CreatedAt: after(1), ID: "b"},
		Segments: []audit.Segment{{Object: "part", Rows: 2, Digest: "d"}},
	}
	const right = `{"rows":2,"digest":"d","first":{"us":"1767268800000000","id":"a"},"last":{"us":"1767268800001000","id":"b"},
		"files":[{"file":"x","rows":2,"digest":"d"}]}`
	if err := said(t, right).differs(m); err != nil {
		t.Error(err)
	}
	for _, change := range [][2]string{
		{`"rows":2,"digest":"d","first"`, `"rows":1,"digest":"d","first"`}, {`"d","first"`, `"e","first"`}, {`0","id":"a"`, `1","id":"a"`},
		{`"id":"b"`, `"id":"c"`}, {`"x","rows":2`, `"x","rows":3`}, {`"d"}]`, `"e"}]`}, {`{"file":"x","rows":2,"digest":"d"}`, ``},
	} {
		if err := said(t, strings.Replace(right, change[0], change[1], 1)).differs(m); err == nil {
			t.Errorf("%s instead of %s is not noticed", change[1], change[0])
		}
	}
}

func said(t *testing.T, text string) (s duckSaid) {
	t.Helper()
	if err := json.Unmarshal([]byte(text), &s); err != nil {
		t.Fatal(err)
	}
	return s
}
