package redact

import "strings"

// maxSentence bounds how much of a sentence stands between the word password
// and the password.
const maxSentence = 64

// spoken reads sentences: "password is X", "password for bob: X", "changed the
// password of bob to X". X must look like more than a word.
func (a *assignments) spoken(p, end int, c context) (span, bool) {
	if p == end {
		return span{}, false
	}
	for _, verb := range []string{"is ", "was ", "is: ", "set to ", "changed to ", "reset to ", "to "} {
		if strings.HasPrefix(a.text[p:], verb) {
			return a.said(p+len(verb), c)
		}
	}
	if v, ok := a.bare(p, c); ok {
		return v, true
	}
	if c.kind != password || !strings.HasPrefix(a.text[p:], "for ") && !strings.HasPrefix(a.text[p:], "of ") {
		return span{}, false
	}
	sentence := a.text[p:min(len(a.text), p+maxSentence)]
	if i := strings.IndexByte(sentence, '\n'); i >= 0 {
		sentence = sentence[:i]
	}
	for _, sign := range []string{": ", " to ", " is ", " = "} {
		if i := strings.Index(sentence, sign); i >= 0 {
			return a.said(p+i+len(sign), c)
		}
	}
	return span{}, false
}

// bare takes the word behind the word password if nobody would say it for
// another reason: login bob password hunter2!x.
func (a *assignments) bare(p int, c context) (span, bool) {
	if c.kind != password || c.words != 1 {
		return span{}, false
	}
	v, quoted := a.token(p)
	word := a.text[v.start:v.end]
	l := lookAt(word)
	strong := l.digit > 0 && l.lower > 0 && (l.upper > 0 || strings.ContainsAny(word, "!@#$%^&*"))
	return v, !quoted && strong && len(word) >= 6 && !strings.ContainsAny(word, "/=:(),<>") && plausible(word[:min(len(word), maxJudged)], c)
}

// said takes the word at p if a sentence would not have it for another reason.
func (a *assignments) said(p int, c context) (span, bool) {
	v, quoted := a.token(a.spaces(p))
	for !quoted && v.end > v.start && strings.IndexByte(".,;:!?)", a.text[v.end-1]) >= 0 && v.end-v.start > 6 {
		v.end-- // the end of the sentence
	}
	word := a.text[v.start:v.end]
	if len(word) < 6 || location(word) || !quoted && label(word) && digitCount(word) == 0 {
		return span{}, false
	}
	return v, quoted || mixed(word) && plausible(word, c) && !strings.ContainsAny(word, "/@")
}

// remark skips what stands in parentheses behind a name: Password (again).
func (a *assignments) remark(p int) int {
	if a.at(p) != '(' || a.opens(a.spaces(p+1)) {
		return p
	}
	const longest = 24
	end := strings.IndexByte(a.text[p:min(len(a.text), p+longest)], ')')
	if end < 0 || a.at(p+end+1) != ':' || strings.ContainsAny(a.text[p:p+end], "=\n") {
		return p
	}
	return p + end + 1
}
