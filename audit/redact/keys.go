package redact

import (
	"maps"
	"slices"
	"strings"
	"sync"
)

// kind is what a name says about the value it names.
type kind int

const (
	plain    kind = iota
	password      // chosen by people: any value may be one
	secret        // named secret or credential, which may also be a reference
	token         // made by machines: long and mixed
	someKey       // a key of something: secret only if it looks like nothing else
)

func (k kind) rule() string { return [...]string{"", "password", "secret", "token", "token"}[k] }

// nouns are the words that make a name secret, alone or as the end of a word
// run together (clienttoken).
var nouns = []struct {
	word string
	kind kind
}{
	{"password", password}, {"passwords", password}, {"passwd", password}, {"passphrase", password}, {"passwort", password},
	{"passcode", password}, {"pwd", password}, {"passwrd", password}, {"passord", password}, {"kennwort", password}, {"senha", password},
	{"contrasena", password}, {"motdepasse", password}, {"wachtwoord", password}, {"haslo", password}, {"lozinka", password}, {"salasana", password},
	{"requirepass", password}, {"masterauth", password}, {"bindpw", password}, {"rootpw", password}, {"mnemonic", password}, {"seedphrase", password},
	{"secrete", secret}, {"connectionstring", token}, {"connstr", token},
	{"apisecret", password}, {"clientsecret", password}, {"secret", secret}, {"secrets", secret}, {"credential", secret}, {"credentials", secret},
	{"token", token}, {"tokens", token}, {"apikey", token}, {"apikeys", token}, {"accesskey", token}, {"secretkey", token},
	{"privatekey", token}, {"authkey", token}, {"signingkey", token}, {"encryptionkey", token}, {"masterkey", token},
	{"accountkey", token}, {"sharedkey", token},
}

// wholeWords count only when they stand alone: as endings they are in bypass,
// mapping and thousands of other words.
var wholeWords = map[string]kind{
	"pass": password, "pw": password, "pin": password, "cred": secret, "creds": secret, "dsn": token, "jwt": token,
	"auth": token, "authorization": token, "dockerconfigjson": token, "dockercfg": token, "otp": password, "cookie": token,
	"pat": token, "psk": password, "bearer": token, "mdp": password, "jsessionid": token, "phpsessid": token,
}

// keyOwners make a key a secret one: api_key, but not sort_key.
var keyOwners = set(`api access secret private encryption encrypt signing sign master account shared auth ssh service license
	deploy app storage admin consumer security crypto hmac jwt aes root client integration session write user project rsa dsa
	ecdsa gpg pgp ssl tls server symmetric ingestion subscription webhook personal preshared`)

// keyUses make a key something to find things by.
var keyUses = set("public sort partition primary foreign object routing row column cache topology host map hash dict json config group message event metric label annotation lookup index unique natural field")

// references end names of things about a secret: where it is, how long it
// lasts, which one it is. Their value is no secret.
var references = set(`name names ref refs reference references file files filename path paths dir directory mount mounts url uri urls
	endpoint endpoints host type types kind kinds policy policies ttl expiry expires expiration expired timeout length len
	count counts size limit limits id ids version versions enabled disabled required format algorithm alg class selector
	namespace namespaces label labels annotation annotations store stores manager provider rotation age status state error
	errors field fields prefix suffix header headers controller review reviews reviewer request requests usage used budget at
	in days hours seconds minutes max min regex pattern validator mode method methods scope scopes issuer audience audiences
	volume volumes stdin created updated changed found exists valid invalid missing reset hint hints strength rules generator
	template description note policyname engine backend source sources mountpath env var variable key_id fingerprint
	thumbprint list lister informer user username owner service server account group role lifetime duration interval
	projection cache per time date login enter prompt form page renewal spec specs`)

// notOurs begin names whose value is public or a switch.
var notOurs = set(`public automount has is use uses no require requires required enable allow max min num number total image primary
	foreign partition sort disable skip show hide with without needs must can pub input prompt completion reset forgot reused existing gen generate get parse validate verify load fetch lookup`)

func set(words string) map[string]bool {
	m := map[string]bool{}
	for _, w := range strings.Fields(words) {
		m[w] = true
	}
	return m
}

