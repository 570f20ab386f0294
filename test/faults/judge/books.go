package judge

import (
	"crypto/sha256"
	"sync"
	"time"
)

// Execution is one that ended, as whoever ended it has written it down.
type Execution struct {
	UID, Name string
	Action    string
	Success   bool
	// Output is what the row must say, unless it holds a secret.
	Output string
	Secret bool
}

// Promise is what somebody was told of an execution.
type Promise int

const (
	// Durable promises that it will have its row, whatever happens (HTTP 201; the finalizer is
	// off, and the object may go).
	Durable Promise = iota + 1
	// Persisted promises that it has its row (the annotation says so, or the answer to
	// ?wait=persisted).
	Persisted
)

// entry is what the books know of one execution.
type entry struct {
	Execution
	output    [sha256.Size]byte
	known     bool      // from the load's ledger, content and all
	completed time.Time // zero: posted and not acknowledged
	promised  Promise
	absent    bool // it was told to be persisted, and was not there
}

// Books are what must be there. They are safe for concurrent use.
type Books struct {
	mu       sync.Mutex
	byUID    map[string]*entry
	byName   map[string]string // UID
	promises []string          // UIDs told to be persisted that nobody has looked for yet
	// disorders are sentences about executions whose marks are not a line.
	disorders []string
}

// NewBooks are empty.
func NewBooks() *Books { return &Books{byUID: map[string]*entry{}, byName: map[string]string{}} }

// entry is that of a UID, made if there is none. Call it with mu held.
func (b *Books) entry(uid, name string) *entry {
	e := b.byUID[uid]
	if e == nil {
		e = &entry{Execution: Execution{UID: uid, Name: name}}
		b.byUID[uid], b.byName[name] = e, uid
	}
	return e
}

// Attempt notes an execution that the load is about to end, or a record that it is
// about to post. Nothing is promised yet.
func (b *Books) Attempt(x Execution) {
	b.mu.Lock()
	defer b.mu.Unlock()
	e := b.entry(x.UID, x.Name)
	e.Execution, e.known = x, true
	e.output = sha256.Sum256([]byte(x.Output))
	e.Output = "" // what a hundred thousand of them said is not kept
}

// Complete notes that an execution is over in the API: from now on it must not be
// lost, whoever has seen it so far.
func (b *Books) Complete(uid, name string, at time.Time) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if e := b.entry(uid, name); e.completed.IsZero() {
		e.completed = at
	}
}

// Acknowledge notes what somebody was told. What is acknowledged is completed, too.
func (b *Books) Acknowledge(uid, name string, p Promise, at time.Time) {
	b.mu.Lock()
	defer b.mu.Unlock()
	e := b.entry(uid, name)
	if e.completed.IsZero() {
		e.completed = at
	}
	if p == Persisted && e.promised != Persisted {
		b.promises = append(b.promises, uid)
	}
	e.promised = max(e.promised, p)
}

// Completions is how many executions must not be lost.
func (b *Books) Completions() (n int) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, e := range b.byUID {
		if !e.completed.IsZero() {
			n++
		}
	}
	return n
}

// Unacknowledged is of how many completed executions nobody was told yet that they
// are safe.
func (b *Books) Unacknowledged() (n int) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, e := range b.byUID {
		if !e.completed.IsZero() && e.promised == 0 {
			n++
		}
	}
	return n
}

// takePromises hands over, as names by UID, what was told to be persisted and
// nobody has looked for yet.
func (b *Books) takePromises() map[string]string {
	b.mu.Lock()
	defer b.mu.Unlock()
	taken := make(map[string]string, len(b.promises))
	for _, uid := range b.promises {
		taken[uid] = b.byUID[uid].Name
	}
	b.promises = nil
	return taken
}

// returnPromises gives back what could not be looked for.
func (b *Books) returnPromises(taken map[string]string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for uid := range taken {
		b.promises = append(b.promises, uid)
	}
}

func (b *Books) noteAbsent(uid string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.byUID[uid].absent = true
}
