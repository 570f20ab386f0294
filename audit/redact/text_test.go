package redact_test

import (
	"strings"
	"testing"

	"github.com/auditflow/auditflow/audit/redact"
)

// Values that only look like credentials: assembled here, so that no scanner
// of source code takes them for real ones.
const mixed40 = "wWPw5k4aXcaT4fNP0UcnZwJUVFk6LO0pINUxAb12"

var jwt = "eyJhbGciOiJSUzI1NiJ9" + ".eyJzdWIiOiJ4In0" + ".c2lnbmF0dXJlLXNpZ25hdHVyZQ"

var pem = "-----BEGIN RSA PRIVATE " + "KEY-----\nMIIEpQIBAAKCAQEAn6/O8li+SX4m98LLYt/PKSzEmQ++ZBD7Loh9P13f4yQ92EF3\nyxR5MsXFu9PRsrYQA7=\n-----END RSA PRIVATE " + "KEY-----"

func TestTextMasksWhatIsSecret(t *testing.T) {
	t.Parallel()
	tests := []struct{ name, text, secret string }{
		{"an AWS access key", "using AKIA" + "Z7Q4N2M8K1P5R9T3 now", "AKIA" + "Z7Q4N2M8K1P5R9T3"},
		{"an AWS secret key under its name", "aws_secret_access_key = wJalrXUtnFEMI/K7MDENG/bPxRfiCYzzzzzzzKEY", "bPxRfiCY"},
		{"a GitHub token", "cloning with ghp_" + mixed40, mixed40},
		{"a GitHub token glued to a word", "MY_ghp_" + mixed40, mixed40},
		{"a GitLab token", "glpat-" + mixed40[:20], mixed40[:20]},
		{"a Slack token", "xoxb-" + "123456789012-abcdefABCDEF12", "abcdefABCDEF12"},
		{"a Stripe key", "sk_live_" + mixed40[:24], mixed40[:24]},
		{"a Google key", "AIza" + mixed40[:35], mixed40[:35]},
		{"an npm token", "npm_" + mixed40[:36], mixed40[:36]},
		{"an OpenAI key", "sk-proj-" + mixed40, mixed40},
		{"a SendGrid key", "SG." + mixed40[:22] + "." + mixed40, mixed40},
		{"a Vault token", "hvs." + mixed40, mixed40},
		{"an Azure account key", "DefaultEndpointsProtocol=https;AccountName=x;AccountKey=" + mixed40 + mixed40 + "==;EndpointSuffix=core", mixed40},
		{"a JSON Web Token", "token " + jwt, jwt[:30]},
		{"a JSON Web Token that was cut", jwt[:34], jwt[24:34]},
		{"a private key", "key:\n" + pem + "\ndone", "MIIEpQ"},
		{"a private key with escaped line ends", strings.ReplaceAll(pem, "\n", `\n`), "MIIEpQ"},
		{"a private key that was cut", pem[:80], "MIIEpQ"},
		{"a password in a URL", "dial postgres://app:hunter2@db:5432/x: refused", "hunter2"},
		{"a password with a slash in a database URL", "mongodb://app:hun/ter2@db/x", "hun/ter2"},
		{"a token in place of a user", "https://" + mixed40 + "@github.com/x/y", mixed40},
		{"an Authorization header", "> Authorization: Bearer abcDEF123456ghi", "abcDEF123456ghi"},
		{"basic authentication", "authorization: Basic YWRtaW46aHVudGVyMg==", "YWRtaW46"},
		{"an API key header", "X-Api-Key: 0123abcd4567", "0123abcd4567"},
		{"cookies", "Cookie: session=abc123; theme=dark", "abc123"},
		{"an environment variable", "DB_PASSWORD=hunter2 ./run", "hunter2"},
		{"a password of letters only", "PGPASSWORD=correct", "correct"},
		{"a password that is a word of prose", "Server=db;Password=secret;Database=x", "secret"},
		{"a quoted password with spaces", `password: "correct horse battery"`, "horse"},
		{"JSON in text", `request {"user":"a","password":"hun\"ter2"} sent`, "ter2"},
		{"JSON in JSON in text", `{"body":"{\"password\":\"hunter2\"}"}`, "hunter2"},
		{"a quote that is never closed", `{"password":"hunter2`, "hunter2"},
		{"a flag and its value", "login --user x --password hunter2 --verbose", "hunter2"},
		{"a flag with an equals sign", "--client-secret=abc123def", "abc123def"},
		{"curl's user", "curl -s -u admin:hunter2 https://x", "hunter2"},
		{"mysql's -p", "mysql -u root -phunter2 db", "hunter2"},
		{"a literal for a secret", "kubectl create secret generic db --from-literal=anything=hunter2", "hunter2"},
		{"an XML element", "<password>hunter2</password>", "hunter2"},
		{"name and value on two lines", "- name: DB_PASSWORD\n  value: hunter2\n", "hunter2"},
		{"a block in YAML", "password: |\n  hunter2\n  more\nuser: x\n", "more"},
		{"a Secret in YAML", "apiVersion: v1\nkind: Secret\ndata:\n  a: aHVudGVyMg==\n", "aHVudGVyMg"},
		{"a Secret in YAML whose kind comes last", "data:\n  a: aHVudGVyMg==\nkind: Secret\n", "aHVudGVyMg"},
		{"a Secret in a line of a log", `applying {"kind":"Secret","data":{"a":"aHVudGVyMg=="}}`, "aHVudGVyMg"},
		{"a Docker configuration", `{"auths":{"r.io":{"auth":"YWRtaW46aHVudGVyMg=="}}}`, "YWRtaW46"},
		{"escaped characters", `\u0041KIA` + "Z7Q4N2M8K1P5R9T3", "Z7Q4N2M8K1P5R9T3"},
		{"URL encoding", "q=password%3Dhunter2%26x%3D1", "hunter2"},
		{"colours in the middle", "pass\x1b[0mword=hunter2", "hunter2"},
		{"base64", "cGFzc3dvcmQ9aHVudGVyMjM0NTY3OA==", "aHVudGVyMj"},
		{"base64 of base64", "Y0dGemMzZHZjbVE5YUhWdWRHVnlNak0wTlRZM09BPT0=", "YUhWdWRH"},
		{"a comment that asks not to look", "ghp_" + mixed40 + " # gitleaks:allow", mixed40},
		{"bytes that are not UTF-8 before it", "\xff\xfe DB_PASSWORD=hunter2", "hunter2"},
	}
	r := redact.New()
	for _, tc := range tests {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			got, findings := r.Text(tc.text)
			if strings.Contains(got, tc.secret) || len(findings) == 0 {
				t.Errorf("%q became %q", tc.text, got)
			}
			if again, _ := r.Text(got); again != got {
				t.Errorf("not idempotent: %q, then %q", got, again)
			}
		})
	}
}

