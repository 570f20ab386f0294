package leak

import (
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"net/url"
	"strings"
	"testing"
)

func TestASecretIsKnownInEveryForm(t *testing.T) {
	t.Parallel()
	const secret = `Otter"!\Violin+48213/?`
	quoted, _ := json.Marshal(secret)
	twice, _ := json.Marshal(string(quoted))
	texts := map[string]string{
		"raw": secret, "JSON": string(quoted), "JSON in JSON": string(twice),
		"query": url.QueryEscape(secret), "path": url.PathEscape(secret),
		"hex": hex.EncodeToString([]byte(secret)), "HEX": strings.ToUpper(hex.EncodeToString([]byte(secret))),
	}
	texts["JSON escapes"] = unicodeEscaped(secret)
	texts["JSON escapes in JSON"] = escaped(texts["JSON escapes"])
	once := base64.StdEncoding.EncodeToString
	for _, before := range []string{"", "u", "us", "use", "user:"} {
		for _, after := range []string{"", "x", "xy", "xyz"} {
			texts["base64 of "+before+"…"+after] = once([]byte(before + secret + after))
			texts["base64 twice of "+before+"…"+after] = once([]byte(before + once([]byte(after+secret+before)) + "\n"))
			texts["base64url of "+before+"…"+after] = base64.RawURLEncoding.EncodeToString([]byte(before + secret + after))
		}
	}
	var patterns []string
	for _, f := range forms(secret) {
		patterns = append(patterns, f.bytes)
	}
	for name, text := range texts {
		found := 0
		for _, n := range counts(t, patterns, strings.NewReader("… "+text+" …")) {
			found += n
		}
		if found == 0 {
			t.Errorf("not known as %s: %s", name, text)
		}
	}
}
