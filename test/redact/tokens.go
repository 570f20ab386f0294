package main

import (
	"encoding/base64"
	"fmt"
	"strings"
)

// token is one that no rule knows by its maker.
func (m maker) token() string {
	switch m.IntN(5) {
	case 0:
		return m.chars(lowers, 3+m.IntN(3)) + "_" + m.chars(base62, 32+m.IntN(12))
	case 1:
		return m.chars(base62, 40)
	case 2:
		return base64.StdEncoding.EncodeToString([]byte(m.chars(base62, 33)))
	case 3:
		return m.chars(lowers, 2) + "-" + m.pick("live", "prod", "v1") + "-" + m.chars(lowers+digits, 36)
	}
	return m.hex(40)
}

func (m maker) tokenName() string {
	prefix := m.pick("", "GITHUB_", "slack_", "my", "ACME_", "x-", "ci.", "deploy_")
	return prefix + m.pick("token", "TOKEN", "api_key", "apiKey", "API_KEY", "access_token", "secret_key", "clientSecret", "private_key", "auth_token")
}

func tokenGrammars() []grammar {
	formats := map[string]string{
		"env":   "PATH=/bin\n%s=%s\n",
		"yaml":  "remote:\n  %s: %s\n",
		"json":  `{"remote":"acme","%s":"%s"}`,
		"flag":  "deploy --%s %s --wait",
		"query": "GET https://api.example.org/v1/items?page=2&%s=%s HTTP/1.1",
		"code":  "const %s = '%s';\n",
		"log":   "level=info msg=\"calling acme\" %s=%s attempt=1",
	}
	var all []grammar
	for _, kind := range sortedKeys(formats) {
		format := formats[kind]
		all = append(all, grammar{kind: "token-" + kind, text: func(m maker) (string, []string) {
			name, t := m.tokenName(), m.token()
			if kind == "flag" {
				name = strings.ToLower(strings.NewReplacer(".", "-", "_", "-").Replace(name))
			}
			return fmt.Sprintf(format, name, t), []string{t}
		}})
	}
	return append(all, bareTokenGrammars()...)
}

// bareTokenGrammars are of tokens known by their form or by a header.
func bareTokenGrammars() []grammar {
	return []grammar{
		{kind: "bare-prefixed", text: func(m maker) (string, []string) {
			t := m.chars(lowers, 4) + "_" + m.chars(base62, 36)
			return "using " + t + " for this run", []string{t}
		}},
		{kind: "bare-random", text: func(m maker) (string, []string) {
			t := m.chars(base62, 44)
			return "response: " + t + "\n", []string{t}
		}},
		{kind: "bare-aws", text: func(m maker) (string, []string) {
			id, key := "AK"+"IA"+m.chars("ABCDEFGHIJKLMNOPQRSTUVWXYZ234567", 16), m.chars(base62+"+/", 40)
			return "aws_access_key_id = " + id + "\naws_secret_access_key = " + key + "\n", []string{id, key}
		}},
		{kind: "bare-github", text: func(m maker) (string, []string) {
			t := "gh" + m.pick("p", "o", "s", "u") + "_" + m.chars(base62, 36)
			return "remote: https://x-access-token:" + t + "@github.com/acme/app.git", []string{t}
		}},
		{kind: "jwt", text: func(m maker) (string, []string) {
			t := m.jwt()
			return "curl -H 'Accept: */*' https://api/ # " + t, []string{t}
		}},
		{kind: "header-bearer", text: func(m maker) (string, []string) {
			t := m.chars(base62+"-_", 32)
			return "> GET /v1 HTTP/2\n> Authorization: Bearer " + t + "\n> Accept: */*", []string{t}
		}},
		{kind: "header-basic", text: func(m maker) (string, []string) {
			t := base64.StdEncoding.EncodeToString([]byte("app:" + m.password()))
			return "authorization: Basic " + t + "\r\nhost: example.org\r\n", []string{t}
		}},
		{kind: "header-custom", text: func(m maker) (string, []string) {
			t := m.chars(base62, 24)
			return m.pick("X-Api-Key", "X-Auth-Token", "Private-Token", "X-Vault-Token", "apikey") + ": " + t, []string{t}
		}},
		{kind: "cookie", text: func(m maker) (string, []string) {
			t := m.hex(32)
			return "Cookie: sid=" + t + "; theme=dark", []string{t}
		}},
	}
}

func (m maker) jwt() string {
	part := func(s string) string { return base64.RawURLEncoding.EncodeToString([]byte(s)) }
	return part(`{"alg":"RS256","kid":"`+m.chars(base62, 20)+`"}`) + "." +
		part(`{"iss":"kubernetes/serviceaccount","sub":"system:serviceaccount:`+m.word()+`:default","exp":`+m.chars("123456789", 10)+`}`) + "." + m.chars(base62+"-_", 342)
}
