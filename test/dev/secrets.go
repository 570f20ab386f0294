package main

import (
	"encoding/base64"
	"fmt"
	"math/rand/v2"
	"strings"

	"github.com/auditflow/auditflow/test/leak"
)

// plants are the secrets of this run: where each was put, and its very bytes.
// They are made up afresh every time, so that finding one means a leak.
type plants struct {
	list []leak.Secret
	word string // the canary, which is no secret
}

// plant remembers a secret and returns it.
func (p *plants) plant(label, value string) string {
	p.list = append(p.list, leak.Secret{Label: label, Value: value})
	return value
}

// lines plants every line of a long secret by itself: a part is a leak as well.
func (p *plants) lines(label, text string) string {
	for i, line := range strings.Split(text, "\n") {
		if len(line) >= 16 && !strings.HasPrefix(line, "-----") {
			p.plant(fmt.Sprintf("%s, line %d", label, i), line)
		}
	}
	return text
}

const (
	lower         = "abcdefghijklmnopqrstuvwxyz"
	upper         = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
	digit         = "0123456789"
	alnum         = lower + upper + digit
	base64Letters = alnum + "+/"
	urlish        = alnum + "-_"
	hexes         = digit + "abcdef"
)

func random(alphabet string, n int) string {
	b := make([]byte, n)
	for i := range b {
		b[i] = alphabet[rand.IntN(len(alphabet))]
	}
	return string(b)
}

// strong is random and looks it: letters of both cases and digits.
func strong(alphabet string, n int) string {
	return random(lower, 1) + random(digit, 1) + random(upper, 1) + random(alphabet, n-5) + random(digit, 1) + random(lower, 1)
}

// password is one that a person would choose, and nobody else has.
func password() string {
	words := []string{"otter", "violin", "harbour", "saffron", "glacier", "lantern", "thistle", "walnut", "comet", "juniper"}
	word := func() string { w := words[rand.IntN(len(words))]; return strings.ToUpper(w[:1]) + w[1:] }
	return word() + random("!$%*+", 1) + word() + random(digit, 5)
}

// jwt is a token with three parts; the second and the third are secret by
// themselves.
func (p *plants) jwt(label string) string {
	payload := fmt.Sprintf(`{"sub":"system:serviceaccount:prod:deployer","jti":%q}`, random(alnum, 24))
	header := encoded(`{"alg":"RS256","typ":"JWT"}`)
	body := p.plant(label+", payload", encoded(payload))
	signature := p.plant(label+", signature", strong(urlish, 86))
	return header + "." + body + "." + signature
}

func encoded(text string) string { return base64.RawURLEncoding.EncodeToString([]byte(text)) }

// privateKey has the form of one; nothing can be opened with it.
func (p *plants) privateKey(label string) string {
	var b strings.Builder
	b.WriteString("-----BEGIN RSA PRIVATE KEY-----\n")
	for range 6 {
		b.WriteString(random(base64Letters, 64) + "\n")
	}
	b.WriteString("-----END RSA PRIVATE KEY-----\n")
	return p.lines(label, b.String())
}
