package redact

// minWord is the shortest word worth a closer look: what is shorter says too
// little to be told from names and numbers.
const minWord = 20

// maxRandom bounds words that are judged by their look alone: what is longer is
// a document, a certificate or a picture.
const maxRandom = 512

// ruleRandom is for values that nothing names but that only machines make.
const ruleRandom = "high-entropy"

// words goes through the long words of s: what is text in base64 or hexadecimal
// is decoded and looked at, the rest is judged by its look.
func (r *Redactor) words(s string, layer int) []finding {
	var found []finding
	var public []span
	looked := false
	for at := 0; at < len(s); {
		start, end := at, wordEnd(s, at)
		at = end + 1
		if end-start < minWord {
			continue
		}
		word := span{start, padded(s, end)}
		inner, decoded := r.decoded(s, word, layer)
		found = append(found, inner...)
		if decoded {
			continue
		}
		if !random(s, word) {
			if word = dotted(s, word); word.end <= at || !randomParts(s, word) {
				continue
			}
			at = word.end
		}
		if !looked { // few texts have a random word at all
			public, looked = publicBlocks(s), true
		}
		if !within(public, word.start) {
			found = append(found, finding{Finding: Finding{ruleRandom, word.start, word.end}})
		}
	}
	return found
}

// maxParts is of how many parts a token has at most.
const maxParts = 5

// dotted takes in the words that dots join to a word: the parts of a token.
func dotted(s string, word span) span {
	for parts := 1; parts <= maxParts && word.end+1 < len(s) && s[word.end] == '.'; parts++ {
		end := wordEnd(s, word.end+1)
		if end-word.end < 6 {
			break
		}
		word.end = end
	}
	return word
}

// wordEnd skips the bytes of a word.
func wordEnd(s string, at int) int {
	for at < len(s) && isBase64(s[at]) {
		at++
	}
	return at
}

// eachWord calls f with the long words of s.
func eachWord(s string, f func(span)) {
	for at := 0; at < len(s); {
		end := wordEnd(s, at)
		if end-at >= minWord {
			f(span{at, padded(s, end)})
		}
		at = end + 1
	}
}

// padded takes in up to two = behind a word.
func padded(s string, end int) int {
	for limit := min(len(s), end+2); end < limit && s[end] == '='; {
		end++
	}
	return end
}

// decoded looks for secrets in what a word decodes to. It tells false when the
// word is not text in any encoding we know.
func (r *Redactor) decoded(s string, word span, layer int) ([]finding, bool) {
	if layer >= maxLayers {
		return nil, false
	}
	text, ok := decode(s[word.start:word.end])
	if !ok {
		return nil, false
	}
	var found []finding
	for _, inner := range settle(text, r.look(text, layer+1)) {
		f := finding{Finding: Finding{inner.Rule, word.start, word.end}, secret: inner.secret}
		if f.secret == "" {
			f.secret = text[inner.Start:inner.End]
		}
		found = append(found, f)
	}
	return found, true
}

func isBase64(c byte) bool { return base64Bytes[c] }

// base64Bytes are those of the standard and the URL alphabet.
var base64Bytes = func() (t [256]bool) {
	for c := range 256 {
		b := byte(c)
		t[c] = isAlnum(b) || b == '+' || b == '/' || b == '-' || b == '_'
	}
	return t
}()
