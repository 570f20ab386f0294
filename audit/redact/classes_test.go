package redact_test

import (
	"strings"
	"testing"

	"github.com/auditflow/auditflow/audit/redact"
)

// hunter stands for every password here: what it is must not matter.
const hunter = "hunter2xyz"

func TestPasswordsOfCommandsFilesAndCode(t *testing.T) {
	t.Parallel()
	tests := []struct{ name, text string }{
		{"sshpass", "sshpass -p hunter2xyz ssh root@host"},
		{"docker login", "docker login -u ci -p hunter2xyz registry"},
		{"oc login", "oc login https://api -u kubeadmin -p hunter2xyz"},
		{"redis-cli", "redis-cli -h h -a hunter2xyz ping"},
		{"ldapsearch", "ldapsearch -D cn=admin -w hunter2xyz -b dc=org"},
		{"sqlcmd", "sqlcmd -S db -U sa -P hunter2xyz -Q x"},
		{"sqlplus", "sqlplus system/hunter2xyz@db:1521/x"},
		{"smbclient", "smbclient //h/s -U bob%hunter2xyz"},
		{"rabbitmqctl", "rabbitmqctl add_user bob hunter2xyz"},
		{"htpasswd -b", "htpasswd -bc /etc/x bob hunter2xyz"},
		{"chpasswd", "echo bob:hunter2xyz | sudo chpasswd"},
		{"vault kv put", "vault kv put secret/x anything=hunter2xyz"},
		{"openssl", "openssl rsa -passin pass:hunter2xyz -in k"},
		{"a password for sudo", "echo hunter2xyz | sudo -S ls"},
		{"a password for sudo from a string", "sudo -S ls <<< 'hunter2xyz'"},
		{"a password on standard input", `echo "hunter2xyz" | docker login -u bob --password-stdin`},
		{"zip", "zip -r -P hunter2xyz a.zip b"},
		{"7z", "7z a -phunter2xyz a.7z b"},
		{"openssl enc", "openssl enc -aes-256-cbc -k hunter2xyz -in a"},
		{"ssh-keygen", "ssh-keygen -t rsa -N 'hunter2xyz' -f k"},
		{"keytool", "keytool -storepass hunter2xyz -list"},
		{"a password behind its word", "bound as cn=admin password hunter2xyz! again"},
		{"a Dockerfile", "FROM x\nENV DB_PASSWORD hunter2xyz\n"},
		{"curl over lines", "curl https://x \\\n  --user bob:hunter2xyz"},
		{"a .netrc in lines", "machine x\n  login bob\n  password hunter2xyz\n"},
		{"a .pgpass", "db:5432:x:bob:hunter2xyz\n"},
		{"redis.conf", "port 1\nrequirepass hunter2xyz\n"},
		{"SQL that makes a user", "CREATE USER a IDENTIFIED BY 'hunter2xyz'"},
		{"SQL that changes a role", "ALTER ROLE a PASSWORD 'hunter2xyz'"},
		{"a connection string of ODBC", "Driver={x};Server=db;Uid=a;Pwd=hunter2xyz;Database=b"},
		{"a connection string of libpq", "host=db user=a password=hunter2xyz dbname=b"},
		{"code that logs in", `new NetworkCredential("bob", "hunter2xyz")`},
		{"code that compares", `if ("hunter2xyz" == password) {`},
		{"an array in C", `char password[32] = "hunter2xyz";`},
		{"a variable of Terraform", "variable \"db_password\" {\n  default = \"hunter2xyz\"\n}"},
		{"a table", "User Name      bob\nAccess Token   hunter2xyz12345\n"},
		{"a name that is run together", "dbpass=hunter2xyz smtppw=hunter2xyz"},
		{"another language", "Passwort: hunter2xyz"},
		{"another alphabet", "пароль: hunter2xyz"},
		{"a password of one letter again and again", "password: hhhhhhhhhh"},
		{"changeme, which people do leave", "password: changeme"},
	}
	r := redact.New()
	for _, tc := range tests {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			got, findings := r.Text(tc.text)
			if len(findings) == 0 || strings.Contains(got, hunter) {
				t.Errorf("%q became %q", tc.text, got)
			}
			checkText(t, r, tc.text)
		})
	}
}

