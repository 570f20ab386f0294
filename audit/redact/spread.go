package redact

import (
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"html"
	"net/url"
	"sort"
	"strings"
)

const (
	// minSpread is the shortest value looked for elsewhere; shorter ones are
	// found everywhere by chance.
	minSpread = 6
	// maxSpread is how much of a value is looked for at a time: long ones, such
	// as keys, are known by each of their lines.
	maxSpread = 128
	// maxKnown bounds the forms of values looked for in one record.
	maxKnown = 32768
)

// common values are not looked for elsewhere although they stood where a
// secret belongs: masking them would only hide everything else.
var common = set(`password passwd secret secrets token default changeme example postgres postgresql mysql mariadb mongodb mongo redis
	rabbitmq admin administrator root user username guest test testing production prod staging development kubernetes kubectl
	cluster namespace deployment service service-account account database localhost string number boolean redacted private
	public bearer basic opaque value values config master worker server client required optional enabled disabled unknown
	system backup restore update create delete status running completed failed pending success failure letmein welcome
	nginx docker container containers github gitlab monitoring logging ingress egress frontend backend application`)

// known are the secrets of one record in every form they may turn up in.
type known struct {
	forms    map[string]string // form → rule that found the secret
	prefixes map[string]bool   // their first minSpread bytes
	first    [256]bool         // their first bytes
	lengths  []int             // of the forms, longest first
	dirty    bool
}

// add remembers a secret that rule found.
func (k *known) add(rule, value string) {
	if stays(ruleOf(rule)) {
		return
	}
	for _, line := range strings.FieldsFunc(value, func(c rune) bool { return c == '\n' || c == '\r' }) {
		k.addLine(rule, line)
	}
	if strings.Contains(value, `\n`) {
		for _, line := range strings.Split(value, `\n`) {
			k.addLine(rule, line)
		}
	}
}

func (k *known) addLine(rule, line string) {
	line = strings.Trim(line, " \t\"'`\\")
	if !k.worth(line) {
		return
	}
	k.encode(rule, line)
	if text, ok := decode(strings.TrimRight(line, "=")); ok && len(line) >= 8 {
		if text = strings.TrimSpace(text); k.worth(text) && !strings.Contains(text, "\n") {
			k.encode(rule, text)
		}
	}
	if text, err := url.PathUnescape(line); err == nil && text != line && k.worth(text) {
		k.encode(rule, text)
	}
}

// worth tells values that say something where they stand alone.
func (k *known) worth(v string) bool {
	if len(v) < minSpread || strings.Contains(v, maskOpen) || strings.HasPrefix(v, "-----") {
		return false
	}
	lower := strings.ToLower(v)
	if common[lower] || evident[lower] || prose[lower] || digits(v) && len(v) < 9 || repeated(v) {
		return false
	}
	return substance(v, nil, 0, len(v))
}

// repeated tells aaaaaaaa and the like.
func repeated(v string) bool { return strings.Trim(v, v[:1]) == "" }

// encode puts down v as it is and in the encodings in which records carry it.
func (k *known) encode(rule, v string) {
	quoted, _ := json.Marshal(v)
	escaped := string(quoted[1 : len(quoted)-1])
	double, _ := json.Marshal(escaped)
	for _, form := range []string{v, escaped, string(double[1 : len(double)-1]), plainJSON(v), url.QueryEscape(v), url.PathEscape(v), html.EscapeString(v)} {
		k.form(rule, form)
	}
	figures := hex.EncodeToString([]byte(v))
	k.form(rule, figures)
	k.form(rule, strings.ToUpper(figures))
	for shift := range 3 {
		encoded := base64.StdEncoding.EncodeToString([]byte("xxx"[:shift] + v))
		from := (shift*8 + 5) / 6
		if shift == 0 {
			k.form(rule, encoded)
		}
		encoded = strings.TrimRight(encoded, "=")
		to := len(encoded)
		if (len(v)+shift)%3 != 0 {
			to-- // its last bits belong to what follows
		}
		if to-from >= 2*minSpread-4 {
			k.form(rule, encoded[from:to])
			k.form(rule, strings.NewReplacer("+", "-", "/", "_").Replace(encoded[from:to]))
		}
	}
}

// plainJSON escapes as encoders do that leave < and & alone.
func plainJSON(v string) string {
	return strings.NewReplacer(`\`, `\\`, `"`, `\"`, "\t", `\t`).Replace(v)
}

func (k *known) form(rule, form string) {
	for len(form) > maxSpread { // long values by parts, so that searching stays linear
		k.form(rule, form[:maxSpread])
		form = form[maxSpread:]
	}
	if len(form) < minSpread || len(k.forms) >= maxKnown {
		return
	}
	if _, twice := k.forms[form]; twice {
		return
	}
	if k.forms == nil { // most records have no secret
		k.forms, k.prefixes = map[string]string{}, map[string]bool{}
	}
	k.forms[form] = rule
	k.prefixes[form[:minSpread]] = true
	k.first[form[0]] = true
	k.dirty = true
}

// prepare brings lengths up to date.
func (k *known) prepare() {
	if !k.dirty {
		return
	}
	k.dirty = false
	seen := map[int]bool{}
	k.lengths = k.lengths[:0]
	for form := range k.forms {
		if !seen[len(form)] {
			seen[len(form)] = true
			k.lengths = append(k.lengths, len(form))
		}
	}
	sort.Sort(sort.Reverse(sort.IntSlice(k.lengths)))
}

// find returns where s holds a known secret outside of masks, as it is and in
// whatever encoding [Redactor.look] sees through.
func (k *known) find(s string) []finding {
	if len(k.forms) == 0 || len(s) < minSpread {
		return nil
	}
	k.prepare()
	return settle(s, k.seek(s, 0))
}

func (k *known) seek(s string, layer int) []finding {
	found := k.plain(s)
	if layer == maxLayers {
		return found
	}
	for _, v := range views(s) {
		for _, f := range k.seek(v.text, layer+1) {
			f.Start, f.End = v.original(f.Start), v.original(f.End)
			found = append(found, f)
		}
	}
	eachWord(s, func(word span) {
		if text, ok := decode(s[word.start:word.end]); ok {
			if inner := k.seek(text, layer+1); len(inner) > 0 {
				found = append(found, finding{Finding: Finding{inner[0].Rule, word.start, word.end}})
			}
		}
	})
	return found
}

// plain returns where s holds a known form as it is.
func (k *known) plain(s string) []finding {
	var found []finding
	masks := masksIn(s)
	for at := 0; at+minSpread <= len(s); {
		if len(masks) > 0 && at >= masks[0].start {
			at = max(at, masks[0].end)
			masks = masks[1:]
			continue
		}
		if k.first[s[at]] && k.prefixes[s[at:at+minSpread]] {
			if rule, n := k.longest(s[at:]); n > 0 {
				found = append(found, finding{Finding: Finding{rule, at, at + n}})
				at += n
				continue
			}
		}
		at++
	}
	return found
}

func (k *known) longest(s string) (string, int) {
	for _, n := range k.lengths {
		if n <= len(s) {
			if rule, ok := k.forms[s[:n]]; ok {
				return rule, n
			}
		}
	}
	return "", 0
}
