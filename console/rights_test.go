package console

import (
	"context"
	"errors"
	"iter"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/auditflow/auditflow/audit"
)

// shelf has one row in each of two namespaces; what else a Reader answers, nobody may
// ask for here.
type shelf struct{ Reader }

func rowIn(namespace string) Row {
	r := audit.Record{ID: audit.ID("c", namespace), ExecutionID: "in-" + namespace, TargetNamespace: namespace, CreatedAt: time.Now(), Cluster: "c"}
	r.RecordSHA256 = r.Digest()
	return Row{Persisted: audit.Persisted{Record: r}}
}

func (shelf) Find(_ context.Context, q Query) iter.Seq2[Row, error] {
	return func(yield func(Row, error) bool) { yield(rowIn(q.Namespace), nil) }
}

func (shelf) Get(_ context.Context, id string) (Row, error) {
	for _, namespace := range []string{"shop", "vault"} {
		if row := rowIn(namespace); row.ID == id {
			return row, nil
		}
	}
	return Row{}, ErrNotFound
}

func (shelf) Holds(context.Context, bool) ([]audit.Hold, error)          { return nil, nil }
func (shelf) Restores(context.Context) ([]audit.Restore, error)          { return nil, nil }
func (shelf) Archived(context.Context, string) ([]audit.Archived, error) { return nil, nil }

// shopkeeper may read what was done in namespace shop; everybody is one.
type shopkeeper struct{ away error }

func (s shopkeeper) Visitor(*http.Request) (Visitor, error)          { return s, s.away }
func (s shopkeeper) Holder(context.Context, string) (Visitor, error) { return s, s.away }
func (shopkeeper) Name() string                                      { return "user:shopkeeper" }
func (shopkeeper) May(_ context.Context, verb, _, namespace string) error {
	if strings.ContainsAny(namespace, "*?") { // no namespace: nobody may be asked about it, so an answer must not matter
		return nil
	}
	if namespace == "shop" && (verb == "get" || verb == "list") {
		return nil
	}
	return ErrForbidden
}

func answerOf(t *testing.T, g Guard, path string) *httptest.ResponseRecorder {
	t.Helper()
	h, err := New(Config{Reader: shelf{}, Guard: g, Cluster: "c", Session: time.Hour, Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), http.MethodGet, path, nil))
	return w
}

func TestWhoMayReadOneNamespaceReadsNoOther(t *testing.T) {
	t.Parallel()
	for path, status := range map[string]int{
		"/?namespace=shop": http.StatusOK, "/executions/" + rowIn("shop").ID: http.StatusOK,
		"/": http.StatusForbidden, "/?namespace=vault": http.StatusForbidden, "/?namespace=sho*": http.StatusForbidden,
		"/executions/" + rowIn("vault").ID: http.StatusNotFound, "/executions/" + rowIn("nowhere").ID: http.StatusNotFound,
		"/trends": http.StatusForbidden, "/timeline": http.StatusForbidden, "/status": http.StatusForbidden,
	} {
		w := answerOf(t, shopkeeper{}, path)
		if w.Code != status || status != http.StatusOK && strings.Contains(w.Body.String(), "in-") {
			t.Errorf("%s: status %d, want %d: %s", path, w.Code, status, w.Body)
		}
	}
	if text := answerOf(t, shopkeeper{}, "/").Body.String(); !strings.Contains(text, "Name one namespace") || !strings.Contains(text, `name="namespace"`) {
		t.Errorf("who may not list everything is not told what to do: %s", text)
	}
}

func TestWhatIsHiddenLooksLikeWhatIsNotThere(t *testing.T) {
	t.Parallel()
	body := func(namespace string) string {
		text := answerOf(t, shopkeeper{}, "/executions/"+rowIn(namespace).ID).Body.String()
		_, text, _ = strings.Cut(text, "<main")
		text, _, _ = strings.Cut(text, "</main>")
		return text
	}
	if hidden, absent := body("vault"), body("nowhere"); hidden != absent {
		t.Errorf("hidden %s, absent %s", hidden, absent)
	}
}

func TestNobodyReadsWhileNobodyCanTellWhoItIs(t *testing.T) {
	t.Parallel()
	w := answerOf(t, shopkeeper{away: errors.New("canary")}, "/?namespace=shop")
	if w.Code != http.StatusServiceUnavailable || w.Header().Get("Retry-After") == "" || strings.Contains(w.Body.String(), "canary") {
		t.Errorf("status %d: %s", w.Code, w.Body)
	}
}

func TestALoginEndsWhenItsTimeIsOverWhateverTheBrowserKeeps(t *testing.T) {
	t.Parallel()
	now := time.Now()
	c := &console{Config: Config{Session: time.Hour, Now: func() time.Time { return now }}}
	r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/", nil)
	for value, want := range map[string]bool{
		"": false, "x": false, ".dG9rZW4": false, "99999999999.dG9rZW4": true, "99999999999.": false, "99999999999.%%": false, "1.dG9rZW4": false,
	} {
		r.Header.Set("Cookie", sessionCookie+"="+value)
		if _, ok := c.session(r); ok != want {
			t.Errorf("%q counts: %v", value, ok)
		}
	}
}
