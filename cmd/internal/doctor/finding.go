package doctor

import "fmt"

// State is what came of a check.
type State string

// The states, from the best to the worst but for NotChecked, which says nothing.
const (
	OK         State = "ok"
	NotChecked State = "not checked"
	Warning    State = "warning" // it works, and somebody should know
	Fault      State = "fault"   // it does not work, or will not for long
)

// The areas, in the order in which they are told.
const (
	InTemporal = "temporal"
	InDatabase = "database"
	InBucket   = "bucket"
	InKeys     = "keys"
)

// Finding is what one check found.
type Finding struct {
	Area  string `json:"area"`
	Check string `json:"check"` // unique in its area
	State State  `json:"state"`
	Found string `json:"found"`          // in a line; why, if it was not checked
	Cure  string `json:"cure,omitempty"` // what to do, in a line; of faults and warnings
	// Away is of a server that could not be reached.
	Away bool `json:"away,omitempty"`
}

// chart collects the findings of one area.
type chart struct {
	area     string
	findings []Finding
}

func (c *chart) add(check string, state State, cure, format string, args ...any) *Finding {
	c.findings = append(c.findings, Finding{Area: c.area, Check: check, State: state, Found: fmt.Sprintf(format, args...), Cure: cure})
	return &c.findings[len(c.findings)-1]
}

func (c *chart) ok(check, format string, args ...any) { c.add(check, OK, "", format, args...) }

func (c *chart) skip(check, why string) { c.add(check, NotChecked, "", "%s", why) }

func (c *chart) warn(check, cure, format string, args ...any) {
	c.add(check, Warning, cure, format, args...)
}

func (c *chart) fault(check, cure, format string, args ...any) {
	c.add(check, Fault, cure, format, args...)
}

// away is the fault of a server that is not reached, after which nothing more can
// be asked of it: the others are not checked.
func (c *chart) away(check, cure string, err error, others ...string) {
	c.add(check, Fault, cure, "%v", err).Away = true
	for _, other := range others {
		c.skip(other, check+" has to be put right first")
	}
}

// Worst is the worst state there is among the findings, and whether a server was
// away. Nothing at all is OK.
func Worst(findings []Finding) (worst State, away bool) {
	badness := map[State]int{OK: 0, NotChecked: 0, Warning: 1, Fault: 2}
	worst = OK
	for _, f := range findings {
		if badness[f.State] > badness[worst] {
			worst = f.State
		}
		away = away || f.Away
	}
	return worst, away
}
