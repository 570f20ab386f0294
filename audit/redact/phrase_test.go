package redact_test

import (
	"strings"
	"testing"

	"github.com/auditflow/auditflow/audit/redact"
)

func TestPassPhrasesAndKeysThatPeopleMakeUp(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name, text string
		left       string // of the secret, "" if nothing is to be masked
	}{
		{"a phrase in quotes under the name of a key", "api_key: 'walnut with juniper and comet'", "juniper"},
		{"a phrase in quotes under the name of a secret", `client_secret = "walnut with juniper and comet"`, "juniper"},
		{"a phrase in YAML", "db_password: walnut juniper comet saddle\nport: 1", "saddle"},
		{"a phrase in YAML under a short name", "spec:\n  passphrase: walnut juniper comet saddle", "saddle"},
		{"a phrase in YAML with a comment", "db_password: walnut juniper comet # rotated", "comet"},
		{"a phrase under the name of a key in YAML", "aws_secret_access_key: walnut with juniper and comet", "comet"},
		{"a key of words", "apikey = walnut-juniper-comet", "juniper"},
		{"a key of words in a flag", "--api-key=walnut-juniper-comet", "juniper"},
		{"the name of an object", "--token=walnut-juniper-comet", ""},
		{"a sentence", "password: choose a new one", ""},
		{"a sentence behind a name", "adminPassword: must be at least 8 characters", ""},
		{"what a validator says", "spec.clientSecret: Invalid value in request", ""},
		{"a description in quotes", `"api_key": "the key that your account was given"`, ""},
		{"a title in quotes", `token: "GitHub personal access token"`, ""},
		{"a prompt in code", "pwd := readPassword(\"> enter password: \")\nproject.password = pwd\n", ""},
	}
	r := redact.New()
	for _, tc := range tests {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			got, _ := r.Text(tc.text)
			if tc.left == "" && got != tc.text || tc.left != "" && strings.Contains(got, tc.left) {
				t.Errorf("%q became %q", tc.text, got)
			}
			checkText(t, r, tc.text)
		})
	}
}
