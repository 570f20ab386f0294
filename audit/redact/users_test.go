package redact_test

import (
	"strings"
	"testing"

	"github.com/auditflow/auditflow/audit/redact"
)

func TestTheNameBesideAPasswordIsMaskedToo(t *testing.T) {
	t.Parallel()
	const user = "svc-orders"
	tests := []struct{ name, text string }{
		{"in a URL", "dial postgres://svc-orders:hunter2xyz@db:5432/x: refused"},
		{"in a URL whose password has a slash", "mongodb://svc-orders:hun/ter2xyz@db/x"},
		{"in the URL of a Git server", "cloning https://svc-orders:hunter2xyz@git.example.org/x.git"},
		{"in the address of Go's driver for MySQL", "open svc-orders:hunter2xyz@tcp(db:3306)/shop"},
		{"in Oracle's", "sqlplus svc-orders/hunter2xyz@db:1521/orders"},
		{"in a connection string", "Server=db;Port=5432;User Id=svc-orders;Password=hunter2xyz;Database=x"},
		{"in one with short names", "Provider=SQLNCLI;Server=db,1433;Uid=svc-orders;Pwd=hunter2xyz;"},
		{"in one with the password first", "Password=hunter2xyz;User ID=svc-orders;Server=db"},
		{"in one with spaces", "Server = db; User ID = svc-orders; Password = hunter2xyz;"},
		{"in libpq's", "host=db user=svc-orders password=hunter2xyz dbname=x"},
		{"in a file of lines", "[smtp]\nusername=svc-orders\npassword=hunter2xyz\n"},
		{"in environment variables", "MAIL_USERNAME=svc-orders\nMAIL_PASSWORD=hunter2xyz\n"},
		{"in code", "login = Credential(\n    username='svc-orders',\n    password='hunter2xyz')"},
		{"in code inside JSON", `{"msg":"$user = \"svc-orders\";  $password = \"hunter2xyz\";"}`},
		{"in a call", `new NetworkCredential("svc-orders", "hunter2xyz")`},
		{"in a call inside JSON", `{"code":"new NetworkCredential(\"svc-orders\", \"hunter2xyz\")"}`},
		{"in a call with a domain", `new NetworkCredential("svc-orders", "hunter2xyz", "CORP-DOM")`},
		{"in a command line", "Connect-Server -User svc-orders -Password hunter2xyz"},
		{"in a command line over lines", "app \\\n  --user svc-orders \\\n  --password hunter2xyz"},
		{"in a URL that is encoded", "u=postgres%3A%2F%2Fsvc-orders%3Ahunter2xyz%40db"},
	}
	r := redact.New()
	for _, tc := range tests {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			got, _ := r.Text(tc.text)
			if strings.Contains(got, user) || strings.Contains(got, "ter2xyz") || !strings.Contains(got, "[REDACTED:user-name]") {
				t.Errorf("%q became %q", tc.text, got)
			}
			checkText(t, r, tc.text)
		})
	}
}

func TestANameWithoutPasswordStays(t *testing.T) {
	t.Parallel()
	tests := []struct{ name, text string }{
		{"alone in a URL", "ssh://git-user@host/x"},
		{"beside a variable", "postgres://app-user:${PASSWORD}@db/x"},
		{"beside a variable in a connection string", "Server=db;User ID=app-user;Password=$(DB_PASSWORD)"},
		{"beside code that fetches the password", "user=app-user\npassword=os.Getenv(\"X\")"},
		{"beside talk of a password", "user=app-user: password expired"},
		{"of a process", "uid=1000(app-user) gid=1000(app)"},
		{"handed on", "username = nexusUsername\npassword = nexusPassword"},
	}
	r := redact.New()
	for _, tc := range tests {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			if got, _ := r.Text(tc.text); got != tc.text {
				t.Errorf("became %q", got)
			}
		})
	}
	far := "user=app-user" + strings.Repeat(" x=1", 50) + " password=hunter2xyz"
	if got, _ := r.Text(far); !strings.Contains(got, "app-user") || strings.Contains(got, "hunter2xyz") {
		t.Errorf("a name far from the password: %q", got)
	}
	lines := "user=app-user\nx=1\ny=2\npassword=hunter2xyz"
	if got, _ := r.Text(lines); !strings.Contains(got, "app-user") {
		t.Errorf("a name some lines from the password: %q", got)
	}
}

// TestANameIsMaskedWhereItStandsOnly: names of users are those of services and
// people, whom a record has to name.
func TestANameIsMaskedWhereItStandsOnly(t *testing.T) {
	t.Parallel()
	in := record(`{"service":"svc-orders"}`)
	in.Output = "dial postgres://svc-orders:hunter2xyz@db/x, then hunter2xyz"
	in.TargetResourceName, in.Error = "svc-orders", "svc-orders was refused with hunter2xyz"
	got := redact.New().Record(in)
	if got.TargetResourceName != "svc-orders" || got.Error != "svc-orders was refused with [REDACTED:url-password]" ||
		string(got.ActionParameters) != `{"service":"svc-orders"}` || strings.Contains(got.Output, "svc-orders") {
		t.Errorf("got %s", wire(got))
	}
	off := with(t, redact.Options{Off: []string{"user-name"}}).Record(in)
	if off.Output != "dial postgres://svc-orders:[REDACTED:url-password]@db/x, then [REDACTED:url-password]" {
		t.Errorf("with the rule off: %s", wire(off))
	}
	keyed := with(t, redact.Options{Keyed: true, Token: hash("k1")}).Record(in)
	if keyed.TargetResourceName != "svc-orders" || strings.Contains(keyed.Output, "svc-orders") {
		t.Errorf("with tokens: %s", wire(keyed))
	}
}
