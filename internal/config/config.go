package config

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	kjson "sigs.k8s.io/json"
	"sigs.k8s.io/yaml"
)

// Scalar is a YAML scalar as it was written, quoted or not, so that values
// copied from a ConfigMap's data ("100", "true") mean what they say.
type Scalar string

// UnmarshalJSON takes a string, number or boolean; null is absent.
func (s *Scalar) UnmarshalJSON(b []byte) error {
	switch {
	case bytes.Equal(b, []byte("null")):
		*s = ""
	case b[0] == '{' || b[0] == '[':
		return errors.New("want a single value, not a list or map")
	case b[0] == '"':
		text, err := strconv.Unquote(string(b))
		if err != nil {
			return errors.New("not a string")
		}
		*s = Scalar(text)
	default:
		*s = Scalar(b)
	}
	return nil
}

// Load reads the YAML file at path into the struct into points to, strictly. No
// path means all defaults, and secrets from the environment.
func Load(path string, into any) error {
	if path == "" {
		return nil
	}
	text, err := os.ReadFile(path)
	if err != nil {
		return fmt.Errorf("configuration: %w", err)
	}
	if len(bytes.TrimSpace(text)) == 0 {
		return nil
	}
	asJSON, err := yaml.YAMLToJSONStrict(text)
	if err != nil {
		return fmt.Errorf("configuration %s: %w", path, err)
	}
	strict, err := kjson.UnmarshalStrict(asJSON, into)
	if err = errors.Join(append(strict, err)...); err != nil {
		return fmt.Errorf("configuration %s:\n%w", path, err)
	}
	return nil
}

// Reader turns scalars into values and collects every fault.
type Reader struct {
	faults []error
	// Env looks up an environment variable, as os.LookupEnv.
	Env func(string) (string, bool)
}

// Fault notes what is wrong with a field.
func (r *Reader) Fault(field, format string, args ...any) {
	r.faults = append(r.faults, fmt.Errorf("  %s: %s", field, fmt.Sprintf(format, args...)))
}

// Err joins the faults, or is nil.
func (r *Reader) Err() error {
	if len(r.faults) == 0 {
		return nil
	}
	return fmt.Errorf("configuration is not valid:\n%w", errors.Join(r.faults...))
}

// String is the value, or the default where none is given.
func (r *Reader) String(_ string, s Scalar, fallback string) string {
	if s == "" {
		return fallback
	}
	return string(s)
}

// Required is a value that must be given.
func (r *Reader) Required(field string, s Scalar) string {
	if s == "" {
		r.Fault(field, "is required")
	}
	return string(s)
}

// Secret is a value that may be given in the environment instead, which wins.
// A variable that is set but empty is a fault: somebody meant to give a value.
func (r *Reader) Secret(field string, s Scalar, variable string) string {
	value, set := r.Env(variable)
	switch {
	case set && value == "":
		r.Fault(field, "environment variable %s is set but empty", variable)
	case set:
		return value
	case s == "":
		r.Fault(field, "is required, here or as environment variable %s", variable)
	}
	return string(s)
}

// Int is a whole number between low and high.
func (r *Reader) Int(field string, s Scalar, fallback, low, high int) int {
	if s == "" {
		return fallback
	}
	n, err := strconv.Atoi(string(s))
	if err != nil || n < low || n > high {
		r.Fault(field, "want a whole number from %d to %d, not %q", low, high, string(s))
	}
	return n
}

// Bool is true or false, also as YAML 1.1 spells them (on, off, yes, no) if unquoted.
func (r *Reader) Bool(field string, s Scalar, fallback bool) bool {
	switch s {
	case "":
		return fallback
	case "true":
		return true
	case "false":
		return false
	}
	r.Fault(field, "want true or false, not %q", string(s))
	return fallback
}

// Duration is a span with its unit, between low and high.
func (r *Reader) Duration(field string, s Scalar, fallback, low, high time.Duration) time.Duration {
	if s == "" {
		return fallback
	}
	d, err := time.ParseDuration(string(s))
	if err != nil {
		r.Fault(field, "want a duration with its unit, as in 30s or 5m, not %q", string(s))
	} else if d < low || d > high {
		r.Fault(field, "want a duration from %s to %s, not %s", low, high, d)
	}
	return d
}

// OneOf is one of the words; the first is the default.
func (r *Reader) OneOf(field string, s Scalar, words ...string) string {
	if s == "" {
		return words[0]
	}
	if !slices.Contains(words, string(s)) {
		r.Fault(field, "want one of %s, not %q", strings.Join(words, ", "), string(s))
	}
	return string(s)
}
