package redact

import "strings"

const (
	// leastPhrase is how many words a pass phrase has at least, and mostPhrase
	// how many at most: what is longer is a sentence.
	leastPhrase, mostPhrase = 3, 12
	// longestWord bounds the words of one.
	longestWord = 24
)

// toldWords are in sentences about secrets and in no phrase that is one.
var toldWords = set(`a an the your you my this that these is are was were be been must should shall will would can cannot could may might
	not no if when where which who how of for to from by use used using uses set sets enter choose new old please see
	password passwords passphrase secret secrets token tokens key keys api access auth authentication credential credentials login user username account
	required invalid missing failed failure error expected expired wrong incorrect denied unable field value: empty unset default optional string
	generate generated generates create created creates update updated delete deleted rotate rotated found exists does do has have had
	name id description type example placeholder at least between characters bytes chars length`)

// phrase tells several words that say nothing about a secret and may be one:
// correct horse battery staple.
func phrase(v string) bool {
	words := strings.Fields(v)
	if len(words) < leastPhrase || len(words) > mostPhrase {
		return false
	}
	for _, w := range words {
		if len(w) > longestWord || toldWords[strings.ToLower(strings.Trim(w, ".,:;!?"))] || !speaks(w) || strings.ContainsAny(w, "(){}[]<>=/\\|:") {
			return false
		}
	}
	return true
}

// line takes a pass phrase that is the rest of a line which begins with its
// name, as YAML has it: db_password: correct horse battery staple.
func (a *assignments) line(p, name int, c context) (span, bool) {
	before := a.text[max(0, name-maxName):name]
	before = before[strings.LastIndexByte(before, '\n')+1:]
	if c.kind == someKey || c.policy || !strings.HasSuffix(strings.TrimRight(a.text[name:p], " \t"), ":") || strings.Trim(before, " \t-") != "" || c.words == 1 && !isLower(a.at(name)) {
		return span{}, false
	}
	rest := a.text[p:min(len(a.text), p+maxJudged)]
	if i := strings.IndexByte(rest, '\n'); i >= 0 {
		rest = rest[:i]
	} else if p+len(rest) < len(a.text) {
		return span{}, false
	}
	if i := strings.Index(rest, " #"); i >= 0 { // a comment
		rest = rest[:i]
	}
	rest = strings.TrimRight(rest, " \t\r")
	return span{p, p + len(rest)}, phrase(rest)
}
