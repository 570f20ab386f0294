package redact

// before is what stands before the beginning of a text that is inside another:
// in JSON, in a query, behind the name of whoever logged it.
const before = `(?:["'=:>]\s*|\\n)`

// envSecret is a line of a Dockerfile or a shell's.
const envSecret = `(?:ENV|ARG|setx|export|set)\s+\w*(?:password|passwd|secret|token|api_?key|access_?key|pwd)\s+\\*["']?([^\s"'\\&=$][^\s"'\\&]{2,})` //nolint:gosec // an expression, and no credential

// inText keeps a rule for lines to what no sentence would say where a text
// inside another begins: "error: requirepass is not set".
func inText(r rule) rule {
	r.check = func(m match) bool { return digitCount(m.secret) > 0 || mixed(m.secret) }
	return r
}

// commandRules know the passwords of command lines where no name announces
// them, and of the files that are written like command lines.
func commandRules() []rule {
	return []rule{
		// -u user:password and its like.
		shape("command-line", "curl wget httpie", `(?i)\b(?:curl|wget|https?ie)\b.*?\s(?:-u|--user|--proxy-user|-U|-a|--auth)[\s=]*["']?([^\s"'$:]*:[^\s"'$][^\s"']*)`),
		shape("command-line", "-u", `\s-u\s+["']?[^\s"'$:/-][^\s"'$:/]*:([^\s"'$:/][^\s"']{5,})`),
		// mysql -pPASSWORD: without a space.
		shape("command-line", "mysql mariadb", `\b(?:mysql|mysqldump|mysqladmin|mariadb|mariadb-dump)\b[^\n|;]*?\s-p["']?([^\s"'-][^\s"']*)`),
		// -p PASSWORD, -a PASSWORD and -w PASSWORD of what takes them so.
		shape("command-line", "sshpass docker podman helm redis-cli mongo skopeo nerdctl argocd psexec", `(?i)\b(?:psexec(?:\.exe)?\b[^\n|;]*?\s-p|sshpass\s+-p|(?:docker|podman|nerdctl|skopeo|helm\s+registry|argocd)\s+login\b[^\n|;]*?\s-p|redis-cli\b[^\n|;]*?\s-a|mongo(?:sh|dump|restore)?\b[^\n|;]*?\s-p)[\s=]*["']?([^\s"'$-][^\s"']*)`),
		shape("command-line", "login", `(?i)\b(?:az|oc|cf|buildah|crane|oras|heroku|ibmcloud)\s+login\b[^\n|;]*?\s-p[\s=]*["']?([^\s"'$-][^\s"']*)`),
		shape("command-line", "ldapsearch ldapmodify ldapadd ldapdelete ldapwhoami ldappasswd", `\bldap\w+\b[^\n|;]*?\s-w[\s]*["']?([^\s"'$-][^\s"']*)`),
		shape("command-line", "sqlcmd bcp isql", `\b(?:sqlcmd|bcp|isql)\b[^\n|;]*?\s-P[\s]*["']?([^\s"'$-][^\s"']*)`),
		shape("command-line", "smbclient rpcclient winexe", `\b(?:smbclient|rpcclient|winexe)\b[^\n|;]*?\s(?:-U|--user)[\s=]*["']?[^\s"'%]+%([^\s"']+)`),
		// psexec -u DOMAIN\user -p password: the name opens the same door.
		shape(ruleUser, "psexec", `(?i)\bpsexec(?:\.exe)?\b[^\n|;]*?\s-u[\s]*["']?([^\s"'$%-][^\s"']+)["']?\s+-p\s`),
		shape("command-line", "rabbitmqctl", `\brabbitmqctl\b[^\n|;]*?\s(?:add_user|change_password|authenticate_user)\s+\S+\s+["']?([^\s"']+)`),
		shape("command-line", "htpasswd", `\bhtpasswd\s+-\w*b\w*\s+(?:-\w+\s+)*\S+\s+\S+\s+["']?([^\s"']+)`),
		shape("command-line", "chpasswd", `["']?[\w.-]+:([^\s"':|]+)["']?\s*\|\s*(?:sudo\s+)?chpasswd`),
		spaced(shape("command-line", "net", `(?i)\bnet\s+user\s+[^\s/]+\s+([^\s/]\S*)\s`)),
		shape("command-line", "pass:", `\s-pass(?:in|out)?\s+pass:(\S+)`),
		// Archives and keys: zip -P x, 7z -px, openssl enc -k x, ssh-keygen -N x.
		{name: "command-line", keywords: []string{"zip -"}, pattern: lazily(`(?i)\b(?:zip|unzip)\b[^\n|;]*?\s-P[ \t]+["']?([^\s"'$-][^\s"']*)`)},
		shape("command-line", "7z unrar", `(?i)\b(?:7za?|unrar|rar)\s+[a-z]\b[^\n|;]*?\s-p["']?([^\s"'$-][^\s"']*)`),
		shape("command-line", "openssl", `\bopenssl\s+enc\b[^\n|;]*?\s-k[ \t]+["']?([^\s"'$-][^\s"']*)`),
		shape("command-line", "ssh-keygen", `\bssh-keygen\b[^\n|;]*?\s-[NP][ \t]+(?:"([^"\n$]+)"|'([^'\n]+)'|([^\s"'$-][^\s"']*))`),
		// A password that is piped to who asks for it.
		shape("command-line", "sudo password-stdin passphrase-fd", `\becho\s+(?:-\w+\s+)*["']?([^\s"'|$<>-][^\s"'|<>]*)["']?\s*\|\s*(?:sudo\s+(?:-\w+\s+)*-S\b|[^|\n]*?--(?:password-stdin|passphrase-fd))`),
		shape("command-line", "sudo", `\bsudo\s+(?:-\w+\s+)*-S\b[^|\n]*?<<<\s*["']?([^\s"'$]+)`),
		shape("command-line", "alias", `\bmc\s+(?:alias\s+set|config\s+host\s+add)\s+\S+\s+\S+\s+\S+\s+["']?([^\s"']+)`),
		// The name is one word, the value the next: ENV DB_PASSWORD hunter2, setx TOKEN abc.
		spaced(shape("command-line", "env arg setx export", `(?im)^\s*`+envSecret)),
		spaced(inText(shape("command-line", "env arg setx export", `(?i)`+before+envSecret))),
		shape("command-line", "configure config", `(?i)\b(?:aws\s+configure|git\s+config|npm\s+config|gcloud\s+config|pulumi\s+config)\s+set\s[^\n]*?(?:password|secret|token|key)\w*["']?[\s]+["']?([^\s"'$-][^\s"']{7,})`),
		// kubectl create secret --from-literal=key=value: the key may be called anything.
		on("secret", shape("command-line", "--from-literal", `--from-literal[\s=]+["']?[A-Za-z0-9._-]+=["']?([^\s"']+)`)),
		// vault kv put secret/x key=value
		on("vault kv p", shape("command-line", "vault", `\s[\w.-]+=["']?([^\s"'@$-][^\s"']*)`)),
		on("vault write", shape("command-line", "vault", `\s[\w.-]+=["']?([^\s"'@$-][^\s"']*)`)),
		shape("command-line", "vault", `\bvault\s+login\s+(?:-\S+\s+)*([^\s=-][^\s=]{7,})(?:\s|$)`),
		// .netrc and what is written like it.
		shape("netrc", "login", `(?i)\blogin\s+\S+\s+password\s+(\S+)`),
		// .pgpass: host:port:database:user:password
		shape("pgpass", ":5432: :*:", `(?m)^[^\s:#]+:(?:\d+|\*):[^\s:]+:[^\s:]+:(\S+)$`),
		shape("pgpass", ":5432: :*:", before+`[A-Za-z0-9.*-]+:(?:\d+|\*):[A-Za-z0-9_.*-]+:[A-Za-z0-9_.*-]+:([^\s:&"'\\]{3,})(?:[\s&"'\\]|$)`),
	}
}
