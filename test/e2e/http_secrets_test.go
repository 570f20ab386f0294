//go:build siege

package e2e

import (
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/auditflow/auditflow/httpapi"
	"github.com/auditflow/auditflow/test/leak"
)

// What clients put into the wrong place is theirs: it must not be in a log, also not
// at level debug, nor in the metrics, nor in Temporal.
func TestWhatIsSaidInPathsHeadersAndQueriesIsWrittenNowhere(t *testing.T) {
	t.Parallel()
	s := besiege(t, "secrets", "")
	var secrets []leak.Secret
	canary := func(where string) string {
		value := fmt.Sprintf("canary%dx%d", time.Now().UnixNano(), len(secrets))
		secrets = append(secrets, leak.Secret{Label: "secret in " + where, Value: value})
		return value
	}
	record := func() string { return posted(t, nil).json() }
	refused := func(status int, method, path, body string, headers ...string) {
		t.Helper()
		a := s.send(t, method, path, body, headers...).want(status)
		for _, secret := range secrets {
			if secret.In(a.text) {
				t.Errorf("the answer quotes the %s: %s", secret.Label, a.text)
			}
		}
	}
	refused(404, http.MethodGet, "/api/"+canary("a path"), "")
	refused(400, http.MethodGet, httpapi.PathRecords+"/"+canary("an id"), "")
	refused(400, http.MethodGet, httpapi.PathRecords+"?"+canary("the name of a parameter")+"=1", "")
	refused(400, http.MethodGet, httpapi.PathRecords+"?limit="+canary("a parameter"), "")
	refused(400, http.MethodPost, httpapi.PathRecords+"?wait="+canary("wait"), record())
	refused(405, strings.ToUpper(canary("a method")), httpapi.PathRecords, "")
	refused(401, http.MethodPost, httpapi.PathRecords, record(), "Authorization", "Bearer "+canary("a token"))
	refused(401, http.MethodPost, httpapi.PathRecords, record(), "Authorization", "Basic "+canary("a password"))
	refused(415, http.MethodPost, httpapi.PathRecords, record(), "Content-Type", "text/"+canary("a media type"))
	refused(406, http.MethodGet, httpapi.PathRecords, "", "Accept", "text/"+canary("Accept"))
	refused(422, http.MethodPost, httpapi.PathRecords, `{"`+canary("the name of a field")+`":1}`)
	s.post(t, "", record(), "Idempotency-Key", canary("an Idempotency-Key"), "Cookie", canary("a cookie"),
		"X-Api-Key", canary("a header"), "User-Agent", canary("a user agent")).want(http.StatusCreated)
	for _, malformed := range []string{"GET /" + canary("half a request") + "\r\n\r\n", canary("no request") + "\r\n\r\n",
		"GET / HTTP/1.1\r\nHost: api\r\n" + canary("half a header") + "\r\n\r\n"} {
		c, err := s.dial(malformed)
		if err != nil {
			t.Fatal(err)
		}
		if text, err := io.ReadAll(c); err != nil || !strings.HasPrefix(string(text), "HTTP/1.1 400 ") {
			t.Errorf("%.100q, %v", text, err)
		}
		_ = c.Close()
	}
	const proof = `"program":"api"`
	found := leak.NewSearch(secrets, proof, "auditflow_http_requests_total")
	if err := found.Dir(stage.LogDir(), func(string) string { return leak.PlaceLogs }); err != nil {
		t.Fatal(err)
	}
	if err := found.Metrics(t.Context(), s.url); err != nil {
		t.Fatal(err)
	}
	if err := found.SQLite(stage.Temporal.DBFile); err != nil {
		t.Fatal(err)
	}
	for _, l := range found.Leaks() {
		t.Errorf("leaked: %s", l)
	}
	if !found.Saw(leak.PlaceLogs, proof) || !found.Saw(leak.PlaceMetrics, "auditflow_http_requests_total") {
		t.Error("the search is blind")
	}
}
