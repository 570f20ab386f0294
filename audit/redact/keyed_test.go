package redact_test

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"regexp"
	"strings"
	"testing"

	"github.com/auditflow/auditflow/audit/redact"
)

func keyed(t testing.TB, key string) *redact.Redactor {
	t.Helper()
	return with(t, redact.Options{Keyed: true, Token: hash(key)})
}

func hash(key string) func([]byte) ([]byte, error) {
	return func(secret []byte) ([]byte, error) {
		mac := hmac.New(sha256.New, []byte(key))
		mac.Write(secret)
		return mac.Sum(nil), nil
	}
}

var oneMask = regexp.MustCompile(`\[REDACTED:[a-z0-9-]+:([0-9a-f]{12})\]`)

func TestATokenIsHMACSHA256OfTheSecretUnderTheKey(t *testing.T) {
	t.Parallel()
	mac, err := hash("k1")([]byte("hunter2zz"))
	if err != nil {
		t.Fatal(err)
	}
	want := "DB_" + "PASSWORD=[REDACTED:password:" + hex.EncodeToString(mac)[:12] + "]"
	got, findings := keyed(t, "k1").Text("DB_" + "PASSWORD=hunter2zz")
	if got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	if len(findings) != 1 || findings[0].Rule != "password" {
		t.Errorf("findings name rules, not tokens: %+v", findings)
	}
	if token := keyed(t, "k1").Token(" hunter2zz\n"); !strings.Contains(got, ":"+token+"]") || len(token) != 12 {
		t.Errorf("who asks for the secret gets the token %q", token)
	}
	if token := redact.New().Token("hunter2zz"); token != "" {
		t.Errorf("without a key the token is %q", token)
	}
	if other, _ := keyed(t, "k2").Text("DB_" + "PASSWORD=hunter2zz"); other == got {
		t.Error("another key gives the same token")
	}
}

func TestTheSameSecretHasTheSameTokenWhereverItStands(t *testing.T) {
	t.Parallel()
	const canary = `hunter2"/zz&<y`
	r := keyed(t, "k1")
	quoted := wire(canary)
	encoded := base64.StdEncoding.EncodeToString([]byte(canary + "\n"))
	token := ""
	for name, parameters := range map[string]string{
		"a password":                  `{"password":` + quoted + `}`,
		"JSON in a string":            `{"t":` + wire(`{"password":`+quoted+`}`) + `}`,
		"JSON in a text":              `{"t":` + wire(`sent {"password":`+quoted+`} now`) + `}`,
		"the data of a Secret":        `{"kind":"Secret","data":{"x":"` + encoded + `"}}`,
		"the string data of a Secret": `{"kind":"Secret","stringData":{"x":` + quoted + `}}`,
	} {
		got := string(r.Record(record(parameters)).ActionParameters)
		m := oneMask.FindStringSubmatch(got)
		if m == nil || token != "" && m[1] != token {
			t.Errorf("%s: %s, want the token %s", name, got, token)
			continue
		}
		token = m[1]
	}
	in := record(`{"password":` + quoted + `}`)
	in.Output, in.JobName = "then "+canary+" and "+base64.StdEncoding.EncodeToString([]byte(canary)), canary
	got := r.Record(in)
	for _, text := range []string{got.Output, got.JobName} {
		for _, m := range oneMask.FindAllStringSubmatch(text, -1) {
			if m[1] != token {
				t.Errorf("found again with another token: %s", text)
			}
		}
		if !oneMask.MatchString(text) {
			t.Errorf("not found again: %s", text)
		}
	}
	if strings.Contains(wire(got.Redactions), token) || strings.Contains(wire(got.Redactions), ":password:") {
		t.Errorf("the list of redactions counts by rule, not by secret: %+v", got.Redactions)
	}
	other := r.Record(record(`{"password":"hunter2"}`))
	if m := oneMask.FindStringSubmatch(string(other.ActionParameters)); m == nil || m[1] == token {
		t.Errorf("another secret: %s", other.ActionParameters)
	}
}

func TestMasksOfBothFormsAreLeftAsTheyAre(t *testing.T) {
	t.Parallel()
	for name, r := range map[string]*redact.Redactor{"without a key": redact.New(), "with a key": keyed(t, "k1")} {
		for _, text := range []string{
			"password=[REDACTED:password]", "password=[REDACTED:password:0123456789ab]", `{"token":"[REDACTED:token:0123456789ab]"}`,
			"[REDACTED:acme:0123456789ab] [REDACTED:jwt]", "--password [REDACTED:password:0123456789ab] --level info",
		} {
			if got, found := r.Text(text); got != text || len(found) > 0 {
				t.Errorf("%s: %q became %q", name, text, got)
			}
		}
	}
	in := record(`{"password":"hunter2zz"}`)
	in.Output = "hunter2zz"
	plain, tokens := redact.New().Record(in), keyed(t, "k1").Record(in)
	if again := keyed(t, "k1").Record(plain); wire(again) != wire(plain) {
		t.Errorf("a record redacted without tokens changed:\n%s\n%s", wire(plain), wire(again))
	}
	if again := redact.New().Record(tokens); wire(again) != wire(tokens) {
		t.Errorf("a record redacted with tokens changed:\n%s\n%s", wire(tokens), wire(again))
	}
}

func TestAKeyThatFailsCostsTheTokenNotTheMask(t *testing.T) {
	t.Parallel()
	for name, token := range map[string]func([]byte) ([]byte, error){
		"an error": func([]byte) ([]byte, error) { return nil, errors.New("broken") },
		"too few":  func([]byte) ([]byte, error) { return []byte{1}, nil },
		"a panic":  func([]byte) ([]byte, error) { panic("hunter2zz") },
	} {
		r := with(t, redact.Options{Keyed: true, Token: token})
		in := record(`{"password":"hunter2zz"}`)
		in.Output = "DB_" + "PASSWORD=hunter2zz"
		if got := wire(r.Record(in)); strings.Contains(got, "hunter2zz") {
			t.Errorf("%s: %s", name, got)
		}
		if got, _ := r.Text(in.Output); got != "DB_"+"PASSWORD=[REDACTED:password]" {
			t.Errorf("%s: %q", name, got)
		}
		in.Error = "x"
		if got := with(t, redact.Options{Keyed: true, Token: token, Fields: map[string]redact.Class{"error": redact.Secret}}).Record(in).Error; got != "[REDACTED:secret-field]" {
			t.Errorf("%s: %q", name, got)
		}
	}
}

func TestMasksWithTokensFitTheirColumns(t *testing.T) {
	t.Parallel()
	name := "a-rule-with-the-longest-name-all"
	r := with(t, redact.Options{Keyed: true, Token: hash("k1"), Rules: []redact.Rule{{Name: name, Pattern: "zzz[0-9]+", Keywords: []string{"zzz"}}},
		Fields: map[string]redact.Class{"source": redact.Secret}})
	in := record(`{}`)
	in.Phase, in.ActionType, in.ResourceUsageSource = "zzz1", strings.Repeat("x", 90)+" zzz2", "token=abcdef123456"
	checkRecord(t, r, in.Normalise())
	if got := r.Record(in.Normalise()); strings.Contains(wire(got), "zzz") {
		t.Errorf("got %s", wire(got))
	}
}
