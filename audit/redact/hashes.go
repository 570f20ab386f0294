package redact

import "strings"

// hashRules know hashed passwords, which can be guessed off line: those of
// crypt(5), LDAP (RFC 2307), PostgreSQL, Django, Werkzeug and Windows.
func hashRules() []rule {
	crypt := shape("password-hash", "$2 $apr1$ $1$ $5$ $6$ $8$ $9$ $y$ $gy$ $7$ $argon2 $pbkdf2 $md5 $krb5 $scram $sha1$",
		`(\$(?:2[abxy]|apr1|[156789]|g?y|argon2(?:id|i|d)|pbkdf2[a-z0-9-]*|md5[,a-z0-9=]*|sha1|krb5[a-z]+|scram-[a-z0-9-]+)\$[./A-Za-z0-9$,=+@:*-]{20,})`)
	crypt.check = func(m match) bool { return cryptLength(m.secret) }
	return []rule{
		crypt,
		shape("password-hash", "{ssha {sha} {sha2 {sha5 {smd5} {md5} {pbkdf2 {crypt} {argon2}", `(?i)(\{(?:S?SHA(?:256|384|512)?|S?MD5|PBKDF2[A-Z0-9-]*|CRYPT|ARGON2)\}[./A-Za-z0-9+=$,-]{12,})`),
		shape("password-hash", "scram-sha-", `(SCRAM-SHA-(?:1|256)\$\d+:[A-Za-z0-9+/=]+\$[A-Za-z0-9+/=]+:[A-Za-z0-9+/=]+)`),
		shape("password-hash", "pbkdf2_ pbkdf2: scrypt: argon2$", `\b((?:pbkdf2_sha\w+\$\d+|pbkdf2:sha\w+:\d+|scrypt:\d+:\d+:\d+|argon2)\$[^\s"'$]+\$[A-Za-z0-9+/=,$.-]{20,})`),
		// The two hashes of a Windows account; the first is that of no password.
		shape("password-hash", "aad3b435b51404ee", `(?i)\b(aad3b435b51404eeaad3b435b51404ee:[a-f0-9]{32})\b`),
	}
}

// cryptLengths are those of the last part of crypt's hashes.
var cryptLengths = map[string]int{"1": 22, "apr1": 22, "5": 43, "6": 86, "2a": 53, "2b": 53, "2x": 53, "2y": 53}

// cryptLength tells false for what is longer than any hash of its kind; what is
// shorter was cut.
func cryptLength(hash string) bool {
	parts := strings.Split(hash, "$")
	most, known := cryptLengths[parts[1]]
	last := parts[len(parts)-1]
	for _, end := range []string{":", ",", "="} { // what follows in a line of /etc/shadow
		last, _, _ = strings.Cut(last, end)
	}
	return !known || len(strings.TrimRight(last, ".*@-+")) <= most
}
