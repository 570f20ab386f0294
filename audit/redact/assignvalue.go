package redact

import "strings"

// schemes come before the credential in Authorization headers.
var schemes = set("bearer basic token digest negotiate apikey key ssws")

// read takes the value that begins at p, behind the operator.
func (a *assignments) read(p, name int, c context) (span, bool) {
	p = a.spaces(p)
	if end, ok := a.lineEnd(p); ok {
		return a.below(end, name, c)
	}
	v, quoted := a.token(p)
	if word := a.text[v.start:v.end]; schemes[strings.ToLower(word)] && a.at(v.end) == ' ' {
		v, _ = a.token(a.spaces(v.end))
	} else if i := strings.IndexByte(word, ' '); quoted && i > 0 && schemes[strings.ToLower(word[:i])] {
		v.start += i + 1
	}
	c.quoted = quoted
	c.strict = c.strict || quoted
	next := a.spaces(v.end)
	c.more = next > v.end && next < len(a.text) && isAlpha(a.text[next])
	if !quoted && a.variable(p, v) {
		return span{}, false
	}
	if a.size(v, next) || a.told(p) || !quoted && a.at(v.end) == '<' && a.at(v.end+1) != '/' { // --token=sha256~<token>
		return span{}, false
	}
	if !quoted && c.more {
		if v, ok := a.line(p, name, c); ok {
			return v, true
		}
	}
	if !plausible(a.text[v.start:min(v.end, v.start+maxJudged)], c) {
		return span{}, false
	}
	if v.end-v.start >= maxValue { // the search ended before the value did
		for v.end < len(a.text) && a.text[v.end] != '\n' && a.text[v.end] != '"' && (quoted || !isSpace(a.text[v.end])) {
			v.end++
		}
	}
	return v, true
}

// variable tells code that hands on another variable: password = nexusPassword.
func (a *assignments) variable(p int, v span) bool {
	word := a.text[v.start:v.end]
	if p < 3 || a.text[p-1] != ' ' || a.text[p-2] != '=' || a.text[p-3] != ' ' || !isName(word) || a.at(v.end) == ';' && a.at(v.end+1) != '\n' {
		return false
	}
	if word == "pwd" || word == "passwd" || word == "pass" {
		return true
	}
	if words := splitWords(word); len(words) < 2 || words[0] == "my" || digitCount(word) > 0 || strings.ToLower(word) == word {
		return false
	}
	k, _ := classify(word)
	return k != plain
}

// told tells what kubectl describe shows in place of a value: <set to the key
// 'password' in secret 'db'>.
func (a *assignments) told(p int) bool {
	return a.at(p) == '<' && isLower(a.at(p+1)) && strings.IndexByte(a.text[p:lineFeed(a.text, p)], '>') > 0
}

// size tells that the value says how long the secret is, as kubectl describe
// does: password: 8 bytes.
func (a *assignments) size(v span, next int) bool {
	return digits(a.text[v.start:v.end]) && (strings.HasPrefix(a.text[next:], "byte") || strings.HasPrefix(a.text[next:], "chars"))
}

// lineEnd tells that nothing but a YAML block sign stands before the line's end.
func (a *assignments) lineEnd(p int) (int, bool) {
	if a.at(p) == '|' || a.at(p) == '>' {
		p++
		for p < len(a.text) && strings.IndexByte("+-123456789 \t", a.text[p]) >= 0 {
			p++
		}
	}
	if a.at(p) == '\r' {
		p++
	}
	return p, p < len(a.text) && a.text[p] == '\n'
}

// below takes the value from the lines under the name: a block, or one word
// that stands deeper. end is the name's line feed.
func (a *assignments) below(end, name int, c context) (span, bool) {
	block := strings.ContainsAny(a.text[max(name, end-6):end], "|>")
	indent := a.indent(name)
	start, at := -1, end+1
	last := at
	for at < len(a.text) && (block || at-end < maxValue) {
		eol := lineFeed(a.text, at)
		text := strings.TrimSpace(a.text[at:eol])
		if text != "" && a.indent(eol-1-trailing(a.text[at:eol])) <= indent {
			break
		}
		if text != "" {
			if start < 0 {
				start = at + strings.Index(a.text[at:eol], text)
			}
			last = at + strings.Index(a.text[at:eol], text) + len(text)
		}
		at = eol + 1
		if !block && start >= 0 {
			break
		}
	}
	if start < 0 {
		return span{}, false
	}
	if block {
		return span{start, last}, !placeholder(a.text[start:last])
	}
	if inner := a.text[start:last]; strings.HasPrefix(inner, "value:") || strings.HasPrefix(inner, "default:") {
		c.strict = true
		return a.read(start+strings.IndexByte(inner, ':')+1, name, c)
	}
	v, quoted := a.token(start)
	rest := strings.Trim(a.text[v.end:last], "\"'`\\,; ")
	if rest != "" || strings.HasSuffix(a.text[v.start:v.end], ":") {
		return span{}, false // a nested object or a sentence
	}
	c.quoted = quoted
	return v, plausible(a.text[v.start:min(v.end, v.start+maxJudged)], c)
}

