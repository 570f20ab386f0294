package redact

import (
	"slices"
	"strings"
)

// ruleUser is for the name that stands beside a password: together they open a
// door, and the name is half of what has to be guessed. Alone it is no secret,
// so it is not looked for elsewhere: who did something is what records are for.
const ruleUser = "user-name"

// ruleAzure is for the ids of an application and of its directory, which tell
// where to try a secret and no more.
const ruleAzure = "azure-id"

// stays tells rules whose findings are masked where they stand and nowhere else.
func stays(rule string) bool { return rule == ruleUser || rule == ruleAzure }

// withUser makes a rule mask the name in its first group and the secret in its
// second.
func withUser(r rule) rule {
	r.user, r.group = 1, 2
	return r
}

// userIn is the name in a match, unless it is a variable.
func (r rule) userIn(s string, w span, m []int) []finding {
	if r.user == 0 || m[2*r.user] < 0 {
		return nil
	}
	start, end := w.start+m[2*r.user], w.start+m[2*r.user+1]
	if name := s[start:end]; name == "" || placeholder(name) || location(name) {
		return nil
	}
	return []finding{{Finding: Finding{ruleUser, start, end}}}
}

// besideSecret is the password that makes a name one that is masked.
const besideSecret = `(?i)(?:(?:password|passwd|passwort|pass|pwd)\\*["']?\]?\s*=>?\s*|-(?:password|passwd|pass|pwd)[ \t]+)\\*["']?([^\s;,&"'\\)]+)` //nolint:gosec // an expression, and no credential

// userRules know names of users in connection strings, code and command lines:
// Server=db;User ID=app;Password=…, username='app', -User app -Password ….
func userRules() []rule {
	name := rule{name: ruleUser,
		keywords: []string{"user=", "username=", "userid=", "uid=", "user id=", "user_id=", "user =", "username =", "user id =", "uid ="},
		pattern:  lazily(`(?i)(?:^|[^a-z0-9])(?:user(?:[ _]?id|[ _]?name)?|uid)\\*["']?\s*=>?\s*\\*["']?([^\s;,&"'\\)]{2,})`)}
	flag := rule{name: ruleUser, keywords: []string{"-user ", "-username "},
		pattern: lazily(`(?i)\s--?user(?:name)?[ \t]+\\*["']?([^\s;,&"'\\:-][^\s;,&"'\\:]+)`)}
	rules := []rule{name, flag}
	for i := range rules {
		rules[i].beside = lazily(besideSecret)
		rules[i].check = func(m match) bool { return !expression(m.secret) && !handedOn(m) }
	}
	return rules
}

// handedOn tells code that hands on a variable: username = nexusUsername.
func handedOn(m match) bool {
	return strings.HasSuffix(m.whole, "= "+m.secret) && isName(m.secret) && strings.Contains(strings.ToLower(m.secret), "user")
}

// nearby is how far from each other is what stands beside each other, in bytes.
const nearby = 128

// besides keeps what stands in the same line as a secret, or in the next. The
// window is searched once, so that many names in a line cost linear time.
func (r rule) besides(s string, w span, found []finding) []finding {
	if len(found) == 0 {
		return nil
	}
	from, to := max(0, w.start-2*nearby), min(len(s), w.end+2*nearby)
	var secrets []span
	for _, m := range r.beside.compile().FindAllStringSubmatchIndex(s[from:to], -1) {
		if plausible(s[from+m[2]:from+m[3]], context{kind: password, strict: true}) {
			secrets = append(secrets, span{from + m[0], from + m[3]})
		}
	}
	at := 0
	return slices.DeleteFunc(found, func(f finding) bool {
		for at < len(secrets) && secrets[at].end+nearby < f.Start {
			at++
		}
		for _, secret := range secrets[at:min(at+3, len(secrets))] {
			if beside(s, span{f.Start, f.End}, secret) {
				return false
			}
		}
		return true
	})
}

// beside tells that there is no line between two stretches, and little else.
func beside(s string, a, b span) bool {
	if b.start < a.start {
		a, b = b, a
	}
	if b.start <= a.end {
		return b.start >= a.start
	}
	between := s[a.end:b.start]
	if len(between) > nearby {
		return false
	}
	lines := strings.Split(between, "\n")
	return len(lines) < 3 || strings.TrimSpace(strings.Join(lines[1:len(lines)-1], "")) == ""
}
