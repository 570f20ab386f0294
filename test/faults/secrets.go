package main

import (
	"fmt"
	"sync"

	"github.com/auditflow/auditflow/test/leak"
	"github.com/auditflow/auditflow/test/leak/canary"
)

// secrets are canaries of every rule, of which some executions print one each. The
// word is harmless and in what all of them print: it proves that a place was
// searched.
type secrets struct {
	word string

	mu       sync.Mutex
	canaries []canary.Canary
	next     int
	planted  []leak.Secret
}

func newSecrets(seed uint64, where string) *secrets {
	return &secrets{word: "canary-of-" + where, canaries: canary.All(seed)}
}

// every so many executions print a secret, until there are none left.
const every = 5

// text is what an execution prints, and whether there is a secret in it.
func (s *secrets) text(serial int, name string) (text string, secret bool) {
	text = fmt.Sprintf("%s: step %d of %s: deployment web was rolled out", s.word, serial%12, name)
	s.mu.Lock()
	defer s.mu.Unlock()
	if serial%every != 0 || s.next == len(s.canaries) {
		return text, false
	}
	c := s.canaries[s.next]
	s.next++
	more, planted := c.In(canary.Encodings()[0], name)
	s.planted = append(s.planted, planted...)
	return text + "\n" + more, true
}
