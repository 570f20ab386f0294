package redact

import re2 "github.com/wasilibs/go-re2"

// contextRules know secrets by what stands around them, where the scanner for
// names and values cannot: URLs, headers, command lines, key blocks.
func contextRules() []rule {
	return []rule{
		// PEM, OpenSSH, PGP and PuTTY private keys, also with escaped line ends.
		{name: "private-key", keywords: []string{"private key", "putty-user-key-file"}, lines: true,
			pattern: re2.MustCompile(`-----BEGIN[ A-Z0-9]{0,40}PRIVATE KEY(?: BLOCK)?-----|PuTTY-User-Key-File-[0-9]+:`)},
		// Passwords in URLs. One with / or @ in it is not valid in a URL, but is seen in those of databases.
		shape("url-password", "://", `[A-Za-z][A-Za-z0-9+.-]*://[^\s/?#:@"'<>]*:([^\s/?#@"'<>]+)@`),
		shape("url-password", "postgres mysql mariadb mongodb redis amqp sqlserver mssql clickhouse nats ldap", `(?i)\b[a-z0-9+]*(?:postgres|mysql|mariadb|mongodb|redis|amqp|sqlserver|mssql|clickhouse|nats|ldap)[a-z0-9+]*://[^\s/:@"'<>]*:([^\s"'<>]+)@[A-Za-z0-9\[]`),
		// Go's driver for MySQL knows no scheme: user:password@tcp(host)/db.
		shape("url-password", "@tcp( @unix(", `[^\s:/@"']+:([^\s"'@]+)@(?:tcp|unix)\(`),
		// Tokens in place of the user in URLs of Git servers.
		shape("url-token", "://", `[A-Za-z][A-Za-z0-9+.-]*://([A-Za-z0-9_]{20,})@`),
		// Headers whose whole value is the credential, with or without scheme.
		shape("authorization", "authorization", `(?i)authorization\\*["']?\s*[:=,]\s*\\*["']?(?:(?:bearer|basic|token|digest|negotiate|apikey|ssws|key|bot)[\s:]+)?\\*["']?([A-Za-z0-9._~+/:=-]*[0-9A-Z+/=._~][A-Za-z0-9._~+/:=-]{6,})`),
		shape("authorization", "bearer basic", `(?i)\b(?:bearer|basic)[\s:]+([A-Za-z0-9._~+/-]*(?:[0-9][A-Za-z0-9._~+/-]*[A-Za-z]|[A-Za-z][A-Za-z0-9._~+/-]*[0-9]|[A-Za-z0-9+/]{12,}=)[A-Za-z0-9._~+/-]{4,}={0,2})`),
		shape("header", "-key -token -secret", `(?i)\b(?:x-[a-z-]*(?:key|token|secret|auth)|api-?key|private-token|job-token)\\*["']?\s*:\s*\\*["']?([^\s"'\\,;]{6,})`),
		shape("cookie", "cookie", `(?i)\b(?:set-)?cookie\\*["']?\s*:\s*\\*["']?([^\s"'\\=;]+=[^"'\r\n\\]+)`),
		// Command lines: -u user:password (curl), -pPASSWORD (mysql), -p PASSWORD and -a PASSWORD of what takes them so.
		shape("command-line", "curl wget", `(?i)\b(?:curl|wget)\b.*?\s(?:-u|--user|--proxy-user|-U)[\s=]*["']?([^\s"'$:]*:[^\s"'$][^\s"']*)`),
		shape("command-line", "mysql mariadb", `\b(?:mysql|mysqldump|mysqladmin|mariadb|mariadb-dump)\b[^\n|;]*?\s-p["']?([^\s"'-][^\s"']*)`),
		shape("command-line", "sshpass docker podman helm redis-cli mongo skopeo nerdctl argocd psexec", `(?i)\b(?:psexec(?:\.exe)?\b[^\n|;]*?\s-p|sshpass\s+-p|(?:docker|podman|nerdctl|skopeo|helm\s+registry|argocd)\s+login\b[^\n|;]*?\s-p|redis-cli\b[^\n|;]*?\s-a|mongo(?:sh|dump|restore)?\b[^\n|;]*?\s-p)[\s=]*["']?([^\s"'$-][^\s"']*)`),
		shape("command-line", "pass:", `\s-pass(?:in|out)?\s+pass:(\S+)`),
		// kubectl create secret --from-literal=key=value: the key may be called anything.
		shape("command-line", "--from-literal", `(?i)secret[^\n]*?--from-literal[\s=]+["']?[A-Za-z0-9._-]+=["']?([^\s"']+)`),
		// .netrc and what is written like it.
		shape("netrc", "login", `(?i)\blogin\s+\S+\s+password\s+(\S+)`),
		// .npmrc
		shape("npm-token", "_auth _password", `(?i):_(?:authToken|auth|password)\s*=\s*["']?([^\s"']+)`),
		// Hashed passwords can be guessed off line.
		shape("password-hash", "$2 $apr1$ $1$ $5$ $6$ $8$ $9$ $y$ $gy$ $argon2 $pbkdf2 $md5 $krb5 $scram", `(\$(?:2[abxy]|apr1|[15689]|g?y|argon2(?:id|i|d)|pbkdf2[a-z0-9-]*|md5[,a-z0-9=]*|krb5[a-z]+|scram-[a-z0-9-]+)\$[./A-Za-z0-9$,=+@:*-]{20,})`),
		// Keys of container registries: {"auths":{"host":{"auth":"…"}}}
		shape("registry-auth", "auth", `\\*"auth\\*"\s*:\s*\\*"([A-Za-z0-9+/=_-]{8,})\\*"`),
	}
}
