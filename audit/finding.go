package audit

import "time"

// Finding is what reading a whole period in the archive has shown.
type Finding struct {
	Period  string  `json:"period"`
	Verdict Verdict `json:"verdict"`
	Rows    int64   `json:"rows"`  // read and compared
	Bytes   int64   `json:"bytes"` // read
	// Faults are sentences that name objects and rows, none of their content.
	Faults []string `json:"faults,omitempty"`
	// Unlisted are objects that no manifest names: left by a run that did not end.
	// They are no fault.
	Unlisted []string  `json:"unlisted,omitempty"`
	At       time.Time `json:"at"`
}

// Verdict is a finding in one word.
type Verdict string

// A period is missing when an object that must be there is not, and altered when
// one is not what was written.
const (
	Intact  Verdict = "intact"
	Altered Verdict = "altered"
	Missing Verdict = "missing"
)
