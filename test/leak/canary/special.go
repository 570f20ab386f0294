package canary

import (
	"encoding/base64"
	"strings"
)

// special is a grammar for what cannot be written with blanks.
type special struct {
	rule  string
	write func(m maker) Canary
}

var specials = []special{
	{"jwt", maker.jwt},
	{"private-key", func(m maker) Canary { return m.privateKey("\n") }},
	{"private-key", func(m maker) Canary { return m.privateKey(`\n`) }},
	{"authorization", func(m maker) Canary {
		return m.login("authorization", "> Authorization: Basic ", "\r\n> Host: example.org")
	}},
	{"registry-auth", func(m maker) Canary {
		return m.login("registry-auth", `{"auths":{"registry.example.org":{"auth":"`, `"}}}`)
	}},
	{"kubernetes-secret", maker.manifest},
	{"kubernetes-secret", maker.manifestInJSON},
}

func base64Of(s string) string { return base64.StdEncoding.EncodeToString([]byte(s)) }

// jwt is a token with three parts; the second and the third are secret by
// themselves.
func (m maker) jwt() Canary {
	part := base64.RawURLEncoding.EncodeToString
	header := part([]byte(`{"alg":"RS256","typ":"JWT"}`))
	payload := part([]byte(`{"sub":"system:serviceaccount:prod:deployer","jti":"` + m.of(base62, 24) + `"}`))
	signature := m.of(base62+"-_", 86)
	return Canary{Rule: "jwt", Text: "using " + header + "." + payload + "." + signature + " now", Secrets: []string{payload, signature}}
}

// privateKey has the form of one, its lines joined by what is given; nothing can
// be opened with it.
func (m maker) privateKey(end string) Canary {
	const edge, kind = "-----", "RSA PRIVATE " + "KEY"
	c := Canary{Rule: "private-key"}
	for range 6 {
		c.Secrets = append(c.Secrets, m.of(alphabets['s'], 64))
	}
	c.Text = edge + "BEGIN " + kind + edge + end + strings.Join(c.Secrets, end) + end + edge + "END " + kind + edge
	return c
}

// login is a password in base64, together with the user.
func (m maker) login(rule, before, after string) Canary {
	p := m.password()
	encoded := base64Of("ci:" + p)
	return Canary{Rule: rule, Text: before + encoded + after, Secrets: []string{encoded}, Inside: []string{p}}
}

func (m maker) manifest() Canary {
	data, text := m.password(), m.password()
	encoded := base64Of(data)
	return Canary{
		Rule:    "kubernetes-secret",
		Text:    "apiVersion: v1\nkind: Secret\nmetadata:\n  name: db\ndata:\n  some: " + encoded + "\nstringData:\n  other: " + text + "\n",
		Secrets: []string{encoded, text}, Inside: []string{data},
	}
}

func (m maker) manifestInJSON() Canary {
	p := m.password()
	encoded := base64Of(p)
	return Canary{
		Rule:    "kubernetes-secret",
		Text:    `{"apiVersion":"v1","data":{"some":"` + encoded + `"},"kind":"Secret","metadata":{"name":"db"}}`,
		Secrets: []string{encoded}, Inside: []string{p},
	}
}
