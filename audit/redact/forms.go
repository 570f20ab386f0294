package redact

import "strings"

// The less common ways in which texts put a name and its value together.

// netrc takes the password of a .netrc that is written in lines, behind that of
// the login.
func (a *assignments) netrc(p, start int) (span, bool) {
	from := max(0, start-2*maxName)
	lines := strings.Split(a.text[from:start], "\n")
	if len(lines) < 2 || strings.TrimSpace(lines[len(lines)-1]) != "" {
		return span{}, false
	}
	above := strings.TrimSpace(lines[len(lines)-2])
	if !strings.HasPrefix(above, "login ") && !strings.HasPrefix(above, "machine ") {
		return span{}, false
	}
	v, _ := a.token(p)
	return v, v.start < v.end
}

// compared finds the literal that a name is compared with: "x" == password.
func (a *assignments) compared(start int) (span, bool) {
	p := a.back(start - 1)
	if p < 2 || a.text[p] != '=' || a.text[p-1] != '=' && a.text[p-1] != '!' {
		return span{}, false
	}
	for p >= 0 && (a.text[p] == '=' || a.text[p] == '!') {
		p--
	}
	p = a.back(p)
	if p < 1 || a.text[p] != '"' && a.text[p] != '\'' {
		return span{}, false
	}
	from := max(0, p-maxJudged)
	open := strings.LastIndexByte(a.text[from:p], a.text[p])
	return span{from + open + 1, p}, open >= 0 && !strings.Contains(a.text[from+open+1:p], "\n")
}

// back skips spaces towards the beginning.
func (a *assignments) back(p int) int {
	for p >= 0 && (a.text[p] == ' ' || a.text[p] == '\t') {
		p--
	}
	return p
}

// column takes the value in the next column of a table: Access Token   00DE….
func (a *assignments) column(start, end int, c context) (span, bool) {
	p := a.spaces(end)
	if p-end < 2 && (p == end || a.text[end] != '\t') {
		return span{}, false
	}
	first := start
	for first > 0 && (isNameByte(a.text[first-1]) || a.text[first-1] == ' ') {
		first--
	}
	if first > 0 && a.text[first-1] != '\n' { // names stand in the first column
		return span{}, false
	}
	v, _ := a.token(p)
	word := a.text[v.start:v.end]
	next := a.at(v.end)
	if !mixed(word) || digitCount(word) == 0 || next != 0 && next != '\n' && next != '\r' && next != '\t' {
		return span{}, false
	}
	c.strict = true
	return v, len(word) >= 8 && !label(word) && plausible(word[:min(len(word), maxJudged)], c)
}

// array skips what C writes behind the name of an array: [] and [25].
func (a *assignments) array(p int) int {
	q := p + 1
	for a.at(p) == '[' && isDigit(a.at(q)) && q < p+8 {
		q++
	}
	if a.at(p) == '[' && a.at(q) == ']' {
		return q + 1
	}
	return p
}

// argument tells whether the quoted name at start is one of several arguments,
// rather than the value of another name.
func (a *assignments) argument(start int) bool {
	p := start - 1
	for p >= 0 && strings.IndexByte("\\\"'` \t", a.text[p]) >= 0 {
		p--
	}
	return p >= 0 && (a.text[p] == '(' || a.text[p] == ',' || a.text[p] == '[' && a.text[start] == '-')
}
