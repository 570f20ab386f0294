package config

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	kjson "sigs.k8s.io/json"
	"sigs.k8s.io/yaml"
)

// Scalar is a YAML value, quoted or not, so that values copied from a ConfigMap's
// data ("100", "true") mean what they say. The zero value is absent.
type Scalar struct {
	text string
	// bare is set for what YAML read as a number or boolean. Its text is then
	// YAML's idea of it, not what was written: 1.10 is 1.1, yes is true.
	bare bool
}

// Text is a scalar as if it had been written in quotes.
func Text(s string) Scalar { return Scalar{text: s} }

// UnmarshalJSON takes a string, number or boolean; null is absent.
func (s *Scalar) UnmarshalJSON(b []byte) error {
	switch {
	case bytes.Equal(b, []byte("null")):
		*s = Scalar{}
	case b[0] == '{' || b[0] == '[':
		return errors.New("want a single value, not a list or map")
	case b[0] == '"':
		*s = Scalar{}
		return json.Unmarshal(b, &s.text)
	default:
		*s = Scalar{text: string(b), bare: true}
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

// Reader turns scalars into values and collects every fault. A faulty value
// reads as the default, so that one fault is not reported twice.
type Reader struct {
	// Env looks up an environment variable, as os.LookupEnv.
	Env func(string) (string, bool)
	// Flags are values by field that outrank the file's; empty ones do not count.
	Flags map[string]string
	// Asked hears of every value that is read, with its default and bounds. nil: nobody does.
	Asked func(Key)

	faults []error
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

// value is the flag's, or the file's.
func (r *Reader) value(field string, s Scalar) Scalar {
	if flag := r.Flags[field]; flag != "" {
		return Text(flag)
	}
	return s
}

// String is the value, or the default where none is given.
func (r *Reader) String(field string, s Scalar, fallback string) string {
	r.note(field, "text", Key{Default: fallback})
	return r.text(field, s, fallback)
}

func (r *Reader) text(field string, s Scalar, fallback string) string {
	s = r.value(field, s)
	if s.bare {
		r.Fault(field, "write it in quotes: YAML reads it as %s", s.text)
	}
	if s.text == "" {
		return fallback
	}
	return s.text
}

// Required is a value that must be given.
func (r *Reader) Required(field string, s Scalar) string {
	r.note(field, "text", Key{Must: true})
	value := r.text(field, s, "")
	if value == "" {
		r.Fault(field, "is required")
	}
	return value
}

// Address is host:port; the host may be empty.
func (r *Reader) Address(field string, s Scalar, fallback string) string {
	r.note(field, "host:port", Key{Default: fallback})
	value := r.text(field, s, fallback)
	_, port, err := net.SplitHostPort(value)
	if n, portErr := strconv.Atoi(port); err != nil || portErr != nil || n < 0 || n > 65535 {
		r.Fault(field, "want host:port, as in :8080 or 127.0.0.1:8080, not %q", value)
		return fallback
	}
	return value
}

// Secret is a value that may be given in the environment instead, which wins.
// A variable that is set but empty is a fault: somebody meant to give a value.
func (r *Reader) Secret(field string, s Scalar, variable string) string {
	r.note(field, "text", Key{Env: variable, Must: true})
	value, set := r.Env(variable)
	switch {
	case set && value == "":
		r.Fault(field, "environment variable %s is set but empty", variable)
		return ""
	case set:
		return value
	case s.text == "":
		r.Fault(field, "is required, here or as environment variable %s", variable)
	}
	return s.text
}

// Int is a whole number between low and high.
func (r *Reader) Int(field string, s Scalar, fallback, low, high int) int {
	r.note(field, "whole number", Key{Default: strconv.Itoa(fallback), Bounds: between(low, high)})
	if s.text == "" {
		return fallback
	}
	n, err := strconv.Atoi(s.text)
	if err != nil || n < low || n > high {
		r.Fault(field, "want a whole number from %d to %d, not %q", low, high, s.text)
		return fallback
	}
	return n
}

// Ratio is a part of a whole, from 0 to 1.
func (r *Reader) Ratio(field string, s Scalar, fallback float64) float64 {
	r.note(field, "number", Key{Default: strconv.FormatFloat(fallback, 'g', -1, 64), Bounds: between(0, 1)})
	if s.text == "" {
		return fallback
	}
	part, err := strconv.ParseFloat(s.text, 64)
	if err != nil || !(part >= 0 && part <= 1) { // NaN is none
		r.Fault(field, "want a number from 0 to 1, not %q", s.text)
		return fallback
	}
	return part
}

// Bool is true or false, also as YAML 1.1 spells them (on, off, yes, no) if unquoted.
func (r *Reader) Bool(field string, s Scalar, fallback bool) bool {
	r.note(field, "true or false", Key{Default: strconv.FormatBool(fallback)})
	switch s.text {
	case "":
		return fallback
	case "true":
		return true
	case "false":
		return false
	}
	r.Fault(field, "want true or false, not %q", s.text)
	return fallback
}

// Duration is a span with its unit, between low and high.
func (r *Reader) Duration(field string, s Scalar, fallback, low, high time.Duration) time.Duration {
	r.note(field, "duration", Key{Default: durationText(fallback), Bounds: between(durationText(low), durationText(high))})
	if s.text == "" {
		return fallback
	}
	d, err := time.ParseDuration(s.text)
	switch {
	case err != nil:
		r.Fault(field, "want a duration with its unit, as in 30s or 5m, not %q", s.text)
	case d < low || d > high:
		r.Fault(field, "want a duration from %s to %s, not %s", low, high, d)
	default:
		return d
	}
	return fallback
}

// OneOf is one of the words; the first is the default.
func (r *Reader) OneOf(field string, s Scalar, words ...string) string {
	r.note(field, "one of", Key{Default: words[0], Bounds: strings.Join(words, ", ")})
	s = r.value(field, s)
	if s.text == "" {
		return words[0]
	}
	if !slices.Contains(words, s.text) {
		r.Fault(field, "want one of %s, not %q", strings.Join(words, ", "), s.text)
		return words[0]
	}
	return s.text
}
