package redact

import (
	"slices"
	"strings"
	"unicode/utf8"
)

// keyword is what the gate looks for: the name of a secret, or what every match
// of a rule contains.
type keyword struct {
	text string
	rule int // index into rules; names when it is a name for assignments, secrets when it may belong to a manifest

	// ahead, if set, tells whether what follows the keyword is worth a look.
	ahead func(s string, at int) bool
}

const (
	names   = -1
	secrets = -2
)

// manifestWords are in every text that [manifests] finds something in.
var manifestWords = []string{"secret", "stringdata", "opaque", "kubernetes.io/"}

// nameWords occur in every name that [classify] calls secret.
var nameWords = []string{"pass", "pwd", "secret", "token", "key", "auth", "cred", "dsn", "connection", "connstr", "conn_str", "conn-str", "jwt", "pin", "psk", "otp", "dockerc", "cookie", "pw", "_pat",
	"kennwort", "senha", "contrasena", "wachtwoord", "haslo", "lozinka", "salasana", "mdp", "mnemonic", "seedphrase", "seed_phrase", "sessid", "sessionid"}

func keywords(rules []rule) []keyword {
	var words []keyword
	for _, w := range nameWords {
		words = append(words, keyword{text: w, rule: names})
	}
	for _, w := range manifestWords {
		words = append(words, keyword{text: w, rule: secrets})
	}
	for i, rule := range rules {
		for _, w := range rule.keywords {
			words = append(words, keyword{strings.ToLower(w), i, rule.ahead})
		}
	}
	return words
}

// scan finds what is secret in s, once: what comes back is fit to be applied,
// and nothing comes back when s holds no more.
func (r *Redactor) scan(s string) []finding { return r.scanAt(s, "") }

// scanAt is scan for a text at a path of a record.
func (r *Redactor) scanAt(s, path string) []finding {
	return r.policy.labels(s, settle(s, r.policy.keepAt(path, s, r.look(s, 0))))
}

// maxLayers is how many encodings inside each other are seen through.
const maxLayers = 3

func (r *Redactor) look(s string, layer int) []finding {
	if len(s) < 4 || r.dull(s) {
		return nil
	}
	return r.lookClosely(s, layer)
}

func (r *Redactor) lookClosely(s string, layer int) []finding {
	s = validUTF8(s)
	found := r.policy.keep(s, append(r.clear(s), r.words(s, layer)...))
	if layer == maxLayers {
		return found
	}
	for _, v := range views(s) {
		for _, f := range r.look(v.text, layer+1) {
			if f.secret == "" {
				f.secret = v.text[f.Start:f.End]
			}
			f.Start, f.End = v.original(f.Start), v.original(f.End)
			found = append(found, f)
		}
	}
	return found
}

// clear finds secrets that stand in s as they are.
func (r *Redactor) clear(s string) []finding {
	a := assignments{text: s, policy: r.policy}
	var hits hits
	manifest := false
	r.gate.each(s, func(word, end int) {
		switch w := &r.keywords[word]; {
		case w.rule == names:
			a.word(end-len(w.text), end)
		case w.rule == secrets:
			manifest = true
		case w.ahead == nil || w.ahead(s, end):
			windows := hits.of(w.rule)
			*windows = widen(s, *windows, &r.rules[w.rule], end)
		}
	})
	found := a.out
	hits.sort() // in the rules' order
	for _, hit := range hits {
		for _, window := range hit.windows {
			found = append(found, r.rules[hit.rule].find(s, window)...)
		}
	}
	if manifest {
		found = append(found, manifests(s)...)
	}
	return found
}

// hits are where the rules have to look. Most texts have none, others few.
type hits []hit

type hit struct {
	rule    int
	windows []span
}

// of returns the windows of a rule, to be widened.
func (h *hits) of(rule int) *[]span {
	for i := range *h {
		if (*h)[i].rule == rule {
			return &(*h)[i].windows
		}
	}
	*h = append(*h, hit{rule: rule})
	return &(*h)[len(*h)-1].windows
}

func (h hits) sort() {
	slices.SortFunc(h, func(a, b hit) int { return a.rule - b.rule })
}

// tokenAhead tells whether what follows a keyword may be the rest of a token.
func tokenAhead(s string, at int) bool {
	const least = 8
	if at+least > len(s) {
		return false
	}
	for _, c := range []byte(s[at : at+least]) {
		if !isNameByte(c) && c != '~' && c != '+' && c != '/' {
			return false
		}
	}
	return true
}

// spaceAhead tells whether the keyword is the end of a word, as a command is.
func spaceAhead(s string, at int) bool { return at < len(s) && (isSpace(s[at]) || s[at] == '\f') }

// atAhead tells whether an @ follows, as behind the user and password of a URL.
func atAhead(s string, at int) bool {
	return strings.IndexByte(s[at:min(len(s), at+lookAhead)], '@') >= 0
}

// How far around a keyword its rule looks: to the ends of the line, and of a
// very long line no further than this.
const lookBack, lookAhead = 256, 4096

func widen(s string, windows []span, rule *rule, end int) []span {
	if n := len(windows); n > 0 && end <= windows[n-1].end {
		return windows
	}
	w := span{max(0, end-lookBack), min(len(s), end+lookAhead)}
	if rule.lines {
		w.end = len(s)
	} else {
		if i := strings.LastIndexByte(s[w.start:end], '\n'); i >= 0 {
			w.start += i + 1
		}
		if i := strings.IndexByte(s[end:w.end], '\n'); i >= 0 {
			w.end = end + i
		}
	}
	if n := len(windows); n > 0 && w.start < windows[n-1].end {
		windows[n-1].end = w.end
		return windows
	}
	return append(windows, w)
}

// validUTF8 puts a byte in place of every byte that is not UTF-8, because RE2
// stops at one. Offsets stay.
func validUTF8(s string) string {
	if utf8.ValidString(s) {
		return s
	}
	b := []byte(s)
	for i := 0; i < len(b); {
		c, size := utf8.DecodeRune(b[i:])
		if c == utf8.RuneError && size <= 1 {
			b[i] = '?'
		}
		i += size
	}
	return string(b)
}
