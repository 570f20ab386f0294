package leak

import (
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
)

// Secret is a value that must be readable nowhere.
type Secret struct {
	// Label says what it is and where it was planted. The value is never printed.
	Label string
	// Value is looked for as it is and in every encoding we know.
	Value string
	// Parts are looked for as they are: what an encoding, or a cut, made of the
	// value and from which it could be had again.
	Parts []string
}

// In tells whether text shows the secret, in whatever form.
func (s Secret) In(text string) bool {
	for _, f := range forms(s.Value) {
		if strings.Contains(text, f.bytes) {
			return true
		}
	}
	return slices.ContainsFunc(s.Parts, func(part string) bool { return strings.Contains(text, part) })
}

// Leak is a secret that was found.
type Leak struct {
	Label string
	Where []string // each with the kind of place and the form, as "16384 (rows, base64)"
}

// String tells a few of the places; never the value.
func (l Leak) String() string {
	const few = 4
	if n := len(l.Where) - few; n > 0 {
		return fmt.Sprintf("%s: %s and %d more", l.Label, strings.Join(l.Where[:few], ", "), n)
	}
	return l.Label + ": " + strings.Join(l.Where, ", ")
}

// Search is a search for secrets. Its methods must not be called at once.
type Search struct {
	// Bytes is how much was read.
	Bytes int64

	scanner *scanner
	targets []target
	leaks   map[string][]string // where, by label
	sighted map[sighting]bool
}

// target is what a pattern of the scanner stands for.
type target struct {
	label, form string
	word        string // one that may be seen; then the rest is empty
}

type sighting struct{ place, word string }

// NewSearch looks for secrets, and keeps in mind where it saw the words.
func NewSearch(secrets []Secret, words ...string) *Search {
	s := &Search{leaks: map[string][]string{}, sighted: map[sighting]bool{}}
	var patterns []string
	look := func(pattern string, t target) {
		patterns, s.targets = append(patterns, pattern), append(s.targets, t)
	}
	for _, secret := range secrets {
		for _, f := range forms(secret.Value) {
			look(f.bytes, target{label: secret.Label, form: f.name})
		}
		for _, part := range secret.Parts {
			look(part, target{label: secret.Label, form: "part"})
		}
	}
	for _, word := range words {
		look(word, target{word: word})
	}
	s.scanner = newScanner(patterns)
	return s
}

// Read searches one file or dump; name tells people where it is.
func (s *Search) Read(place, name string, r io.Reader) error {
	size, err := s.scanner.scan(r, func(pattern int) { s.note(s.targets[pattern], place, name) })
	s.Bytes += size
	if err != nil {
		return fmt.Errorf("search %s: %w", name, err)
	}
	return nil
}

func (s *Search) note(t target, place, name string) {
	if t.word != "" {
		s.sighted[sighting{place, t.word}] = true
		return
	}
	where := fmt.Sprintf("%s (%s, %s)", name, place, t.form)
	if !slices.Contains(s.leaks[t.label], where) {
		s.leaks[t.label] = append(s.leaks[t.label], where)
	}
}

// Leaks are the secrets that were found, by label.
func (s *Search) Leaks() []Leak {
	var leaks []Leak
	for _, label := range slices.Sorted(maps.Keys(s.leaks)) {
		leaks = append(leaks, Leak{label, s.leaks[label]})
	}
	return leaks
}

// Saw tells whether a word was seen in a kind of place.
func (s *Search) Saw(place, word string) bool { return s.sighted[sighting{place, word}] }
