package redact

import (
	"regexp"
	"slices"
	"sync"

	re2 "github.com/wasilibs/go-re2"
)

// pattern is an expression that is compiled when it is first needed: most
// texts hold the keywords of few rules, and compiling all of them takes longer
// than redacting a record.
type pattern struct {
	source  string
	compile func() engine
}

// engine runs an expression. Both that we know take time linear in the text.
type engine interface {
	FindAllStringSubmatchIndex(s string, n int) [][]int
	FindAllStringIndex(s string, n int) [][]int
	MatchString(s string) bool
}

func lazily(source string) *pattern {
	return &pattern{source, sync.OnceValue(func() engine { return re2.MustCompile(source) })}
}

// OnGoRegexp returns the same redactor on the standard library's regexp. It is
// there to be measured against.
func (r *Redactor) OnGoRegexp() *Redactor {
	other := *r
	other.rules = slices.Clone(r.rules)
	for i := range other.rules {
		p := &pattern{source: other.rules[i].pattern.source}
		p.compile = sync.OnceValue(func() engine { return regexp.MustCompile(p.source) })
		other.rules[i].pattern = p
	}
	return &other
}
