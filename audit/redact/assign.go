package redact

import "strings"

// maxValue bounds how far is looked for the end of a value before it is known
// to be one, so that many names in one long line cost linear time.
const maxValue = 1024

// maxJudged is how much of a value is looked at to decide what it is.
const maxJudged = 256

// assignments reads text around a word that may name a secret:
//
//	KEY=value   key: "value"   {\"key\":\"value\"}   --key value   <key>value</key>
//	"KEY", "value"   name: KEY / value: v   KEY := 'v'   key is v   key: | (block)
//
// It is written by hand, not as a pattern, because quotes and escapes nest.
type assignments struct {
	text   string
	policy *policy // its names come first
	done   int     // names are read once though several words of theirs hit
	out    []finding
}

// word looks at the name around text[start:end].
func (a *assignments) word(start, end int) {
	if end <= a.done {
		return
	}
	start, end = a.name(start, end)
	a.done = end
	if strings.HasSuffix(a.text[:start], maskOpen) {
		return // the rule in a mask
	}
	if a.padding(start, end) || strings.HasSuffix(a.text[:start], "$(") { // $(pwd)
		return
	}
	if rule := a.policy.key(a.text[start:end]); rule != "" {
		a.custom(rule, start, end)
		return
	}
	k, words := classify(a.phrase(start, end))
	if k == plain {
		return
	}
	v, ok := a.value(start, end, context{kind: k, words: words, own: apiKey(a.text[start:end])})
	if ok && v.start < v.end {
		a.out = append(a.out, finding{Finding: Finding{k.rule(), v.start, v.end}})
		a.done = max(a.done, v.end)
	}
}

// padding tells that the name is the end of a word in base64, and what looks
// like an operator fills it up: …MnPw==.
func (a *assignments) padding(start, end int) bool {
	if a.at(end) != '=' {
		return false
	}
	after := end + 1
	if a.at(after) == '=' {
		after++
	}
	if next := a.at(after); next != 0 && !isSpace(next) && next != '"' && next != '\\' {
		return false
	}
	before := a.at(start - 1)
	return before == '/' || before == '+' || end-start >= minWord && mixed(a.text[start:end]) && !strings.ContainsAny(a.text[start:end], "_-.")
}

func isNameByte(c byte) bool { return isAlnum(c) || c == '_' || c == '-' || c == '.' }

func (a *assignments) name(start, end int) (int, int) {
	for limit := max(0, end-maxName); start > limit && isNameByte(a.text[start-1]); {
		start--
	}
	for limit := min(len(a.text), start+maxName); end < limit && isNameByte(a.text[end]); {
		end++
	}
	for end > start && a.text[end-1] == '.' { // the end of a sentence, or of PHP's .=
		end--
	}
	return start, end
}

// phrase adds the word before to names that are written apart: API key.
func (a *assignments) phrase(start, end int) string {
	name := a.text[start:end]
	if !strings.EqualFold(name, "key") && !strings.EqualFold(name, "string") && !strings.EqualFold(name, "keys") {
		return name
	}
	at := start - 1
	if at < 1 || a.text[at] != ' ' {
		return name
	}
	for at > 0 && start-at < 20 && isAlpha(a.text[at-1]) {
		at--
	}
	return a.text[at:end]
}

