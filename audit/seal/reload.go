package seal

import (
	"crypto/sha256"
	"fmt"
	"sync"
	"sync/atomic"
	"time"
)

// follower keeps a ring up to date with its file. Who uses the keys looks at the
// file now and then, and so does watch, for those times when nobody uses them.
// The file is read and compared, for it is small, and neither times nor sizes of
// files tell changes for sure.
type follower struct {
	cfg  Config
	ring atomic.Pointer[ring]
	due  atomic.Int64 // when to look again, on cfg.elapsed

	stop    chan struct{} // closed to end watch
	stopped chan struct{} // closed when it has ended; both nil if there is none
	once    sync.Once

	mu       sync.Mutex // one looks, and reports, at a time; the fields below are its
	loaded   [sha256.Size]byte
	refused  [sha256.Size]byte // the last version that could not be used,
	again    time.Duration     // not to be tried again before: the KMS may be slow
	reported string
}

func follow(cfg Config) (*follower, error) {
	if cfg.Recheck <= 0 {
		cfg.Recheck = defaultRecheck
	}
	if cfg.elapsed == nil {
		start := time.Now()
		cfg.elapsed = func() time.Duration { return time.Since(start) }
	}
	f := &follower{cfg: cfg}
	text, err := cfg.read()
	if err != nil {
		return nil, err
	}
	fresh, err := cfg.ring(text)
	if err != nil {
		return nil, err
	}
	f.ring.Store(fresh)
	f.loaded = sha256.Sum256(text)
	f.due.Store(int64(cfg.elapsed() + cfg.Recheck))
	return f, nil
}

// start has the file watched until close, if there is somebody to tell.
func (f *follower) start() {
	if f.cfg.Report == nil {
		return // who uses the keys finds the new ones without a goroutine
	}
	f.stop, f.stopped = make(chan struct{}), make(chan struct{})
	go f.watch()
}

// watch looks at the file by the clock, whoever else has looked meanwhile: an
// idle process is just the one that an operator waits for before the next step
// of a rotation.
func (f *follower) watch() {
	defer close(f.stopped)
	tick := time.NewTicker(f.cfg.Recheck)
	defer tick.Stop()
	for {
		select {
		case <-f.stop:
			return
		case <-tick.C:
			f.newest()
		}
	}
}

// close ends watch and waits for the look that is under way, which takes as long
// as the KMS does at most.
func (f *follower) close() {
	if f.stop == nil {
		return
	}
	f.once.Do(func() { close(f.stop) })
	<-f.stopped
}

func (c Config) ring(text []byte) (*ring, error) {
	handle, err := c.handle(text)
	if err != nil {
		return nil, err
	}
	r, err := newRing(handle)
	if err != nil {
		return nil, fmt.Errorf("load keyset %s: %w; %s", c.File, err, remedy)
	}
	return r, nil
}

// current returns the keys, having looked at the file if it is time to. While
// one caller looks, which may take as long as the KMS does, the others go on
// with the keys there are.
func (f *follower) current() *ring {
	now := f.cfg.elapsed()
	if due := f.due.Load(); int64(now) >= due && f.due.CompareAndSwap(due, int64(now+f.cfg.Recheck)) && f.mu.TryLock() {
		defer f.mu.Unlock()
		f.look()
	}
	return f.ring.Load()
}

// newest returns the keys of the file as it is now: for whoever misses one.
func (f *follower) newest() *ring {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.look()
	return f.ring.Load()
}

// look reads the file and uses and reports what changed. It is called with the
// lock held, so that reports come one at a time and in their order.
func (f *follower) look() {
	if news, changed := f.changes(); changed && f.cfg.Report != nil {
		f.cfg.Report(news)
	}
}

// changes reads the file, uses what changed, and tells what there is to report.
func (f *follower) changes() (news Reload, changed bool) {
	text, err := f.cfg.read()
	if err != nil {
		return f.refuse(err)
	}
	sum, now := sha256.Sum256(text), f.cfg.elapsed()
	if sum == f.loaded {
		f.reported = ""
		return Reload{}, false
	}
	if sum == f.refused && now < f.again {
		return Reload{}, false
	}
	fresh, err := f.cfg.ring(text)
	if err != nil {
		f.refused, f.again = sum, now+f.cfg.Recheck
		return f.refuse(err)
	}
	f.ring.Store(fresh)
	f.loaded, f.reported = sum, ""
	return Reload{Keys: fresh.info}, true
}

// refuse keeps the old keys and reports each fault once, not at every look.
func (f *follower) refuse(err error) (Reload, bool) {
	if f.reported == err.Error() {
		return Reload{}, false
	}
	f.reported = err.Error()
	return Reload{Keys: f.ring.Load().info, Err: err}, true
}
