package judge

import (
	"fmt"
	"time"
)

// Row is one that was found in the database or in the archive.
type Row struct {
	UID, Name string
	Action    string
	Success   bool
	Output    [32]byte // SHA-256 of what it says
	Persisted time.Time
	Where     string // partition or object
}

// Places are the rows that were found. One may be in several of them while it is on
// its way out: in the table, in its partition once that is detached, and in the
// archive. Read in this order they miss nothing that moves meanwhile.
type Places struct{ Live, Detached, Archived []Row }

func (p Places) each(do func(place string, rows []Row)) {
	do("database", p.Live)
	do("detached partition", p.Detached)
	do("archive", p.Archived)
}

// Verdict is what became of the executions in the books.
type Verdict struct {
	Completions  int
	Acknowledged int
	// Lost are completed and in neither place.
	Lost int
	// Duplicates have more than one row in one of the places.
	Duplicates int
	// Altered say something else than what was completed.
	Altered int
	// AbsentAcknowledged were acknowledged and are not there: now, or at the moment
	// at which they were told to be persisted.
	AbsentAcknowledged int
	// Strange rows are of executions that nobody has attempted.
	Strange int
	// Disorders is how often the marks of an object were not a line.
	Disorders int
	// Delay is how long after the last fault was healed the last row was written;
	// of executions that completed later, after their completion.
	Delay time.Duration
	// Examples name a few of what is wrong.
	Examples []string
}

// Kept tells whether nothing is wrong.
func (v Verdict) Kept() bool {
	return v.Lost+v.Duplicates+v.Altered+v.AbsentAcknowledged+v.Strange+v.Disorders == 0
}

const maxExamples = 10

func (v *Verdict) complain(format string, args ...any) {
	if len(v.Examples) < maxExamples {
		v.Examples = append(v.Examples, fmt.Sprintf(format, args...))
	}
}

// Judge compares the books with the rows that were found.
func (b *Books) Judge(found Places, healed time.Time) Verdict {
	b.mu.Lock()
	defer b.mu.Unlock()
	v := Verdict{Disorders: len(b.disorders)}
	for _, wrong := range b.disorders {
		v.complain("%s", wrong)
	}
	there := map[string]int{}
	found.each(func(place string, rows []Row) {
		times := map[string]int{}
		for _, r := range rows {
			there[r.UID]++
			if times[r.UID]++; times[r.UID] == 2 {
				v.Duplicates++
				v.complain("%s has more than one row in the %s, one in %s", r.Name, place, r.Where)
			}
			b.compare(&v, r, healed)
		}
	})
	for uid, e := range b.byUID {
		if e.completed.IsZero() {
			continue // it was posted, nobody said that it was taken, and it may be there
		}
		v.Completions++
		if there[uid] == 0 {
			v.Lost++
			v.complain("%s is lost", e.Name)
		}
		if e.promised == 0 {
			continue
		}
		v.Acknowledged++
		if there[uid] == 0 || e.absent {
			v.AbsentAcknowledged++
			v.complain("%s was acknowledged and was not there", e.Name)
		}
	}
	return v
}

// Missing is how many of those that had completed by a moment are in no place.
func (b *Books) Missing(found Places, by time.Time) (n int) {
	there := map[string]bool{}
	found.each(func(_ string, rows []Row) {
		for _, r := range rows {
			there[r.UID] = true
		}
	})
	b.mu.Lock()
	defer b.mu.Unlock()
	for uid, e := range b.byUID {
		if !e.completed.IsZero() && !e.completed.After(by) && !there[uid] {
			n++
		}
	}
	return n
}

// compare looks at one row.
func (b *Books) compare(v *Verdict, r Row, healed time.Time) {
	e := b.byUID[r.UID]
	if e == nil {
		v.Strange++
		v.complain("%s in %s is of an execution that nobody has ended", r.Name, r.Where)
		return
	}
	if e.known && (r.Name != e.Name || r.Action != e.Action || r.Success != e.Success || !e.Secret && r.Output != e.output) {
		v.Altered++
		v.complain("%s in %s says something else than what happened", r.Name, r.Where)
	}
	since := e.completed
	if healed.After(since) {
		since = healed
	}
	if !e.completed.IsZero() {
		v.Delay = max(v.Delay, r.Persisted.Sub(since))
	}
}
