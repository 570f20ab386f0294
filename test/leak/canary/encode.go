package canary

import (
	"bytes"
	"compress/gzip"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/url"
	"strings"
)

// Encoding is a way in which texts come inside others.
type Encoding struct {
	Name string
	// apply encodes a canary, with something in front of it and behind. For each
	// of its secrets it tells the parts by which a search knows it, where the
	// encoded text does not show the secret by itself.
	apply func(c Canary) (text string, parts [][]string)
}

// Encodings are those that records are known to come with; the first is none.
func Encodings() []Encoding {
	return []Encoding{
		wordwise("plain", "", func(s string) string { return s }, ""),
		wordwise("JSON", `{"level":"info","msg":"`, inJSON, `"}`),
		wordwise("JSON escapes", "received: ", escapes, " :done"),
		wordwise("base64", "received: ", base64Of, " :done"),
		wordwise("base64 twice", "received: ", func(s string) string { return base64Of(base64Of(s)) }, " :done"),
		wordwise("hex", "received: ", func(s string) string { return hex.EncodeToString([]byte(s)) }, " :done"),
		wordwise("URL", "GET /login?state=", inURL, "&page=2 HTTP/1.1"),
		{"gzip", gzipped},
		{"wrapped base64", wrapped},
	}
}

// wordwise is an encoding in which a secret has a form that does not depend on
// the text, but for its place in it.
func wordwise(name, before string, encode func(string) string, after string) Encoding {
	return Encoding{name, func(c Canary) (string, [][]string) {
		return before + encode(c.Text) + after, make([][]string, len(c.Secrets))
	}}
}

func inJSON(s string) string {
	text, err := json.Marshal(s)
	if err != nil {
		panic(err) // a string always can be
	}
	return string(text[1 : len(text)-1])
}

// inURL writes spaces as %20, as browsers do in addresses; + stands for one in
// forms only, and for itself everywhere else.
func inURL(s string) string { return strings.ReplaceAll(url.QueryEscape(s), "+", "%20") }

func escapes(s string) string {
	var b strings.Builder
	for _, c := range s {
		fmt.Fprintf(&b, `\u%04x`, c)
	}
	return b.String()
}

// leastPart is how long a part must be not to be found by chance.
const leastPart = 9

// gzipped is known by the whole of what was compressed, but for gzip's own head.
func gzipped(c Canary) (string, [][]string) {
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	if _, err := w.Write([]byte(c.Text)); err != nil {
		panic(err) // a buffer takes everything
	}
	if err := w.Close(); err != nil {
		panic(err)
	}
	blob := base64Of(b.String())
	var parts []string
	for at := 16; at+leastPart <= len(blob); at += 32 {
		parts = append(parts, blob[at:min(len(blob), at+32)])
	}
	all := make([][]string, len(c.Secrets))
	for i := range all {
		all[i] = parts
	}
	return "payload: " + blob + " :done", all
}

// width is where base64(1) wraps.
const width = 76

// wrapped runs over lines in the middle of the canary. A secret is known by what
// each line shows of it.
func wrapped(c Canary) (string, [][]string) {
	before := strings.Repeat("note=nothing ", 4)
	text := before + "\n" + c.Text + "\n" + before
	encoded := base64.StdEncoding.EncodeToString([]byte(text))
	var lines []string
	for at := 0; at < len(encoded); at += width {
		lines = append(lines, encoded[at:min(len(encoded), at+width)])
	}
	parts := make([][]string, len(c.Secrets))
	for i, secret := range c.Secrets {
		at := strings.Index(text, secret)
		parts[i] = pieces(encoded, (at*8+5)/6, (at+len(secret))*8/6)
	}
	return "payload: |\n  " + strings.Join(lines, "\n  ") + "\nnext: 1\n", parts
}

// pieces cuts encoded[from:to] where lines end.
func pieces(encoded string, from, to int) (parts []string) {
	for from < to {
		end := min(to, (from/width+1)*width)
		if end-from >= leastPart {
			parts = append(parts, encoded[from:end])
		}
		from = end
	}
	return parts
}