// classify tells what a name such as DB_PASSWORD, githubToken or secretKeyRef
// says about its value, and by how many words if it says anything.
func classify(name string) (kind, int) {
	if !telling().in(name) {
		return plain, 0
	}
	words := splitWords(name)
	n := len(words)
	if n == 2 && words[0] == "secret" && words[1] == "id" {
		return token, n // Vault's AppRole calls its password so
	}
	if n > 0 && words[n-1] == "htpasswd" {
		return plain, n // a file, and the command that writes it
	}
	if n == 0 || references[words[n-1]] || n > 1 && notOurs[lastSegment(name)] {
		return plain, n
	}
	best := plain
	for i, w := range words {
		k := wordKind(w)
		switch {
		case k != plain && w == "auth" && i < n-1, k != plain && w == "pin" && n > 1 && i < n-1:
			k = plain // auth_method, pin_map
		case w == "key" || w == "keys":
			k = someKey
			if i > 0 && ownsKey(words[i-1]) && (i == 1 || words[i-2] != "public") {
				k = token
			}
			if i > 0 && keyUses[words[i-1]] || i == 0 && n > 1 || w == "keys" && k == someKey {
				k = plain
			}
		case w == "string" || w == "str":
			if i > 0 && (words[i-1] == "connection" || words[i-1] == "conn") {
				k = token
			}
		case w == "public":
			return plain, n
		}
		if stronger(k, best) {
			best = k
		}
	}
	if best == password && n > 1 && words[n-1] == "key" {
		best = someKey // adminPasswordKey: the name of a key, in charts
	}
	if best == secret && words[n-1] == "key" {
		best = token // secret_key, as AWS has it and as references have it
	}
	if best == secret && n > 1 && words[n-1] == "secret" && !imagePull(words) {
		best = password // client_secret is a value; secret alone may be a reference
	}
	return best, n
}

// telling are the words without which no name says anything: most have none.
var telling = sync.OnceValue(func() *gate {
	words := []string{"key", "str", "pass", "pw"}
	for _, n := range nouns {
		words = append(words, n.word)
	}
	return newGate(slices.AppendSeq(words, maps.Keys(wholeWords)))
})

// ownsKey also knows owners that are run together with a word: myapi.
func ownsKey(w string) bool {
	if keyOwners[w] {
		return true
	}
	for _, owner := range []string{"api", "access", "secret", "private", "encryption", "signing"} {
		if strings.HasSuffix(w, owner) {
			return true
		}
	}
	return false
}

// lastSegment is the first word behind the last dot: global.publicKey.
func lastSegment(name string) string {
	words := splitWords(name[strings.LastIndexByte(name, '.')+1:])
	if len(words) < 2 {
		return ""
	}
	return words[0]
}

func imagePull(words []string) bool { return words[0] == "pull" || words[0] == "tls" }

func stronger(a, b kind) bool {
	rank := [...]int{plain: 0, someKey: 1, token: 2, secret: 3, password: 4}
	return rank[a] > rank[b]
}

func wordKind(w string) kind {
	if k, ok := wholeWords[w]; ok {
		return k
	}
	for _, n := range nouns {
		if strings.HasSuffix(w, n.word) {
			return n.kind
		}
	}
	for _, short := range []string{"pass", "pw"} {
		if owner, ok := strings.CutSuffix(w, short); ok && passOwners[owner] {
			return password
		}
	}
	return plain
}

// passOwners are run together with pass and pw, which are endings of too many
// other words (bypass, compass) to count alone.
var passOwners = set(`db my user admin root mail email smtp imap ftp sftp ldap mysql pg postgres redis mongo key keystore truststore auth
	login app store svc service ssh sudo become proxy http wifi sql web remote bind rabbit jdbc odbc vpn sys master super`)

// maxName bounds a name; what is longer is a sentence or an attack.
const maxName = 96

// splitWords splits camelCase, snake_case and kebab-case into lower-case words.
func splitWords(name string) []string {
	if len(name) > maxName {
		name = name[len(name)-maxName:]
	}
	var words []string
	start := 0
	cut := func(end int) {
		if end > start {
			words = append(words, strings.ToLower(name[start:end]))
		}
	}
	for i := range len(name) {
		c := name[i]
		if !isAlnum(c) {
			cut(i)
			start = i + 1
			continue
		}
		if i == 0 || i == start || !isUpper(c) {
			continue
		}
		// A new word begins after a small letter, and at the last capital of
		// several (APIKey: API, Key).
		if isLower(name[i-1]) || isDigit(name[i-1]) || i+1 < len(name) && isLower(name[i+1]) {
			cut(i)
			start = i
		}
	}
	cut(len(name))
	return words
}

// apiKey tells names whose value is a key itself: api_key, accessKey.
func apiKey(name string) bool {
	words := splitWords(name)
	if n := len(words); n > 1 && words[n-1] == "key" {
		return words[n-2] == "api" || words[n-2] == "access"
	}
	return len(words) == 1 && (words[0] == "apikey" || words[0] == "accesskey")
}
