package redact

import (
	"bytes"
	"compress/gzip"
	"compress/zlib"
	"encoding/base64"
	"encoding/hex"
	"io"
	"strings"
	"unicode/utf8"
)

// maxUnzipped bounds what a gzip inside base64 may unfold to.
const maxUnzipped = 1 << 20

// decode returns what a word holds in base64 (either alphabet, padding left
// out) or hexadecimal, if that is text or compressed text.
func decode(word string) (string, bool) {
	word = strings.TrimRight(word, "=")
	if text, ok := unhex(word); ok {
		return text, true
	}
	if len(word)%4 == 1 {
		word = word[:len(word)-1]
	}
	encoding := base64.RawStdEncoding
	if strings.ContainsAny(word, "-_") {
		encoding = base64.RawURLEncoding
	}
	var buf [18]byte
	head := buf[:]
	n, err := encoding.Decode(head, []byte(word[:min(len(word), 24)/4*4]))
	if err != nil {
		return "", false
	}
	head = head[:n]
	zipped := bytes.HasPrefix(head, []byte{0x1f, 0x8b}) || len(head) > 1 && head[0] == 0x78 && (head[1] == 0x9c || head[1] == 0xda || head[1] == 0x01)
	if !zipped && !printable(head) {
		return "", false
	}
	all, err := encoding.DecodeString(word)
	switch {
	case err != nil:
		return "", false
	case zipped:
		return unzip(all)
	}
	return string(all), utf8.Valid(all) && printable(all)
}

// unhex decodes text in hexadecimal; digests are not text.
func unhex(word string) (string, bool) {
	if len(word)%2 != 0 || len(word) < 16 || strings.Trim(word[:16], "0123456789abcdefABCDEF") != "" {
		return "", false
	}
	head, err := hex.DecodeString(word[:16])
	if err != nil || !ascii(head) {
		return "", false
	}
	all, err := hex.DecodeString(word)
	return string(all), err == nil && ascii(all)
}

func unzip(b []byte) (string, bool) {
	var reader io.Reader
	var err error
	if b[0] == 0x1f {
		reader, err = gzip.NewReader(bytes.NewReader(b))
	} else {
		reader, err = zlib.NewReader(bytes.NewReader(b))
	}
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

func ascii(b []byte) bool {
	for _, c := range b {
		if c >= 0x7f {
			return false
		}
	}
	return printable(b)
}
