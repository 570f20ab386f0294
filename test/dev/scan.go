package main

import (
	"errors"
	"io"
)

// scanner finds many byte strings in one pass (Aho and Corasick, 1975). What it
// is fed in pieces it sees as a whole. It is read-only once made, so several
// goroutines may use it.
type scanner struct {
	next [][256]int32 // state and byte → state; 0 is the root
	ends [][]int      // patterns that end in a state
}

// newScanner takes patterns that are not empty.
func newScanner(patterns []string) *scanner {
	s := &scanner{next: make([][256]int32, 1), ends: make([][]int, 1)}
	for i, p := range patterns {
		s.add(i, p)
	}
	s.link()
	return s
}

func (s *scanner) add(number int, pattern string) {
	state := int32(0)
	for _, c := range []byte(pattern) {
		if s.next[state][c] == 0 {
			s.next[state][c] = int32(len(s.next))
			s.next = append(s.next, [256]int32{})
			s.ends = append(s.ends, nil)
		}
		state = s.next[state][c]
	}
	s.ends[state] = append(s.ends[state], number)
}

// link gives every state and byte where to go on: where a pattern does not, at
// the longest end of what was read that begins one. States are visited by
// their depth, so shorter ones are complete before they are needed.
func (s *scanner) link() {
	fallback := make([]int32, len(s.next))
	queue := []int32{0}
	for len(queue) > 0 {
		state := queue[0]
		queue = queue[1:]
		for c, child := range s.next[state] {
			elsewhere := s.next[fallback[state]][c]
			if child == 0 {
				s.next[state][c] = elsewhere // from the root: to the root
				continue
			}
			if state != 0 {
				fallback[child] = elsewhere
			}
			s.ends[child] = append(s.ends[child], s.ends[fallback[child]]...)
			queue = append(queue, child)
		}
	}
}

// scan calls found with the number of each pattern, as often as it occurs.
func (s *scanner) scan(r io.Reader, found func(pattern int)) (size int64, err error) {
	buf := make([]byte, 1<<18)
	state := int32(0)
	for {
		n, err := r.Read(buf)
		for _, c := range buf[:n] {
			if state = s.next[state][c]; s.ends[state] != nil {
				for _, number := range s.ends[state] {
					found(number)
				}
			}
		}
		size += int64(n)
		if errors.Is(err, io.EOF) {
			return size, nil
		}
		if err != nil {
			return size, err
		}
	}
}
