package main

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

func sortedKeys[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }

// harmlessGrammars are of texts that must not be touched, though they look
// random or speak of secrets.
func harmlessGrammars() []grammar {
	texts := map[string]func(m maker) string{
		"digest":       func(m maker) string { return "pulled registry.example.org/app@sha256:" + m.hex(64) },
		"commit":       func(m maker) string { return "HEAD is now at " + m.hex(40) + " fix " + m.word() },
		"uuid":         func(m maker) string { return "uid: " + m.uuid() + "\nresourceVersion: \"" + m.chars(digits, 8) + "\"" },
		"pods":         func(m maker) string { return "NAME   READY   STATUS\n" + m.pod() + "   1/1   Running\n" },
		"container-id": func(m maker) string { return "containerID: containerd://" + m.hex(64) },
		"checksum":     func(m maker) string { return m.hex(64) + "  app-linux-amd64.tar.gz\nmd5: " + m.hex(32) },
		"integrity": func(m maker) string {
			return "go.sum: golang.org/x/" + m.word() + " v0.1.2 h1:" + m.chars(base62+"+/", 43) + "=\n\"integrity\": \"sha512-" + m.chars(base62+"+/", 86) + "==\""
		},
		"certificate": func(m maker) string {
			return "-----BEGIN CERTIFICATE-----\nMIIC" + m.chars(base62+"+/", 60) + "\n" + m.chars(base62+"+/", 64) + "\n" + m.chars(base62+"+/", 30) + "==\n-----END CERTIFICATE-----"
		},
		"ca-bundle": func(m maker) string { return "caBundle: " + b64("-----BEGIN CERTIFICATE-----\n"+m.chars(base62, 300)) },
		"public-key": func(m maker) string {
			return "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAI" + m.chars(base62+"+/", 43) + " " + m.word() + "@host"
		},
		"fingerprint": func(m maker) string {
			return "256 SHA256:" + m.chars(base62+"+/", 43) + " " + m.word() + "@host (ED25519)"
		},
		"placeholder": func(m maker) string {
			return "password: " + m.pick("<your-password>", "${DB_PASSWORD}", "{{ .Values.password }}", "********", "xxxxxxxx", "$(DB_PASSWORD)", "<redacted>", "YOUR_PASSWORD_HERE", `""`)
		},
		"reference": func(m maker) string {
			return "env:\n- name: DB_PASSWORD\n  valueFrom:\n    secretKeyRef:\n      name: " + m.word() + "-credentials\n      key: password\n"
		},
		"code": func(m maker) string {
			return m.pick("password := os.Getenv(\"DB_PASSWORD\")", "token = os.environ[\"API_TOKEN\"]", "const secret = process.env.APP_SECRET;", "func getPassword() string {", "password: string;", "type Token struct {", "private String password;", "if password == \"\" {", "apiKey: !Ref ApiKey")
		},
		"talk": func(m maker) string {
			return m.pick("password must be at least 8 characters", "the token has expired, please log in again", "secret \""+m.word()+"-tls\" not found", "Error: invalid API key", "rotating credentials for "+m.word(), "token: 1234 bytes", "Failed password for root from 10.0.0.1 port 22 ssh2")
		},
		"switch": func(m maker) string {
			return m.pick("automountServiceAccountToken: false", "passwordAuthentication: no", "useSecret: true", "tokenExpirationSeconds: 3600", "secretName: "+m.word()+"-tls", "existingSecret: "+m.word(), "passwordSecretKeyRef: {name: a, key: b}", "--token-ttl 24h", "key: app.kubernetes.io/name")
		},
		"table": func(m maker) string {
			return "NAME                 TYPE                                  DATA   AGE\n" + m.word() + "-token-" + m.chars(podSuffix, 5) + "   kubernetes.io/service-account-token   3      5d\n"
		},
		"describe": func(m maker) string {
			return "Type:  Opaque\n\nData\n====\npassword:  12 bytes\nusername:  " + fmt.Sprint(m.IntN(30)) + " bytes\n"
		},
		"url": func(m maker) string {
			return "GET https://api.example.org:8443/v1/" + m.word() + "?page=2&sort=key HTTP/1.1 user@example.org"
		},
		"arn": func(m maker) string {
			return "arn:aws:secretsmanager:eu-west-1:" + m.chars(digits, 12) + ":secret:" + m.word()
		},
		"sealed": func(m maker) string {
			return "password: ENC[AES256_GCM,data:" + m.chars(base62, 12) + "=,iv:" + m.chars(base62+"+/", 43) + "=,tag:" + m.chars(base62, 22) + "==,type:str]"
		},
		"trace": func(m maker) string {
			return "traceparent: 00-" + m.hex(32) + "-" + m.hex(16) + "-01 x-request-id: " + m.uuid()
		},
	}
	var all []grammar
	for _, kind := range sortedKeys(texts) {
		text := texts[kind]
		all = append(all, grammar{kind: "harmless-" + kind, text: func(m maker) (string, []string) { return text(m), nil }})
	}
	return all
}

// kubectlOutput is what people look at all day.
func kubectlOutput(m maker) string {
	var b strings.Builder
	b.WriteString("NAMESPACE     NAME                                   READY   STATUS    RESTARTS   AGE\n")
	for range 20 {
		fmt.Fprintf(&b, "%-13s %-38s 1/1     Running   %d          %dd\n", m.pick("default", "kube-system", "payments"), m.pod(), m.IntN(4), m.IntN(90))
	}
	fmt.Fprintf(&b, "Events:\n  Type    Reason     Age   From               Message\n  Normal  Pulled     %ds    kubelet            Successfully pulled image \"registry.example.org/app:v1.%d\" in %dms\n", m.IntN(60), m.IntN(40), m.IntN(900))
	fmt.Fprintf(&b, "  Normal  Created    2s    kubelet            Created container app with id %s\n", m.hex(64))
	return b.String()
}
