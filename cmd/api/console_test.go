package main

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/prometheus/client_golang/prometheus"

	"github.com/auditflow/auditflow/audit"
	"github.com/auditflow/auditflow/httpapi"
	"github.com/auditflow/auditflow/internal/daemon"
	"github.com/auditflow/auditflow/internal/daemon/daemontest"
	"github.com/auditflow/auditflow/store/postgres"
	"github.com/auditflow/auditflow/workflows"
)

// browser is somebody before the console, who keeps cookies and follows no redirect.
type browser struct {
	*shelf
	client *http.Client
}

const goodToken = "0123456789abcdef"

// newBrowser opens the console on a database of its own; token is what it knows, ""
// lets everybody read.
func newBrowser(t *testing.T, token string) *browser {
	t.Helper()
	b := &browser{shelf: newShelf(t)}
	b.open(t, token)
	return b
}

// open serves the console from the store as it is now.
func (b *browser) open(t *testing.T, token string) {
	t.Helper()
	access := httpapi.Access{Everybody: token == ""}
	if token != "" {
		var err error
		if access.Tokens, err = httpapi.OpenTokens(daemontest.Write(t, "auditor "+token+"\n"), slog.New(slog.DiscardHandler)); err != nil {
			t.Fatal(err)
		}
	}
	reads := reader{b.store}
	s := settings{cluster: "prod", common: daemon.Common{}}
	s.common.Temporal.Namespace = "default"
	shown, err := pages{enabled: true, temporalUI: "https://temporal.example/ui/", session: time.Hour}.open(s, reads, access, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	handler, err := httpapi.New(httpapi.Config{
		Starter: &workflows.Starter{Redactor: redactor}, Cluster: "prod", Limits: httpapi.DefaultLimits(), Access: access,
		Reader: reads, Pages: shown, Ready: func(context.Context) error { return nil }, Metrics: http.NotFoundHandler(), Registerer: prometheus.NewRegistry(), Log: slog.New(slog.DiscardHandler),
	})
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(handler)
	t.Cleanup(server.Close)
	b.url = server.URL
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	b.client = &http.Client{Jar: jar, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
}

// see asks for a page and wants a status.
func (b *browser) see(path string, status int, with ...string) (text string, header http.Header) {
	b.t.Helper()
	return b.send(http.MethodGet, path, nil, status, with...)
}

func (b *browser) send(method, path string, form url.Values, status int, with ...string) (text string, header http.Header) {
	b.t.Helper()
	r, err := http.NewRequestWithContext(b.t.Context(), method, b.url+path, strings.NewReader(form.Encode()))
	if err != nil {
		b.t.Fatal(err)
	}
	if form != nil {
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	for i := 0; i < len(with); i += 2 {
		r.Header.Set(with[i], with[i+1])
	}
	res, err := b.client.Do(r)
	if err != nil {
		b.t.Fatal(err)
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if err != nil {
		b.t.Fatal(err)
	}
	if res.StatusCode != status {
		b.t.Fatalf("%s %s: status %d, want %d: %s", method, path, res.StatusCode, status, body)
	}
	return string(body), res.Header
}

var formValue = regexp.MustCompile(`name="form" value="([^"]+)"`)

// login fills in the login page.
func (b *browser) login(token string, status int, with ...string) (text string, header http.Header) {
	b.t.Helper()
	text, _ = b.see("/login?to=%2Fstatus", http.StatusOK)
	found := formValue.FindStringSubmatch(text)
	if found == nil {
		b.t.Fatalf("the form has no value to repeat: %s", text)
	}
	return b.send(http.MethodPost, "/login", url.Values{"token": {token}, "to": {"/status"}, "form": {found[1]}}, status, with...)
}

// cookiesOf are those that an answer sets.
func cookiesOf(header http.Header) []*http.Cookie { return (&http.Response{Header: header}).Cookies() }

// has fails the test for each text that a page lacks.
func has(t *testing.T, page string, texts ...string) {
	t.Helper()
	for _, text := range texts {
		if !strings.Contains(page, text) {
			t.Errorf("the page lacks %q", text)
		}
	}
}

func TestEveryPageOfTheConsoleAnswersAndForbidsWhatStandsInline(t *testing.T) {
	t.Parallel()
	b := newBrowser(t, "")
	id := b.fill(7)[0].ID
	inline := regexp.MustCompile(`(?i)<script(?: defer)?>|<style|\sstyle=|\son[a-z]+=|javascript:`)
	for _, path := range []string{"/", "/?namespace=prod-*&limit=3", "/executions/" + id, "/executions/find?id=" + id, "/trends", "/trends?period=24h", "/trends?period=30d", "/timeline", "/status", "/login"} {
		text, header := b.see(path, http.StatusOK)
		if found := inline.FindString(text); found != "" {
			t.Errorf("%s has %q", path, found)
		}
		policy := header.Get("Content-Security-Policy")
		if !strings.HasPrefix(policy, "default-src 'none'") || strings.Contains(policy, "unsafe") || header.Get("X-Content-Type-Options") != "nosniff" ||
			header.Get("Cache-Control") != "no-store" || header.Get("X-Frame-Options") != "DENY" {
			t.Errorf("%s: headers %v", path, header)
		}
		has(t, text, `<html lang="en">`, "<main", "<h1", "</html>")
	}
	for _, file := range []string{"style.css", "console.js", "icon.svg"} {
		b.see("/static/"+file, http.StatusOK)
	}
	b.see("/static/../console.go", http.StatusTemporaryRedirect)
	b.see("/nowhere", http.StatusNotFound)
	if text, _ := b.see("/api/nowhere", http.StatusNotFound); !json.Valid([]byte(text)) {
		t.Errorf("the API answers programs with a page: %s", text)
	}
}

func TestAnExecutionsPageTellsItsWholeStory(t *testing.T) {
	t.Parallel()
	b := newBrowser(t, "")
	r := b.record(t)
	if _, err := b.store.PlaceHold(t.Context(), audit.Hold{Kind: audit.HoldNamespace, Value: "shop", Reason: "case 42", PlacedBy: "counsel"}); err != nil {
		t.Fatal(err)
	}
	text, _ := b.see("/executions/"+r.ID, http.StatusOK)
	has(t, text, r.ExecutionUID, r.RecordSHA256, "the same</span>", "aws-key", "action_parameters.env.0", "kubernetes_execution_audit_",
		"https://temporal.example/ui/namespaces/default/workflows/audit%2FJob%2F", "case 42", "from completion to the committed row", "has nothing of its time yet")
	b.see("/executions/"+audit.ID("prod", "another"), http.StatusNotFound)
	b.see("/executions/canary", http.StatusBadRequest)
}

// record stores one with all that can be known of it.
func (b *browser) record(t *testing.T) audit.Record {
	t.Helper()
	at, took := time.Now().UTC().Add(-time.Hour).Truncate(time.Second), 42*time.Second
	r := audit.Record{
		ID: audit.ID("prod", t.Name()), ExecutionID: "restart-cart-1", ExecutionUID: "0d9c7a4e-6f0c-4d5e-9c58-1f0a3b7d2e11", WorkflowRef: "wf-1",
		ActionType: "restart", TargetNamespace: "shop", TargetResourceKind: "Deployment", TargetResourceName: "cart", Success: true, Phase: "Completed",
		ActionParameters: json.RawMessage(`{"env":["***"]}`), Redactions: []audit.Redaction{{Rule: "aws-key", Path: "action_parameters.env.0", Count: 1}},
		StartTime: at, EndTime: at.Add(took), Duration: &took, CreatedAt: at, CompletedAt: at.Add(took), Cluster: "prod", Source: "Job",
		DeliveredBy: "audit/Job/0d9c7a4e", Policy: "v1",
	}
	r.RecordSHA256 = r.Digest()
	if _, err := b.store.Append(t.Context(), []audit.Record{r}); err != nil {
		t.Fatal(err)
	}
	return r
}

func TestWhatARecordSaysIsTextOnEveryPageAndNothingElse(t *testing.T) {
	t.Parallel()
	b := newBrowser(t, "")
	const hostile = `"><script>alert(1)</script><img src=x onerror=alert(2)>'{{.}}</pre></title>`
	at := time.Now().UTC().Add(-time.Hour).Truncate(time.Second)
	took := time.Minute
	r := audit.Record{
		ID: audit.ID("prod", t.Name()), ExecutionID: "a" + hostile, WorkflowRef: "b" + hostile, ActionType: "c" + hostile, TargetNamespace: "d" + hostile,
		TargetResourceKind: "e" + hostile, TargetResourceName: "f" + hostile, Output: hostile, Error: hostile, Phase: "Failed", Success: true, RetryCount: 1,
		ActionParameters: json.RawMessage(fmt.Sprintf(`{%q:%q}`, "k<script>", "</pre><script>")), JobName: hostile, Duration: &took,
		Redactions: []audit.Redaction{{Rule: "rule" + hostile, Path: "path" + hostile, Count: 1}},
		CreatedAt:  at, CompletedAt: at, Cluster: "prod", Source: "Job", DeliveredBy: "javascript:alert(3)" + hostile,
	}
	r.RecordSHA256 = r.Digest()
	if _, err := b.store.Append(t.Context(), []audit.Record{r}); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{"/", "/executions/" + r.ID, "/trends?period=24h", "/?namespace=" + url.QueryEscape(hostile)} {
		text, _ := b.see(path, http.StatusOK)
		has(t, text, "&lt;script&gt;alert(1)")
		for _, raw := range []string{"<script>", "<img", `href="javascript:`} {
			if strings.Contains(text, raw) {
				t.Errorf("%s has %s as it was recorded", path, raw)
			}
		}
	}
}

func TestPagesOfASearchMeetEveryRecordOnce(t *testing.T) {
	t.Parallel()
	b := newBrowser(t, "")
	b.fill(7)
	row, older := regexp.MustCompile(`href="/executions/([^"?]+)"`), regexp.MustCompile(`href="([^"]+)" rel="next"`)
	seen, order := map[string]int{}, 0
	for path := "/?limit=3&cluster=prod&phase="; path != ""; order++ {
		text, _ := b.see(path, http.StatusOK)
		for _, found := range row.FindAllStringSubmatch(text, -1) {
			seen[found[1]]++
		}
		path = ""
		if found := older.FindStringSubmatch(text); found != nil {
			path = strings.ReplaceAll(found[1], "&amp;", "&")
		}
	}
	if len(seen) != 7 || order != 3 {
		t.Errorf("%d pages with %v", order, seen)
	}
	for query, want := range map[string]int{"?outcome=failed": 3, "?namespace=prod-1": 3, "?min_duration=5s": 2, "?execution=ex-3": 1, "?to=2001-01-01": 0, "?period=30d": 7} {
		if text, _ := b.see("/"+query, http.StatusOK); len(row.FindAllString(text, -1)) != want {
			t.Errorf("%s: %d rows, want %d", query, len(row.FindAllString(text, -1)), want)
		}
	}
}

func TestAFieldThatIsWrongIsNamedByThePage(t *testing.T) {
	t.Parallel()
	b := newBrowser(t, "")
	for query, label := range map[string]string{
		"?min_duration=soon": "Took at least", "?min_retries=-1": "Retries at least", "?from=yesterday": "From", "?limit=0": "Rows", "?outcome=maybe": "Outcome",
		"?from=2026-01-01&period=7d": "Created in", "?from=2026-02-01&to=2026-01-01": "To", "?after=canary": "Page", "?namespace=a%00": "Namespace", "?action=a&action=b": "Action",
	} {
		text, _ := b.see("/"+query, http.StatusBadRequest)
		has(t, text, "<strong>"+label+"</strong>:", `role="alert"`)
	}
	if text, _ := b.see("/?canary=1", http.StatusBadRequest); strings.Contains(text, "canary") {
		t.Error("what a stranger wrote is repeated")
	}
	b.see("/trends?period=forever", http.StatusBadRequest)
}

func TestWithoutItsDatabaseTheConsoleSaysSoAndNothingOfRecords(t *testing.T) {
	t.Parallel()
	b := newBrowser(t, "")
	b.fill(1)
	b.see("/trends", http.StatusOK)
	b.store.Close()
	for _, path := range []string{"/", "/timeline", "/status", "/executions/" + audit.ID("a", "b")} {
		text, _ := b.see(path, http.StatusServiceUnavailable)
		has(t, text, "The database does not answer")
	}
	b.see("/trends", http.StatusOK) // remembered
}

func TestTheConsoleCanBeLeftOutAndNeedsADatabase(t *testing.T) {
	t.Parallel()
	for name, open := range map[string]func() (http.Handler, error){
		"not wanted": func() (http.Handler, error) {
			return pages{enabled: false, session: time.Hour}.open(settings{cluster: "c"}, reader{&postgres.Store{}}, httpapi.Access{}, slog.New(slog.DiscardHandler))
		},
		"no database": func() (http.Handler, error) {
			return pages{enabled: true, session: time.Hour}.open(settings{cluster: "c"}, nil, httpapi.Access{}, slog.New(slog.DiscardHandler))
		},
	} {
		if h, err := open(); h != nil || err != nil {
			t.Errorf("%s: %v %v", name, h, err)
		}
	}
	refused(t, minimal+"console: {temporal_ui_url: \"javascript:alert(1)\", session: 1s}\n",
		"console.temporal_ui_url: must be a URL that begins with http:// or https://", "console.session: want a duration from 5m0s to 24h0m0s, not 1s")
}

func TestTheConsoleNeedsNoMoreThanAReadersRights(t *testing.T) {
	t.Parallel()
	b := newBrowser(t, "")
	r := b.record(t)
	conn, err := pgx.Connect(t.Context(), b.database)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(context.Background())
	login := "console_" + strings.ToLower(rand.Text()[:8])
	if _, err := conn.Exec(t.Context(), "CREATE ROLE "+login+" LOGIN IN ROLE auditflow_reader"); err != nil {
		t.Fatal(err)
	}
	address, err := url.Parse(b.database)
	if err != nil {
		t.Fatal(err)
	}
	address.User = url.User(login)
	if b.store, err = postgres.Open(t.Context(), postgres.Config{URL: address.String()}); err != nil {
		t.Fatal(err)
	}
	defer b.store.Close()
	b.open(t, "")
	for _, path := range []string{"/", "/executions/" + r.ID, "/trends", "/timeline", "/status"} {
		text, _ := b.see(path, http.StatusOK)
		if strings.Contains(text, "is not shown") {
			t.Errorf("%s leaves something out: %s", path, text)
		}
	}
}
