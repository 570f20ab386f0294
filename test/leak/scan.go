package leak

import (
	"errors"
	"io"
	"math/bits"
)

// scanner finds many byte strings in one pass. What it is fed in pieces it sees
// as a whole. It is read-only once made, so several goroutines may use it.
//
// At each byte it looks whether the next few begin a pattern (Rabin and Karp,
// 1987): first in a filter that fits into the processor's cache, which nearly
// always says no, then in a map. The more patterns, the more memory that takes,
// by their number and not, as an automaton would, by their length.
type scanner struct {
	patterns []string
	longest  int
	width    int // bytes of every pattern that make its key, 8 at most
	mask     uint64
	starts   map[uint64][]int // patterns by key
	filter   []uint64         // one bit for each key's hash
	shift    int              // of a hash, to be a bit's number
}

// spread is 2^64 divided by the golden ratio (Knuth, The Art of Computer
// Programming 6.4): the high bits of a product with it depend on all of a key.
const spread = 0x9e3779b97f4a7c15

// newScanner takes patterns that are not empty.
func newScanner(patterns []string) *scanner {
	s := &scanner{patterns: patterns, width: 8, starts: make(map[uint64][]int, len(patterns))}
	for _, p := range patterns {
		s.width, s.longest = min(s.width, len(p)), max(s.longest, len(p))
	}
	s.longest = max(s.longest, s.width)
	s.mask = 1<<(8*s.width) - 1
	s.shift = 64 - max(16, bits.Len(uint(len(patterns)))+6)
	s.filter = make([]uint64, 1<<(64-s.shift-6))
	for number, p := range patterns {
		var key uint64
		for _, c := range []byte(p[:s.width]) {
			key = key<<8 | uint64(c)
		}
		s.starts[key] = append(s.starts[key], number)
		bit := key * spread >> s.shift
		s.filter[bit>>6] |= 1 << (bit & 63)
	}
	return s
}

// scan calls found with the number of each pattern, as often as it occurs.
func (s *scanner) scan(r io.Reader, found func(pattern int)) (size int64, err error) {
	buf := make([]byte, 1<<18+s.longest)
	have := 0
	for {
		n, err := r.Read(buf[have:])
		have, size = have+n, size+int64(n)
		done := s.search(buf[:have], err != nil, found)
		if errors.Is(err, io.EOF) {
			return size, nil
		}
		if err != nil {
			return size, err
		}
		have = copy(buf, buf[done:have])
	}
}

// search finds the patterns that begin in text, as far as there is enough of it
// to tell, which is how many bytes it returns. Behind the last text comes none.
func (s *scanner) search(text []byte, last bool, found func(pattern int)) (decided int) {
	decided = len(text) - s.longest + 1
	if last {
		decided = len(text) - s.width + 1
	}
	if decided <= 0 {
		return 0
	}
	var key uint64
	for _, c := range text[:s.width-1] {
		key = key<<8 | uint64(c)
	}
	for at := range decided {
		key = (key<<8 | uint64(text[at+s.width-1])) & s.mask
		if bit := key * spread >> s.shift; s.filter[bit>>6]&(1<<(bit&63)) == 0 {
			continue
		}
		for _, number := range s.starts[key] {
			p := s.patterns[number]
			if at+len(p) <= len(text) && string(text[at:at+len(p)]) == p {
				found(number)
			}
		}
	}
	return decided
}
