package httpapi_test

import (
	"bytes"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/auditflow/auditflow/httpapi"
)

// journal is a log that a test may read while it is written.
type journal struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (j *journal) Write(p []byte) (int, error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.text.Write(p)
}

func (j *journal) String() string {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.text.String()
}

const tokenA, tokenB = "aaaaaaaaaaaaaaaa-canary", "bbbbbbbbbbbbbbbb-canary"

func write(t *testing.T, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

func withTokens(t *testing.T, text string) (d *door, path string, log *journal) {
	t.Helper()
	path, log = filepath.Join(t.TempDir(), "tokens"), &journal{}
	write(t, path, text)
	tokens, err := httpapi.OpenTokens(path, slog.New(slog.NewTextHandler(log, nil)))
	if err != nil {
		t.Fatal(err)
	}
	return open(t, func(c *httpapi.Config, _ *httpapi.Server) { c.Access = httpapi.Access{Tokens: tokens} }), path, log
}

func TestOnlyWhoHasATokenMayPost(t *testing.T) {
	t.Parallel()
	d, _, _ := withTokens(t, "# who may\nexecutor "+tokenA+"\n")
	for name, header := range map[string][]string{
		"nothing": nil, "another": {"Authorization", "Bearer " + tokenB}, "another scheme": {"Authorization", "Basic " + tokenA},
		"no token": {"Authorization", "Bearer "},
	} {
		a := d.post(body(t), header...).want(t, http.StatusUnauthorized)
		if a.Header.Get("WWW-Authenticate") != "Bearer" || strings.Contains(a.text, "canary") {
			t.Errorf("%s: %v %s", name, a.Header, a.text)
		}
		d.send(http.MethodPost, httpapi.PathBatch, "[]", header...).want(t, http.StatusUnauthorized)
	}
	d.post(body(t), "Authorization", "bearer "+tokenA).want(t, http.StatusCreated)
	d.send(http.MethodGet, "/healthz", "").want(t, http.StatusOK)
}

func TestTheTokensAreThoseOfTheFileAsItIs(t *testing.T) {
	t.Parallel()
	d, path, log := withTokens(t, "executor "+tokenA+"\n")
	write(t, path, "executor\n") // half-written
	eventually(t, "the fault is logged", func() bool {
		d.post(body(t), "Authorization", "Bearer "+tokenA).want(t, http.StatusCreated)
		return strings.Contains(log.String(), "tokens not changed")
	})
	write(t, path, "executor "+tokenB+"\n")
	eventually(t, "the new token is known", func() bool {
		return d.post(body(t), "Authorization", "Bearer "+tokenB).StatusCode == http.StatusCreated
	})
	d.post(body(t), "Authorization", "Bearer "+tokenA).want(t, http.StatusUnauthorized)
	if strings.Contains(log.String(), "canary") {
		t.Errorf("the log quotes a token:\n%s", log)
	}
}

func TestTheIdempotencyKeysOfTwoClientsDoNotMeet(t *testing.T) {
	t.Parallel()
	d, _, _ := withTokens(t, "one "+tokenA+"\nother "+tokenB+"\n")
	one := d.post(body(t), "Authorization", "Bearer "+tokenA, "Idempotency-Key", t.Name()).want(t, http.StatusCreated)
	other := d.post(body(t, "execution_id", `"other"`), "Authorization", "Bearer "+tokenB, "Idempotency-Key", t.Name()).want(t, http.StatusCreated)
	if one.WorkflowID == other.WorkflowID {
		t.Error("they share", one.WorkflowID)
	}
}

func TestFaultsOfATokenFileAreNamedByLineAndNotQuoted(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "tokens")
	for text, want := range map[string]string{
		"":                                  "there is no token in it",
		"# nobody\n":                        "there is no token in it",
		"a canary\n":                        "line 1: the token is shorter than 16 characters",
		"a b canary\n":                      "line 1: after name and token come clusters=NAME,… and namespaces=NAME,…",
		"a " + tokenA + " clusters=prod,\n": "line 1: clusters= has a name that is empty",
		"a " + tokenA + " namespaces=s namespaces=t\n": "line 1: namespaces= is there twice",
		"a " + tokenA + "\nb " + tokenA + "\n":         "line 2: the token is there twice",
	} {
		write(t, path, text)
		if _, err := httpapi.OpenTokens(path, quiet); err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "canary") {
			t.Errorf("%q: %v, want %q", text, err, want)
		}
	}
}

func TestATokenMayBeForSomeClustersAndNamespaces(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "tokens")
	write(t, path, "shop "+tokenA+" clusters=prod,stage namespaces=http-shopping\nelsewhere "+tokenB+" clusters=stage\n")
	tokens, err := httpapi.OpenTokens(path, quiet)
	if err != nil {
		t.Fatal(err)
	}
	limited := func(cluster string) *door {
		return open(t, func(c *httpapi.Config, _ *httpapi.Server) {
			c.Cluster, c.Access, c.Reader = cluster, httpapi.Access{Tokens: tokens}, rows{store}
		})
	}
	d, shop, elsewhere := limited("prod"), "Bearer "+tokenA, "Bearer "+tokenB
	own, other := body(t, "target_namespace", `"http-shopping"`), body(t, "target_namespace", `"kube-system"`)
	d.post(other, "Authorization", shop).want(t, http.StatusForbidden)
	d.post(own, "Authorization", elsewhere).want(t, http.StatusForbidden)
	limited("third").post(own, "Authorization", shop).want(t, http.StatusForbidden)
	mine := d.send(http.MethodPost, httpapi.PathRecords+"?wait=persisted", own, "Authorization", shop).want(t, http.StatusCreated)

	for query, want := range map[string]int{
		"?namespace=http-shopping&cluster=prod":  http.StatusOK,
		"?namespace=http-shopping&cluster=third": http.StatusForbidden,
		"?namespace=http-shopping":               http.StatusForbidden, // of all clusters
		"?namespace=kube-system&cluster=prod":    http.StatusForbidden,
		"?namespace=http-shop%2A&cluster=prod":   http.StatusForbidden, // might be another's
		"?cluster=prod":                          http.StatusForbidden,
		"/" + mine.ID:                            http.StatusOK,
	} {
		if a := d.send(http.MethodGet, httpapi.PathRecords+query, "", "Authorization", shop); a.StatusCode != want {
			t.Errorf("%s: status %d, want %d: %s", query, a.StatusCode, want, a.text)
		}
	}
	d.send(http.MethodGet, httpapi.PathRecords+"/"+mine.ID, "", "Authorization", elsewhere).want(t, http.StatusNotFound)
	d.send(http.MethodGet, httpapi.PathReports+"retries", "", "Authorization", shop).want(t, http.StatusForbidden)
	list := d.send(http.MethodGet, httpapi.PathRecords+"?cluster=stage", "", "Authorization", elsewhere).want(t, http.StatusOK)
	if strings.Contains(list.text, mine.ID) {
		t.Error(list.text)
	}
}
