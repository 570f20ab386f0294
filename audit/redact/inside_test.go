package redact_test

import (
	"encoding/json"
	"net/url"
	"strings"
	"testing"

	"github.com/auditflow/auditflow/audit/redact"
)

// inside are ways in which a text of several lines becomes a part of one line.
var inside = map[string]func(string) string{
	"a line of a JSON log": func(s string) string {
		text, _ := json.Marshal(s)
		return `{"level":"info","msg":` + string(text) + `}`
	},
	"JSON in JSON": func(s string) string {
		text, _ := json.Marshal(s)
		again, _ := json.Marshal(`{"body":` + string(text) + `}`)
		return `{"msg":` + string(again) + `}`
	},
	"JSON with escapes only": func(s string) string { return `{"msg":"` + each(s, `\u%04x`) + `"}` },
	"a query":                func(s string) string { return "GET /x?state=" + url.PathEscape(s) + "&page=2 HTTP/1.1" },
	"a form":                 func(s string) string { return "POST /x body: state=" + url.QueryEscape(s) + "&page=2" },
}

func TestLinesAreKnownInsideOfOtherTexts(t *testing.T) {
	t.Parallel()
	texts := map[string]string{
		"a Secret":                    "apiVersion: v1\nkind: Secret\nmetadata:\n  name: db\nstringData:\n  other: " + hunter + "\n",
		"a Secret whose kind is last": "apiVersion: v1\nstringData:\n  other: " + hunter + "\nkind: Secret\n",
		"a line of redis.conf":        "requirepass " + hunter,
		"a later line of redis.conf":  "port 6379\nrequirepass " + hunter + "\n",
		"a line of a Dockerfile":      "ENV DB_PASSWORD " + hunter,
		"a line of .pgpass":           "db.example.org:5432:shop:app:" + hunter,
		"a later line of .pgpass":     "# mine\n*:*:*:app:" + hunter + "\n",
		"code":                        `new NetworkCredential("bob", "` + hunter + `")`,
		"SQL":                         "ALTER ROLE app WITH LOGIN PASSWORD '" + hunter + "';",
		"a flag and its value":        "login --user x --password " + hunter + " --verbose",
		"a block":                     "password: |\n  " + hunter + "\nuser: x\n",
	}
	r := redact.New()
	for what, text := range texts {
		for where, put := range inside {
			t.Run(what+" inside of "+where, func(t *testing.T) {
				t.Parallel()
				in := put(text)
				got, _ := r.Text(in)
				if strings.Contains(got, hunter) || strings.Contains(got, each(hunter, `\u%04x`)) {
					t.Errorf("%q became %q", in, got)
				}
				checkText(t, r, in)
			})
		}
	}
}

func TestWhatOnlyResemblesStays(t *testing.T) {
	t.Parallel()
	r := redact.New()
	for _, text := range []string{
		"error: requirepass directive missing", `{"msg":"set password first, then export token somewhere"}`, "state=a+b&x=1+2", "C:\\new\\release\\notes.txt",
		`{"msg":"line one\nline two\nkind: ConfigMap\ndata:\n  color: blue\n"}`, "cpe:2.3:a:vendor:product:1.0:*:*:*:*:*:*:*", "10.0.0.1:5432 refused: retry:3",
		"the password SHA256 hashed", "password v2-policy applied", "echo $PW | docker login -u bob --password-stdin", "ssh-keygen -t rsa -N '' -f k", "unzip -P", "zip -r a.zip b",
	} {
		if got, _ := r.Text(text); got != text {
			t.Errorf("%q became %q", text, got)
		}
	}
}

func TestTokensKnownByTheNameOfTheirMaker(t *testing.T) {
	t.Parallel()
	const id = "f59dffd2-83ea-47c7-" + "ba8f-95e053a6d0ae"
	tests := []struct{ name, text, secret, rule string }{
		{"Postmark", `postmark: "` + id + `",`, id, "service-token"},
		{"Postmark in the environment", "POSTMARK_SERVER_TOKEN=" + id, id, ""},
		{"Code Climate", "CC_TEST_REPORTER_ID: " + strings.Repeat("0a1b2c3d", 8), "0a1b2c3d0a1b", "service-token"},
		{"ThingsBoard", "coap://coap.thingsboard.cloud/api/v1/" + strings.ToLower(mixed40[:20]) + "/telemetry", strings.ToLower(mixed40[:20]), "service-token"},
		{"Tailscale, glued to a digit", "0tskey-api-" + mixed40[:12] + "-" + mixed40[12:36], mixed40[12:36], ""},
		{"Azure's application", "AZURE_CLIENT_ID=" + id, id, "azure-id"},
		{"Azure's directory", `ad_tenant_id: "` + id + `"`, id, "azure-id"},
		{"a webhook of Teams", "https://acme.webhook.office.com/webhookb2/" + id + "@" + id + "/IncomingWebhook/" + strings.ReplaceAll(id, "-", "") + "/" + id, "IncomingWebhook", ""},
	}
	r := redact.New()
	for _, tc := range tests {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			got, found := r.Text(tc.text)
			if strings.Contains(got, tc.secret) || tc.rule != "" && (len(found) != 1 || found[0].Rule != tc.rule) {
				t.Errorf("%q became %q", tc.text, got)
			}
			checkText(t, r, tc.text)
		})
	}
	for _, text := range []string{"uid: " + id, "client_id: " + id, "tenant_id=" + id, "postmarked " + id, "request " + id + " to postmark"} {
		if got, _ := r.Text(text); got != text {
			t.Errorf("%q became %q", text, got)
		}
	}
}
