package redact

import "strings"

// formBytes are those of a query (RFC 3986), in which forms write + for a space.
var formBytes = func() (t [256]bool) {
	for c := range 256 {
		t[c] = isAlnum(byte(c)) || strings.IndexByte("-._~!$'()*+,;:@/?%&=", byte(c)) >= 0
	}
	return t
}()

// formViews read what looks like the query of a URL or the body of a form
// (application/x-www-form-urlencoded): + is a space there, and only there.
func formViews(s string) (vs []view) {
	for at := 0; at < len(s); {
		i := strings.IndexByte(s[at:], '+')
		if i < 0 {
			return vs
		}
		plus := at + i
		start := plus
		for start > at && formBytes[s[start-1]] {
			start--
		}
		end := plus
		for end < len(s) && formBytes[s[end]] {
			end++
		}
		if isForm(s[start:end]) {
			vs = append(vs, formView(s, start, end))
		}
		at = end
	}
	return vs
}

// isForm tells names and values from base64 and arithmetic.
func isForm(word string) bool {
	i := strings.IndexByte(word, '=')
	return i > 0 && i+1 < len(word) && word[i+1] != '=' && strings.ContainsAny(word, "?&%")
}

func formView(s string, start, end int) view {
	l := lens{v: view{from: start}}
	l.b.Grow(end - start)
	for at := start; at < end; {
		size, c, keep := 1, s[at], true
		switch {
		case c == '+':
			c = ' '
		case encodes[c]:
			if size, c, keep = unit(s[at:end]); size == 1 {
				c = s[at]
			}
		}
		l.put(c, size, keep)
		at += size
	}
	return l.view()
}
