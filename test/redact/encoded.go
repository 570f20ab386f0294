package main

import (
	"bytes"
	"compress/gzip"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"net/url"
	"strings"
)

// encodedGrammars hide a text with a secret in it in the encodings that records
// come with.
func encodedGrammars() []grammar {
	encodings := map[string]func(s string) string{
		"base64":       b64,
		"base64-twice": func(s string) string { return b64(b64(s)) },
		"base64-url":   func(s string) string { return base64.RawURLEncoding.EncodeToString([]byte(s)) },
		"hex":          func(s string) string { return hex.EncodeToString([]byte(s)) },
		"gzip":         func(s string) string { return b64(zip(s)) },
		"url":          url.QueryEscape,
		"url-twice":    func(s string) string { return url.QueryEscape(url.QueryEscape(s)) },
		"json-unicode": func(s string) string { return each(s, `\u%04x`) },
		"hex-escapes":  func(s string) string { return each(s, `\x%02x`) },
		"html":         func(s string) string { return each(s, "&#%d;") },
	}
	var all []grammar
	for _, kind := range sortedKeys(encodings) {
		encode := encodings[kind]
		all = append(all, grammar{kind: "encoded-" + kind, text: func(m maker) (string, []string) {
			name, p, rest := "DB_PASSWORD=", m.password()+m.chars(digits, 3), " "
			hidden, secret := encode(name+p+rest), encode(p)
			if !strings.Contains(hidden, secret) { // it is encoded as a whole
				secret = hidden
			}
			return "received " + hidden + " from client", []string{secret}
		}})
	}
	for _, width := range []int{64, 76, 80} {
		all = append(all, wrappedGrammar(width, "", ""), wrappedGrammar(width, "    ", ""), wrappedGrammar(width, "  ", "\\"))
	}
	return all
}

// wrappedGrammar is of base64 that runs over lines.
func wrappedGrammar(width int, indent, tail string) grammar {
	return grammar{kind: fmt.Sprintf("wrapped-%d-%d%s", width, len(indent), strings.ReplaceAll(tail, `\`, "-backslash")), text: func(m maker) (string, []string) {
		before, p := "host=db user=app "+strings.Repeat("note="+m.word()+" ", 8)+"password=", m.password()
		text := b64(before + p + " sslmode=disable " + m.word())
		var lines, secrets []string
		for at := 0; at < len(text); at += width {
			line := text[at:min(len(text), at+width)]
			lines = append(lines, line)
			if at < (len(before)+len(p))*4/3 && at+width > len(before)*4/3 { // it holds some of the password
				secrets = append(secrets, line)
			}
		}
		return "payload: |\n" + indent + strings.Join(lines, tail+"\n"+indent) + "\nnext: 1\n", secrets
	}}
}

func zip(s string) string {
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	if _, err := w.Write([]byte(s)); err != nil {
		panic(err) // a buffer takes everything
	}
	if err := w.Close(); err != nil {
		panic(err)
	}
	return b.String()
}

// each writes every byte of s as format says.
func each(s, format string) string {
	var b strings.Builder
	for i := range len(s) {
		fmt.Fprintf(&b, format, s[i])
	}
	return b.String()
}
