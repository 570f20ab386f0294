package score

import (
	"cmp"
	"maps"
	"slices"
)

// Count is of texts or of secrets, of one kind or of all.
type Count struct {
	Secrets          int     `json:"secrets"` // located ones, in texts labelled secret
	Removed          int     `json:"removed"`
	Share            float64 `json:"share"` // removed of secrets; 1 where there are none
	MustNotTouch     int     `json:"must_not_touch"`
	Touched          int     `json:"touched"`
	TouchedShare     float64 `json:"touched_share"`
	CleanBytes       int     `json:"clean_bytes"`
	CleanRedacted    int     `json:"clean_redacted_bytes"`
	CleanShare       float64 `json:"clean_share"`
	Unlocated        int     `json:"unlocated"` // texts that hold a secret nobody located
	UnlocatedTouched int     `json:"unlocated_touched"`
}

// Report is what a corpus says about a redactor.
type Report struct {
	Texts int `json:"texts"`
	Count
	ByKind  map[string]*Count `json:"by_kind"`
	ByLabel map[string]*Count `json:"by_label"`
	// Worst names the kinds with the most secrets left or texts wrongly touched,
	// worst first.
	Worst []string `json:"worst"`
}

// maxWorst is how many kinds are named as the worst.
const maxWorst = 20

func newReport() Report {
	return Report{ByKind: map[string]*Count{}, ByLabel: map[string]*Count{}}
}

func (r *Report) add(t Text, redactor Redactor) {
	r.Texts++
	var c Count
	masked, findings := redactor.Text(t.Text)
	switch t.Label {
	case LabelSecret:
		c.Secrets, c.Removed = len(t.Secrets), removed(t, masked)
	case LabelNotSecret, LabelIdentifier, LabelNearMiss:
		c.MustNotTouch, c.Touched = 1, oneIf(masked != t.Text)
	case LabelClean:
		c.CleanBytes = len(t.Text)
		for _, f := range findings {
			c.CleanRedacted += f.End - f.Start
		}
	case LabelUnlocated, LabelLoose:
		c.Unlocated, c.UnlocatedTouched = 1, oneIf(masked != t.Text)
	}
	r.plus(c)
	at(r.ByKind, t.Kind).plus(c)
	at(r.ByLabel, t.Label).plus(c)
}

func at(m map[string]*Count, key string) *Count {
	if m[key] == nil {
		m[key] = &Count{}
	}
	return m[key]
}

func oneIf(b bool) int {
	if b {
		return 1
	}
	return 0
}

func (c *Count) plus(d Count) {
	c.Secrets += d.Secrets
	c.Removed += d.Removed
	c.MustNotTouch += d.MustNotTouch
	c.Touched += d.Touched
	c.CleanBytes += d.CleanBytes
	c.CleanRedacted += d.CleanRedacted
	c.Unlocated += d.Unlocated
	c.UnlocatedTouched += d.UnlocatedTouched
}

func (c *Count) shares() {
	c.Share = 1 - share(c.Secrets-c.Removed, c.Secrets)
	c.TouchedShare = share(c.Touched, c.MustNotTouch)
	c.CleanShare = share(c.CleanRedacted, c.CleanBytes)
}

func share(n, of int) float64 {
	if of == 0 {
		return 0
	}
	return float64(n) / float64(of)
}

// wrong counts what the redactor got wrong: secrets left, and texts touched
// that it should have left alone.
func (c *Count) wrong() int { return c.Secrets - c.Removed + c.Touched + oneIf(c.CleanRedacted > 0) }

func (r *Report) settle() {
	r.shares()
	for _, c := range r.ByKind {
		c.shares()
	}
	for _, c := range r.ByLabel {
		c.shares()
	}
	kinds := slices.SortedFunc(maps.Keys(r.ByKind), func(a, b string) int {
		return cmp.Or(cmp.Compare(r.ByKind[b].wrong(), r.ByKind[a].wrong()), cmp.Compare(a, b))
	})
	for _, kind := range kinds {
		if r.ByKind[kind].wrong() == 0 || len(r.Worst) == maxWorst {
			return
		}
		r.Worst = append(r.Worst, kind)
	}
}