// value finds the value that belongs to the name text[start:end].
func (a *assignments) value(start, end int, c context) (span, bool) {
	if start > 0 && a.text[start-1] == '<' && a.at(end) == '>' {
		return a.element(end + 1)
	}
	p := a.quotes(a.array(end))
	inQuotes := p > end
	if v := a.valueWord(p); v >= 0 {
		c.strict = true
		return a.read(v, start, c)
	}
	if q, ok := a.valueBefore(start); ok {
		c.strict = true
		if v, ok := a.read(q, start, c); ok && v.end <= start {
			return v, true
		}
	}
	p = a.remark(a.spaces(p))
	if q, ok := a.operator(p); ok {
		if start > 0 && a.text[start-1] == '/' && a.text[p:q] == ":" && a.at(q) != ' ' {
			return span{}, false // an image and its tag
		}
		c.strict = strings.Contains(a.text[p:q], "=") || inQuotes
		c.strict = c.strict || a.at(q) != ' ' && a.at(q) != '\n' && c.words > 1
		if c.kind == password && c.words == 1 && !c.strict && strings.EqualFold(a.text[start:end], "pass") {
			return span{}, false // "PASS: TestX"
		}
		return a.read(q, start, c)
	}
	c.strict = true
	switch next := a.at(p); {
	case next == '(' && a.opens(a.spaces(p+1)), next == ',' && inQuotes && a.argument(start) && a.opens(a.spaces(p+1)):
		v, ok := a.read(a.spaces(p+1), start, c)
		return v, ok && a.at(a.spaces(a.quotes(v.end))) != ':' // or it is the next name
	case start > 0 && a.text[start] == '-' && p > end:
		return a.flag(p, c)
	case p > end && a.opens(p) && !inQuotes && !strings.EqualFold(a.text[start:end], "pass"): // the verb
		return a.read(p, start, c)
	}
	if v, ok := a.compared(start); ok {
		return v, plausible(a.text[v.start:v.end], context{kind: c.kind, words: c.words, strict: true, quoted: true})
	}
	if v, ok := a.column(start, end, c); ok {
		return v, true
	}
	if v, ok := a.netrc(p, start); ok {
		return v, true
	}
	return a.spoken(p, end, c)
}

// flag reads --password value; the word behind a flag is its value whatever
// it looks like.
func (a *assignments) flag(p int, c context) (span, bool) {
	if next := a.at(p); next == '-' || next == '\\' && a.at(p+1) == '\n' || next == '\n' || next == '[' && !strings.HasPrefix(a.text[p:], maskOpen) {
		return span{}, false
	}
	return a.read(p, p, c)
}

// valueWord finds where the value begins in name/value pairs whose name ends
// at p: name: KEY, value: v. It returns -1 when there is none.
func (a *assignments) valueWord(p int) int {
	limit := min(len(a.text), p+80)
	q := p
	for q < limit && (isSpace(a.text[q]) || strings.IndexByte(`,"'\{`, a.text[q]) >= 0) {
		q++
	}
	word := 0
	for _, w := range []string{"value", "default"} { // the second is Terraform's
		if q+len(w) < limit && strings.EqualFold(a.text[q:q+len(w)], w) {
			word = len(w)
		}
	}
	if q == p || word == 0 {
		return -1
	}
	q = a.spaces(a.quotes(q + word))
	if c := a.at(q); c != ':' && c != '=' {
		return -1
	}
	return q + 1
}

// operator accepts what languages and files put between name and value.
func (a *assignments) operator(p int) (int, bool) {
	for _, typed := range []string{"string", "String", "str"} { // var token string = "…"
		if p > 0 && a.text[p-1] == ' ' && strings.HasPrefix(a.text[p:], typed) {
			p = a.spaces(p + len(typed))
			break
		}
	}
	q, decided := p, false
	for q < len(a.text) && q < p+5 && strings.IndexByte(":=?!+.|>~", a.text[q]) >= 0 {
		decided = decided || a.text[q] == '=' || a.text[q] == ':'
		if q > p && a.text[q] == ':' && a.text[q-1] == ':' && a.at(q+1) != '=' && a.at(q+1) != ':' {
			return p, false // C++ and PHP scopes: Token::parse
		}
		q++
	}
	return q, decided
}

func (a *assignments) at(p int) byte {
	if p < 0 || p >= len(a.text) {
		return 0
	}
	return a.text[p]
}

func (a *assignments) spaces(p int) int {
	for p < len(a.text) && (a.text[p] == ' ' || a.text[p] == '\t') {
		p++
	}
	return p
}

// quotes skips what closes a name: ", \", '] and the like.
func (a *assignments) quotes(p int) int {
	for i := 0; i < 8 && p < len(a.text) && strings.IndexByte("\\\"'`])", a.text[p]) >= 0; i++ {
		if a.text[p] == '\\' && (a.at(p+1) == 'n' || a.at(p+1) == 't') {
			break
		}
		p++
	}
	return p
}
