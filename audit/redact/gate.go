package redact

// gate finds many keywords at once (Aho and Corasick, 1975), ASCII letters
// regardless of case, so that a text without any of them costs one table
// look-up per byte.
type gate struct {
	class   [256]uint8 // bytes that no keyword holds are all class 0
	classes int
	// next has a row of classes for each state. Once the gate is made, it leads to
	// the beginning of a row, with final set if a keyword ends there: nothing is to
	// be computed from one byte to the next.
	next []int32
	ends [][]int // keywords that end in a state
}

const final = 1 << 30

func newGate(words []string) *gate {
	g := &gate{classes: 1}
	for _, w := range words {
		for i := range len(w) {
			c := w[i]
			if g.class[c] == 0 {
				g.class[c] = uint8(g.classes) //nolint:gosec // at most one class for each byte
				g.classes++
			}
		}
	}
	for c := byte('a'); c <= 'z'; c++ {
		g.class[c-'a'+'A'] = g.class[c]
	}
	g.state() // the root
	for id, w := range words {
		at := int32(0)
		for i := range len(w) {
			edge := int(at)*g.classes + int(g.class[w[i]])
			if g.next[edge] == 0 {
				g.next[edge] = g.state()
			}
			at = g.next[edge]
		}
		g.ends[at] = append(g.ends[at], id)
	}
	g.link()
	for edge, to := range g.next {
		g.next[edge] = to * int32(g.classes) //nolint:gosec // at most one class for each byte
		if len(g.ends[to]) > 0 {
			g.next[edge] |= final
		}
	}
	return g
}

func (g *gate) state() int32 {
	g.next = append(g.next, make([]int32, g.classes)...)
	g.ends = append(g.ends, nil)
	return int32(len(g.ends) - 1) //nolint:gosec // one state for each byte of the keywords
}

// link fills in where to go on when a keyword breaks off, breadth first.
func (g *gate) link() {
	fail := make([]int32, len(g.ends))
	var queue []int32
	for c := range g.classes {
		if s := g.next[c]; s != 0 {
			queue = append(queue, s)
		}
	}
	for len(queue) > 0 {
		s := queue[0]
		queue = queue[1:]
		g.ends[s] = append(g.ends[s], g.ends[fail[s]]...)
		for c := range g.classes {
			edge, other := int(s)*g.classes+c, g.next[int(fail[s])*g.classes+c]
			if t := g.next[edge]; t != 0 {
				fail[t] = other
				queue = append(queue, t)
			} else {
				g.next[edge] = other
			}
		}
	}
}

// each calls hit with every keyword and the offset behind it, in the order in
// which they end.
func (g *gate) each(s string, hit func(word, end int)) {
	at := int32(0)
	for i := range len(s) {
		at = g.next[int(at)+int(g.class[s[i]])]
		if at < final {
			continue
		}
		at -= final
		for _, w := range g.ends[int(at)/g.classes] {
			hit(w, i+1)
		}
	}
}

// in tells whether any keyword is in s.
func (g *gate) in(s string) bool {
	at := int32(0)
	for i := range len(s) {
		if at = g.next[int(at)+int(g.class[s[i]])]; at >= final {
			return true
		}
	}
	return false
}
