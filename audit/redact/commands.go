package redact

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
		shape("command-line", "rabbitmqctl", `\brabbitmqctl\b[^\n|;]*?\s(?:add_user|change_password|authenticate_user)\s+\S+\s+["']?([^\s"']+)`),
		shape("command-line", "htpasswd", `\bhtpasswd\s+-\w*b\w*\s+(?:-\w+\s+)*\S+\s+\S+\s+["']?([^\s"']+)`),
		shape("command-line", "chpasswd", `["']?[\w.-]+:([^\s"':|]+)["']?\s*\|\s*(?:sudo\s+)?chpasswd`),
		shape("command-line", "net use,net user", `(?i)\bnet\s+user\s+[^\s/]+\s+([^\s/]\S*)\s`),
		shape("command-line", "pass:", `\s-pass(?:in|out)?\s+pass:(\S+)`),
		shape("command-line", "alias", `\bmc\s+(?:alias\s+set|config\s+host\s+add)\s+\S+\s+\S+\s+\S+\s+["']?([^\s"']+)`),
		// The name is one word, the value the next: ENV DB_PASSWORD hunter2, setx TOKEN abc.
		shape("command-line", "env arg setx export", `(?im)^\s*(?:ENV|ARG|setx|export|set)\s+\w*(?:password|passwd|secret|token|api_?key|access_?key|pwd)\s+["']?([^\s"'=$][^\s"']{2,})`),
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
	}
}
