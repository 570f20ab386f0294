package main

import (
	"fmt"
	"net/url"
	"strings"
)

// word is what people make passwords of.
func (m maker) word() string {
	return m.pick("sunshine", "dragon", "monkey", "football", "princess", "shadow", "master", "summer", "winter", "autumn", "spring", "orange", "banana", "coffee",
		"london", "berlin", "madrid", "tiger", "purple", "silver", "golden", "thunder", "rocket", "pepper", "ginger", "flower", "diamond", "freedom", "whatever",
		"trustno", "starwars", "batman", "superman", "hunter", "killer", "soccer", "hockey", "jordan", "michael", "jennifer", "charlie", "matrix", "mustang")
}

// password is one that a person would choose; all of its signs may stand in a
// shell word.
func (m maker) password() string {
	w := m.word()
	switch m.IntN(8) {
	case 0:
		return w + m.chars(digits, 1+m.IntN(4))
	case 1:
		return strings.ToUpper(w[:1]) + w[1:] + m.chars(digits, 2) + m.pick("!", "@", "_", "+", ".x")
	case 2:
		return strings.NewReplacer("a", "@", "e", "3", "o", "0", "s", "5", "i", "1").Replace(w) + m.chars(digits, 1)
	case 3:
		return strings.ToUpper(w[:1]) + w[1:] + "20" + m.chars("012", 1) + m.chars(digits, 1)
	case 4:
		return w + "-" + m.word() + "-" + m.word()
	case 5:
		return w
	case 6:
		return m.chars(base62, 6) + m.pick("-", "_", "+", "~") + m.chars(base62, 5)
	}
	return w + m.pick("-", "_", ".") + m.word() + m.chars(digits, 2)
}

func (m maker) passwordName() string {
	prefix := m.pick("", "", "db_", "DB_", "mysql", "redis-", "admin", "app.", "SMTP_", "user_", "root-", "spring.datasource.", "POSTGRES_", "keystore")
	return prefix + m.pick("password", "PASSWORD", "Password", "passwd", "passphrase", "pwd")
}

// passwordGrammars put a person's password under a name that says so, in the
// ways texts have of doing that.
func passwordGrammars() []grammar {
	formats := map[string]string{
		"shell":      "export %s=%s\n./run.sh",
		"dotenv":     "LOG_LEVEL=info\n%s=%s\nPORT=8080\n",
		"yaml":       "server:\n  port: 8080\n  %s: %s\n  user: app\n",
		"yaml-quote": "auth:\n  %s: \"%s\"\n",
		"properties": "%s=%s\nlogging.level=INFO\n",
		"ini":        "[database]\nuser = app\n%s = %s\n",
		"json":       `{"user":"app","%s":"%s","port":5432}`,
		"json-log":   `{"level":"debug","msg":"config loaded","config":{"host":"db","%s":"%s"}}`,
		"json-json":  `{"level":"info","body":"{\"user\":\"app\",\"%s\":\"%s\"}"}`,
		"flag":       "exec: app --user app --%s %s --verbose",
		"flag-equal": "app --host db --%s=%s --port 5432",
		"code":       "conf := load()\n%s := \"%s\"\n",
		"python":     "settings['%s'] = '%s'\n",
		"xml":        "<property name=\"%s\" value=\"%s\"/>\n",
		"log":        "2026-11-23T04:00:00Z DEBUG connect host=db user=app %s=%s timeout=5s",
	}
	var all []grammar
	for _, kind := range sortedKeys(formats) {
		format := formats[kind]
		all = append(all, grammar{kind: "password-" + kind, text: func(m maker) (string, []string) {
			name, p := m.passwordName(), m.password()
			if strings.HasPrefix(kind, "flag") {
				name = strings.ToLower(strings.NewReplacer(".", "-", "_", "-").Replace(name))
			}
			return fmt.Sprintf(format, name, p), []string{p}
		}})
	}
	return append(all, commandGrammars()...)
}

// commandGrammars are of places for passwords that no name announces.
func commandGrammars() []grammar {
	formats := map[string]string{
		"curl":        "curl -sS -u admin:%s https://repo.example.org/x",
		"mysql":       "mysqldump -h db -u root -p%s shop > /tmp/x.sql",
		"sshpass":     "sshpass -p %s ssh root@10.0.0.4",
		"docker":      "docker login -u ci -p %s registry.example.org",
		"redis":       "redis-cli -h cache -a %s PING",
		"literal":     "kubectl create secret generic db --from-literal=some-key=%s",
		"sql":         "CREATE USER 'app'@'%%' IDENTIFIED BY '%s';",
		"sql-role":    "ALTER ROLE app WITH LOGIN PASSWORD '%s';",
		"odbc":        "Driver={PostgreSQL};Server=db;Uid=app;Pwd=%s;Database=shop",
		"ado":         "Server=db,1433;Initial Catalog=shop;User ID=app;Password=%s;Encrypt=True",
		"libpq":       "host=db user=app password=%s dbname=shop sslmode=disable",
		"netrc":       "machine repo.example.org login ci password %s\n",
		"pgpass":      "db.example.org:5432:shop:app:%s\n",
		"htpasswd":    "htpasswd -b /etc/nginx/htpasswd admin %s",
		"chpasswd":    "echo 'app:%s' | chpasswd",
		"ldap":        "ldapsearch -x -D cn=admin,dc=example,dc=org -w %s -b dc=example,dc=org",
		"requirepass": "bind 0.0.0.0\nrequirepass %s\nmaxmemory 1gb\n",
		"vault":       "vault kv put secret/app value=%s",
		"dockerfile":  "FROM alpine\nENV DB_PASSWORD %s\n",
	}
	var all []grammar
	for _, kind := range sortedKeys(formats) {
		format := formats[kind]
		all = append(all, grammar{kind: "command-" + kind, text: func(m maker) (string, []string) {
			p := m.password()
			return fmt.Sprintf(format, p), []string{p}
		}})
	}
	return append(all, grammar{kind: "url", text: func(m maker) (string, []string) {
		p := m.password()
		scheme := m.pick("postgres", "postgresql", "mysql", "mongodb+srv", "redis", "amqp", "amqps", "https", "jdbc:mysql", "sqlserver", "clickhouse", "nats", "ftp", "socks5")
		in := url.QueryEscape(p)
		return fmt.Sprintf("dial %s://%s:%s@%s.example.org:5432/shop?sslmode=disable: connection refused", scheme, m.pick("app", "root", ""), in, m.word()), []string{in}
	}})
}
