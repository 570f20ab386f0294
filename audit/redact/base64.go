package redact

import (
	"bytes"
	"compress/gzip"
	"encoding/base64"
	"io"
	"strings"
	"unicode/utf8"
)

// minEncoded is the shortest base64 word worth decoding.
const minEncoded = 20

// maxUnzipped bounds what a gzip inside base64 may unfold to.
const maxUnzipped = 1 << 20

// encoded finds base64 words that decode to a text with a secret in it.
func (r *Redactor) encoded(s string, layer int) []finding {
	var found []finding
	for at := 0; at < len(s); {
		start := at
		for at < len(s) && isBase64(s[at]) {
			at++
		}
		end := at
		for at < len(s) && s[at] == '=' && at < end+2 {
			at++
		}
		if end-start >= minEncoded {
			if text, ok := decode(s[start:end]); ok {
				for _, inner := range settle(text, r.look(text, layer+1)) {
					f := finding{Finding: Finding{inner.Rule, start, at}, secret: inner.secret}
					if f.secret == "" {
						f.secret = text[inner.Start:inner.End]
					}
					found = append(found, f)
				}
			}
		}
		if at == start {
			at++
		}
	}
	return found
}

func isBase64(c byte) bool { return isAlnum(c) || c == '+' || c == '/' || c == '-' || c == '_' }

// decode returns what a base64 word (standard or URL alphabet, padding left
// out) holds, if that is text or gzip of text.
func decode(word string) (string, bool) {
	if len(word)%4 == 1 {
		word = word[:len(word)-1]
	}
	if strings.ContainsAny(word, "-_") {
		word = strings.NewReplacer("-", "+", "_", "/").Replace(word)
	}
	head, err := base64.RawStdEncoding.DecodeString(word[:min(len(word), 16)])
	if err != nil {
		return "", false
	}
	zipped := bytes.HasPrefix(head, []byte{0x1f, 0x8b})
	if !zipped && !printable(head) {
		return "", false
	}
	all, err := base64.RawStdEncoding.DecodeString(word)
	if err != nil {
		return "", false
	}
	if zipped {
		return unzip(all)
	}
	return string(all), utf8.Valid(all) && printable(all)
}

func unzip(b []byte) (string, bool) {
	reader, err := gzip.NewReader(bytes.NewReader(b))
	if err != nil {
		return "", false
	}
	text, _ := io.ReadAll(io.LimitReader(reader, maxUnzipped)) // what could be read of a cut one counts
	return string(text), len(text) > 0
}

func printable(b []byte) bool {
	for _, c := range b {
		if c < 0x20 && c != '\n' && c != '\t' && c != '\r' || c == 0x7f {
			return false
		}
	}
	return true
}