func trailing(line string) int { return len(line) - len(strings.TrimRight(line, " \t\r")) }

// indent is the column of the first text on the line that holds p.
func (a *assignments) indent(p int) int {
	begin := strings.LastIndexByte(a.text[max(0, min(p, len(a.text))-4096):min(max(p, 0), len(a.text))], '\n') + 1 + max(0, min(p, len(a.text))-4096)
	n := 0
	for begin+n < len(a.text) && strings.IndexByte(" \t-", a.text[begin+n]) >= 0 {
		n++
	}
	return n
}

// element takes the text of an XML element from p to the next tag.
func (a *assignments) element(p int) (span, bool) {
	limit := min(len(a.text), p+maxValue)
	end := strings.IndexByte(a.text[p:limit], '<')
	if end < 0 {
		return span{}, false
	}
	text := strings.TrimSpace(a.text[p : p+end])
	start := p + strings.Index(a.text[p:p+end], text)
	return span{start, start + len(text)}, !placeholder(text) && !expression(text)
}

// opens tells whether a quoted value begins at p.
func (a *assignments) opens(p int) bool {
	for p < len(a.text) && a.text[p] == '\\' {
		p++
	}
	c := a.at(p)
	return c == '"' || c == '\'' || c == '`'
}

// token takes a quoted text without its quotes, or the word at p.
func (a *assignments) token(p int) (span, bool) {
	if c := a.at(p); (c == '@' || c == 'b' || c == 'r' || c == 'f' || c == 'L') && (a.at(p+1) == '"' || a.at(p+1) == '\'') {
		p++
	}
	if c := a.at(p); (c == '(' || c == '[') && a.opens(p+1) {
		p++
	}
	if a.opens(p) {
		return a.quotedText(p), true
	}
	return a.bareWord(p), false
}

// quotedText takes what stands between the quote at p and its like. A quote
// that is itself escaped (JSON in a string) is closed by one escaped as often.
// One that is never closed ends with its line: the text was cut.
func (a *assignments) quotedText(p int) span {
	slashes := 0
	for a.text[p] == '\\' {
		slashes, p = slashes+1, p+1
	}
	quote := a.text[p]
	start, run := p+1, 0
	limit := min(len(a.text), start+maxValue)
	eol := -1
	for at := start; at < limit; at++ {
		switch c := a.text[at]; {
		case c == '\\':
			run++
			continue
		case c == quote && run%(2*(slashes+1)) == slashes:
			return span{start, at - slashes}
		case c == '\n' && eol < 0:
			eol = at
			if quote == '\'' { // more often an apostrophe than a quote over lines
				return span{start, eol}
			}
		}
		run = 0
	}
	if eol < 0 {
		eol = limit
	}
	return span{start, eol}
}

// bareWord takes a value without quotes: up to white space, a quote, or a
// separator that another name follows.
func (a *assignments) bareWord(p int) span {
	limit := min(len(a.text), p+maxValue)
	end := p
	for end < limit && !isSpace(a.text[end]) && !a.stops(end, p) {
		end++
	}
	for range 8 {
		if end == p {
			break
		}
		c := a.text[end-1]
		word := a.text[p:end]
		if c == ',' || c == ';' || c == '.' && end == limit || unopened(word, c) {
			end--
			continue
		}
		break
	}
	if strings.HasPrefix(a.text[p:end], maskOpen) && !strings.HasSuffix(a.text[p:end], "]") && a.at(end) == ']' {
		end++
	}
	return span{p, end}
}

func (a *assignments) stops(at, start int) bool {
	switch c := a.text[at]; c {
	case '"', '`':
		return true
	case '\'', '<':
		return at > start
	case '\\': // \n, \t and \" end a value inside a JSON string
		return strings.IndexByte("nrt\"", a.at(at+1)) >= 0
	case '&', ';', ',':
		next := at + 1
		for next < len(a.text) && next < at+maxName && (isNameByte(a.text[next]) || a.text[next] == ' ') {
			next++
		}
		return next > at+1 && a.at(next) == '=' || c != '&' && (a.at(at+1) == '"' || a.at(at+1) == '\'')
	}
	return false
}

// unopened tells a closing bracket that the word does not open.
func unopened(word string, c byte) bool {
	i := strings.IndexByte(")]}", c)
	return i >= 0 && strings.Count(word, ")]}"[i:i+1]) > strings.Count(word, "([{"[i:i+1])
}
