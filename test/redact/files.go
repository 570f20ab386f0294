package main

import (
	"encoding/base64"
	"fmt"
	"strings"
)

func fileGrammars() []grammar {
	return []grammar{
		{kind: "pem", text: func(m maker) (string, []string) {
			lines := m.keyLines()
			return "loading\n" + pem(lines, "\n") + "\ndone\n", lines
		}},
		{kind: "pem-escaped", text: func(m maker) (string, []string) {
			lines := m.keyLines()
			return `{"key":"` + pem(lines, `\n`) + `\n"}`, lines
		}},
		{kind: "pem-cut", text: func(m maker) (string, []string) {
			lines := m.keyLines()
			text, _, _ := strings.Cut(pem(lines, "\n"), lines[len(lines)-1])
			return text, lines[:len(lines)-1]
		}},
		{kind: "pem-indented", text: func(m maker) (string, []string) {
			lines := m.keyLines()
			return "tls:\n  key: |\n    " + pem(lines, "\n    ") + "\n  cert: none\n", lines
		}},
		{kind: "dockerconfigjson", text: func(m maker) (string, []string) {
			auth := base64.StdEncoding.EncodeToString([]byte("ci:" + m.password()))
			return fmt.Sprintf(`{"auths":{"registry.example.org":{"auth":%q,"email":"ci@example.org"}}}`, auth), []string{auth}
		}},
		{kind: "npmrc", text: func(m maker) (string, []string) {
			t := m.uuid()
			return "registry=https://npm.example.org/\n//npm.example.org/:_authToken=" + t + "\n", []string{t}
		}},
		{kind: "shadow", text: func(m maker) (string, []string) {
			salt, hash := m.chars(base62, 16), m.chars(base62+"./", 86)
			return "root:$6$" + salt + "$" + hash + ":19000:0:99999:7:::\n", []string{hash}
		}},
		{kind: "htpasswd", text: func(m maker) (string, []string) {
			hash := m.chars(base62+"./", 53)
			return "admin:$2y$" + "10$" + hash + "\n", []string{hash}
		}},
		{kind: "azure-storage", text: func(m maker) (string, []string) {
			key := m.chars(base62+"+/", 86) + "=="
			return "DefaultEndpointsProtocol=https;AccountName=acme;AccountKey=" + key + ";EndpointSuffix=core.windows.net", []string{key}
		}},
		{kind: "terraform", text: func(m maker) (string, []string) {
			p := m.password()
			return "resource \"aws_db_instance\" \"x\" {\n  username = \"app\"\n  password = \"" + p + "\"\n}\n", []string{p}
		}},
		{kind: "wireguard", text: func(m maker) (string, []string) {
			key := m.chars(base62+"+/", 43) + "="
			return "[Interface]\nPrivateKey = " + key + "\nListenPort = 51820\n", []string{key}
		}},
	}
}

// keyLines look like the body of a key.
func (m maker) keyLines() []string {
	lines := make([]string, 6)
	for i := range lines {
		lines[i] = m.chars(base62+"+/", 64)
	}
	lines[0] = "MIIEpAIBAAKCAQEA" + lines[0][16:]
	lines[5] = lines[5][:30] + "=="
	return lines
}

func pem(lines []string, end string) string {
	const edge = "-----"
	kind := "RSA PRIVATE " + "KEY"
	return edge + "BEGIN " + kind + edge + end + strings.Join(lines, end) + end + edge + "END " + kind + edge
}
