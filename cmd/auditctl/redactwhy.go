package main

import (
	"slices"
	"strings"

	"github.com/auditflow/auditflow/audit/redact"
)

// why says what a rule goes by, for whoever wonders about a mask.
func why(rule string) string {
	if reason := reasons[rule]; reason != "" {
		return reason
	}
	if slices.Contains(redact.BuiltinRules(), rule) { // a token whose maker is in its name
		return "looks like: " + strings.ReplaceAll(rule, "-", " ")
	}
	return "a rule of the policy"
}

// reasons of the rules that go by something else than the look of a token.
var reasons = map[string]string{ //nolint:gosec // names of rules, and no credentials
	"password":          "its name says that it is a password",
	"secret":            "its name says that it is a secret",
	"token":             "its name says that it is a token or key, and it looks like one",
	"high-entropy":      "long and random, as only machines write",
	"kubernetes-secret": "data of a Secret",
	"private-key":       "block of a private key",
	"url-password":      "password in a URL or connection string",
	"user-name":         "name of a user, beside a password that was masked",
	"azure-id":          "identifies an Azure client or tenant, under a name that says so",
	"url-token":         "token in place of a user in a URL",
	"url-signature":     "signature of a URL that lets in whoever has it",
	"authorization":     "value of an Authorization header",
	"header":            "value of a header that carries a key",
	"cookie":            "value of a cookie",
	"credentials":       "argument of a call that logs in",
	"sql":               "password in an SQL statement",
	"config":            "password in a configuration file",
	"command-line":      "argument that a command takes as a password or secret",
	"netrc":             "password in a .netrc file",
	"pgpass":            "password in a .pgpass file",
	"registry-auth":     "credentials of a container registry",
	"password-hash":     "hash of a password, which can be guessed off line",
	"jwt":               "JSON web token",
	"secret-field":      "the policy says that this field is secret",
	"unprocessable":     "could not be processed, so all of it is masked",
}