func TestTokensThatNoRuleKnows(t *testing.T) {
	t.Parallel()
	r := redact.New()
	masked := map[string]string{
		"with a maker's prefix":            "using acme_" + mixed40[:36] + " now",
		"without any":                      "got " + mixed40 + "Zz9",
		"in parts":                         "got " + mixed40[:24] + "." + mixed40[24:32] + "." + mixed40[4:34],
		"a mark and hexadecimal":           "using acme_" + strings.Repeat("0f1e9a8b7c", 4),
		"small letters and figures":        "using acme_sk_" + strings.ToLower(mixed40)[:36],
		"a private key without its armour": "key MIIEpAIBAAKCAQEA" + mixed40 + mixed40,
	}
	for name, text := range masked {
		if _, findings := r.Text(text); len(findings) != 1 {
			t.Errorf("%s: %q has findings %v", name, text, findings)
		}
	}
	hex := strings.Repeat("0123456789abcdef", 4)
	left := []string{
		"image x@sha256:" + hex, "img_" + hex, "run_" + hex[:32], "bypass=hunter2xyz", "commit " + hex[:40], "uid: 8d7f0a52-0f7c-4e0a-9c6e-2b8f41d7a513", "containerd://" + hex,
		"SHA256:" + mixed40 + "abc", "\"integrity\": \"sha512-" + mixed40 + mixed40 + "==\"", "x v1.0.0 h1:" + mixed40 + "abc=",
		"ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAI" + mixed40, "pk_live_" + mixed40, "client_id=" + mixed40, "publicKey: " + mixed40,
		"-----BEGIN CERTIFICATE-----\n" + mixed40 + mixed40[:24] + "\n-----END CERTIFICATE-----", "x: ENC[AES256_GCM,data:" + mixed40 + ",iv:" + mixed40 + "=]",
		"kubernetesExecutionAuditV1Beta1StorageProviderFactoryBean2", "projects/acme-prod-1/locations/europe-west4/clusters/Prod-2/nodePools/p",
		"..." + mixed40 + "...", "caBundle: " + b64("-----BEGIN CERTIFICATE-----\n"+mixed40),
	}
	for _, text := range left {
		if got, _ := r.Text(text); got != text {
			t.Errorf("%q became %q", text, got)
		}
	}
}

func TestHashesAndTokensOfTheWrongForm(t *testing.T) {
	t.Parallel()
	r := redact.New()
	hash := strings.Repeat("aB3./xYz", 12)
	part := func(s string) string { return strings.TrimRight(b64(s), "=") }
	tests := []struct {
		name, text string
		masked     bool
	}{
		{"SHA-512 crypt", "root:$6$saltsalt$" + hash[:86] + ":19000:0:::", true},
		{"MD5 crypt", "a:$apr1$saltsalt$" + hash[:22], true},
		{"what is too long for MD5 crypt", "a:$apr1$saltsalt$" + hash[:30], false},
		{"bcrypt", "a:$2y$10$" + hash[:53], true},
		{"a hash that was cut", "root:$6$saltsalt$" + hash[:60], true},
		{"LDAP", "userPassword: {SSHA}" + hash[:32], true},
		{"SCRAM", "SCRAM-SHA-256$4096:c2FsdHNhbHQ=$" + part(hash[:32]) + "=:" + part(hash[8:40]) + "=", true},
		{"a JSON Web Token", "x " + part(`{"alg":"none"}`) + "." + part(`{"sub":"x","iat":1}`) + ".", true},
		{"one whose header is pretty-printed", "x " + part("{\n  \"alg\": \"none\"}") + "." + part(`{"sub":"x","iat":1}`) + ".c2ln", true},
		{"one whose second part is something else", "x " + part(`{"alg":"none"}`) + "." + part("not json at all, no") + ".", false},
	}
	for _, tc := range tests {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			if got, _ := r.Text(tc.text); (got != tc.text) != tc.masked {
				t.Errorf("%q became %q", tc.text, got)
			}
			checkText(t, r, tc.text)
		})
	}
}