func TestTextLeavesTheRestAlone(t *testing.T) {
	t.Parallel()
	tests := []struct{ name, text string }{
		{"talk of passwords", "password policy updated; the password is required. Password: must not be empty"},
		{"talk of tokens", "token expired at 10:00, invalid token: unexpected end of input"},
		{"a reference", "secretName: db-creds\nsecretKeyRef:\n  name: db-creds\n  key: password\n"},
		{"a volume of a Secret", "secret: db-creds\ntokenTTL: 3600\npasswordFile: /etc/x/password\n"},
		{"a commit", "HEAD is now at 4f2a9c1d8e7b6a5f4e3d2c1b0a9f8e7d6c5b4a39"},
		{"a UUID", "uid 8d7f0a52-0f7c-4e0a-9c6e-2b8f41d7a513"},
		{"an image digest", "pulled x@sha256:9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"},
		{"counts", "0 errors, 3 warnings, tokens: 1200"},
		{"a test result", "--- PASS: TestLogin (0.00s)\nPASS: all\nok"},
		{"kubectl get secrets", "NAME       TYPE     DATA   AGE\ndb-creds   Opaque   2      5d"},
		{"a ConfigMap", "apiVersion: v1\nkind: ConfigMap\ndata:\n  color: blue\n"},
		{"a variable", "DB_PASSWORD=$DB_PASSWORD TOKEN=${TOKEN} key={{ .Values.password }}"},
		{"what is masked already", "password=****** token: xxxxxxxx [REDACTED:jwt]"},
		{"a public key", "-----BEGIN PUBLIC KEY-----\nMIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8A\n-----END PUBLIC KEY-----"},
		{"a sentence about keys", "expected -----BEGIN PRIVATE KEY----- in the file"},
		{"a URL with a port", "http://user@host:8080/path?mail=a@b"},
		{"a mount", "/var/run/secrets/kubernetes.io/serviceaccount/token: no such file"},
		{"code that reads one", `password = os.Getenv("DB_PASSWORD")`},
		{"automount", "automountServiceAccountToken: true"},
		{"a working directory", "PWD=/home/app/src"},
		{"text of other languages", "Das Passwort wurde geändert. パスワード"},
	}
	r := redact.New()
	for _, tc := range tests {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			if got, findings := r.Text(tc.text); got != tc.text || len(findings) != 0 {
				t.Errorf("%q became %q", tc.text, got)
			}
		})
	}
}

func TestFindingsTellWhereInTheInput(t *testing.T) {
	t.Parallel()
	text := "a DB_PASSWORD=hunter2 b https://u:pw-1234@h/ c"
	_, findings := redact.New().Text(text)
	var got []string
	for _, f := range findings {
		got = append(got, f.Rule+"="+text[f.Start:f.End])
	}
	if want := "password=hunter2 user-name=u url-password=pw-1234"; strings.Join(got, " ") != want {
		t.Errorf("got %q, want %q", got, want)
	}
}
