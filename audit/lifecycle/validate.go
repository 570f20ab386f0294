package lifecycle

import (
	"errors"
	"fmt"
	"math"
	"time"

	"github.com/auditflow/auditflow/audit"
)

// Floor is the shortest retention there can be: anything less is a mistake, most
// likely in the unit.
const Floor = Day

// CheckRetention reports every fault of a retention beside what is archived
// when. A retention that is off has none.
func CheckRetention(r audit.Retention, archiveAfter Age) error {
	var faults []error
	fault := func(format string, args ...any) { faults = append(faults, fmt.Errorf(format, args...)) }
	switch r.Mode {
	case audit.RetainAll:
		return nil
	case audit.RetainPartitions, audit.RetainRows:
	default:
		fault("retention.mode: want one of %s, %s, %s, not %q", audit.RetainAll, audit.RetainPartitions, audit.RetainRows, r.Mode)
	}
	if r.Live < Floor {
		fault("retention.after: %s is less than the %s that are the least: check the unit", Age(r.Live), Age(Floor))
	}
	if r.Live < time.Duration(archiveAfter) {
		fault("retention.after: %s is less than archive.after, %s: rows would have to go before they are archived", Age(r.Live), archiveAfter)
	}
	if r.Archive != 0 && r.Archive <= r.Live {
		fault("retention.archive_after: %s must be more than retention.after, %s, or 0 for ever", Age(r.Archive), Age(r.Live))
	}
	return errors.Join(faults...)
}

// CheckShortening refuses a retention that deletes sooner than the one in force,
// until somebody has confirmed that. Nothing in force is the zero value.
func CheckShortening(r, inForce audit.Retention) error {
	if inForce.Mode == "" || !shorter(r, inForce) {
		return nil
	}
	return fmt.Errorf("the retention %q deletes sooner than %q, which is in force: if that is meant, run auditctl retention confirm; until then nothing is deleted",
		Words(r), Words(inForce))
}

// Differs tells whether two retentions keep something for different times.
func Differs(a, b audit.Retention) bool {
	return a.Mode != b.Mode || a.Live != b.Live || a.Archive != b.Archive
}

// shorter tells whether anything is deleted sooner by r than by the other. To
// delete rows is sooner than to wait until a whole partition has expired.
func shorter(r, than audit.Retention) bool {
	if r.Mode == audit.RetainAll {
		return false
	}
	return live(r) < live(than) || archive(r) < archive(than) ||
		r.Mode == audit.RetainRows && than.Mode != audit.RetainRows
}

func live(r audit.Retention) time.Duration {
	if r.Mode == audit.RetainAll {
		return math.MaxInt64
	}
	return r.Live
}

func archive(r audit.Retention) time.Duration {
	if r.Mode == audit.RetainAll || r.Archive == 0 {
		return math.MaxInt64
	}
	return r.Archive
}

// Words is a retention in words, for tombstones and messages.
func Words(r audit.Retention) string {
	if r.Mode == audit.RetainAll || r.Mode == "" {
		return "off"
	}
	words := fmt.Sprintf("%s after %s, the archive ", r.Mode, Age(r.Live))
	if r.Archive == 0 {
		return words + "for ever"
	}
	return words + "after " + Age(r.Archive).String()
}
