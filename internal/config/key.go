package config

import (
	"fmt"
	"strings"
	"time"
)

// Key is what a [Reader] was asked for: one value of a configuration.
type Key struct {
	Field   string `json:"field"` // as in delivery.starters
	Type    string `json:"type"`  // for people, as in "whole number"
	Default string `json:"default,omitempty"`
	Bounds  string `json:"bounds,omitempty"`   // as in "1 to 1000", or the words there are
	Env     string `json:"env,omitempty"`      // the environment variable that outranks the file
	Flag    bool   `json:"flag,omitempty"`     // a flag outranks the file
	Must    bool   `json:"required,omitempty"` // there is no default
}

// note tells whoever wants to know of a value that is read.
func (r *Reader) note(field, kind string, k Key) {
	if r.Asked == nil {
		return
	}
	k.Field, k.Type = field, kind
	_, k.Flag = r.Flags[field]
	r.Asked(k)
}

func between(low, high any) string { return fmt.Sprintf("%v to %v", low, high) }

// durationText is a duration without parts that are nothing: 2m, not 2m0s.
func durationText(d time.Duration) string {
	text := d.String()
	if strings.HasSuffix(text, "m0s") {
		text = strings.TrimSuffix(text, "0s")
	}
	if strings.HasSuffix(text, "h0m") {
		text = strings.TrimSuffix(text, "0m")
	}
	return text
}
