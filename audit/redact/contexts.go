package redact

// redisSecret is a line of redis.conf.
const redisSecret = `(?:requirepass|masterauth|sentinel\s+auth-pass\s+\S+)[ \t]+\\*["']?([^\s"'\\&]{3,})`

// Calls that log in, whose arguments may stand in JSON.
const (
	loginWords   = "credential( credentials( directoryentry( basicauth( auth=( authentication( login( basic_auth("
	loginCall    = `(?i)(?:credentials?|auth=?|authentication|login|directoryentry)\(\s*\\*["']`
	nextArgument = `\\*["']\s*,\s*\\*["']`
)

// contextRules know secrets by what stands around them, where the scanner for
// names and values cannot: URLs, headers, key blocks, code. Those of command
// lines and of hashed passwords have files of their own.
func contextRules() []rule {
	rules := []rule{
		// PEM, OpenSSH, PGP and PuTTY private keys, also with escaped line ends.
		{name: "private-key", keywords: []string{"private key", "putty-user-key-file"}, lines: true,
			pattern: lazily(`-----BEGIN[ A-Z0-9]{0,40}PRIVATE KEY(?: BLOCK)?-----|PuTTY-User-Key-File-[0-9]+:`)},
		// Passwords in URLs. One with / or @ in it is not valid in a URL, but is seen in those of databases.
		withUser(withAt(shape("url-password", "://", `[A-Za-z][A-Za-z0-9+.-]*://([^\s/?#:@"'<>]*):([^\s/?#@"'<>]+)@`))),
		withUser(shape("url-password", "postgres mysql mariadb mongodb redis amqp sqlserver mssql clickhouse nats ldap cockroach oracle rabbitmq", `(?i)\b[a-z0-9+:]*(?:postgres|mysql|mariadb|mongodb|redis|amqp|sqlserver|mssql|clickhouse|nats|ldap|cockroach|oracle|rabbitmq)[a-z0-9+:]*://([^\s/:@"'<>]*):([^\s"'<>]+)@[A-Za-z0-9\[$.]`)),
		// Go's driver for MySQL knows no scheme: user:password@tcp(host)/db.
		withUser(shape("url-password", "@tcp( @unix(", `([^\s:/@"']+):([^\s"'@]+)@(?:tcp|unix)\(`)),
		// Oracle: user/password@host:port/service, jdbc:oracle:thin:user/password@….
		withUser(shape("url-password", "sqlplus oracle:thin expdp impdp", `(?i)\b(?:sqlplus\s+(?:-\S+\s+)*|oracle:thin:|(?:exp|imp)dp\s+)["']?([^\s/@"']+)/["']?([^\s@"']+)["']?@`)),
		// Tokens in place of the user in URLs of Git servers.
		withAt(shape("url-token", "://", `[A-Za-z][A-Za-z0-9+.-]*://([A-Za-z0-9_]{20,})@`)),
		// Headers whose whole value is the credential, with or without scheme.
		shape("authorization", "authorization", `(?i)authorization\\*["']?\s*[:=,]\s*\\*["']?(?:(?:bearer|basic|token|digest|negotiate|apikey|ssws|key|bot|splunk|genie(?:key)?)[\s:]+)?\\*["']?([A-Za-z0-9._~+/:=-]*[0-9A-Z+/=._~][A-Za-z0-9._~+/:=-]{6,})`),
		shape("authorization", "bearer basic", `(?i)\b(?:bearer|basic)[\s:]+([A-Za-z0-9._~+/-]*(?:[0-9][A-Za-z0-9._~+/-]*[A-Za-z]|[A-Za-z][A-Za-z0-9._~+/-]*[0-9]|[A-Za-z0-9+/]{12,}=)[A-Za-z0-9._~+/-]{4,}={0,2})`),
		shape("header", "-key -token -secret", `(?i)\b(?:x-[a-z-]*(?:key|token|secret|auth)|api-?key|private-token|job-token)\\*["']?\s*:\s*\\*["']?([^\s"'\\,;]{6,})`),
		shape("cookie", "cookie", `(?i)\b(?:set-)?cookie\\*["']?\s*:\s*\\*["']?([^\s"'\\=;]+=[^"'\r\n\\]+)`),
		// Code that logs in: NetworkCredential("user", "password"), auth=("user", "password"), also with something third.
		withUser(shape("credentials", loginWords, loginCall+`([^"'\n]{1,64}?)`+nextArgument+`([^"'\n]{3,128}?)\\*["']\s*[,)]`)),
		shape("credentials", loginWords, loginCall+`[^"'\n]{1,64}?`+nextArgument+`[^"'\n]{1,128}?`+nextArgument+`([^"'\n]{3,128}?)\\*["']\s*[,)]`),
		// SQL: CREATE USER u IDENTIFIED BY 'password'.
		shape("sql", "identified", `(?i)\bidentified\s+(?:with\s+\S+\s+)?(?:by|as)\s+(?:password\s+)?["']([^"'\n]+)["']`),
		// redis.conf and its like, and a line of redis-cli.
		shape("config", "requirepass masterauth sentinel", `(?im)^[ \t#]*(?:config\s+set\s+)?`+redisSecret),
		inText(shape("config", "requirepass masterauth sentinel", `(?i)`+before+`(?:config\s+set\s+)?`+redisSecret)),
		// The word for password in some languages that do not write it in ASCII letters.
		shape("password", "пароль 密码 密碼 パスワード 비밀번호 contraseña hasło şifre", `(?i)(?:пароль|密码|密碼|パスワード|비밀번호|contraseña|hasło|şifre)["']?\s*(?:[:=：]|es|is)\s*["']?([^\s"',;。]{3,})`),
		// Keys of container registries: {"auths":{"host":{"auth":"…"}}}
		shape("registry-auth", "auth", `\\*"auth\\*"\s*:\s*\\*"([A-Za-z0-9+/=_-]{8,})\\*"`),
		// .npmrc
		shape("npm-token", "_auth _password", `(?i):_(?:authToken|auth|password)\s*=\s*["']?([^\s"']+)`),
	}
	rules = append(rules, commandRules()...)
	return append(rules, hashRules()...)
}
