package redact

// maxDull is how far a text is read to find that it is dull: most names are, and
// few texts of many lines.
const maxDull = 256

// dull tells texts in which [Redactor.lookClosely] cannot find anything, for there is no
// keyword, no word that is long enough to be judged by its look, nothing encoded, and
// one line only. Nearly all names and values of a record are such texts.
func (r *Redactor) dull(s string) bool {
	if len(s) > maxDull {
		return false
	}
	g, at, word := r.gate, int32(0), 0
	for i := range len(s) {
		c := s[i]
		if word++; !base64Bytes[c] {
			word = 0
		}
		at = g.next[int(at)+int(g.class[c])]
		if at >= final || word == minWord || telltale[c] {
			return false
		}
	}
	return true
}

// telltale are the bytes without which all of [views] are the text itself, and those
// that RE2 would not take as they are.
var telltale = func() (t [256]bool) {
	for c := range 256 {
		t[c] = encodes[c] || c == '+' || c == '\n' || c >= 0x80
	}
	return t
}()
