package e2e

import (
	"context"
	"encoding/json"
	"io"
	"maps"
	"net/http"
	"strings"
	"testing"

	"github.com/google/uuid"

	"github.com/auditflow/auditflow/httpapi"
)

// outsider is a client of an HTTP door that knows nothing of the rest.
type outsider struct{ url, token string }

func client8085() outsider { return outsider{stage.product.API.URL, stage.product.Token} }

// answer is one of an HTTP door's, read whole.
type answer struct {
	t      *testing.T
	status int
	header http.Header
	text   string
}

// ask sends a request; headers come in pairs and win over the usual ones.
func (o outsider) ask(ctx context.Context, method, path, body string, headers ...string) (answer, error) {
	r, err := http.NewRequestWithContext(ctx, method, o.url+path, strings.NewReader(body))
	if err != nil {
		return answer{}, err
	}
	if method == http.MethodPost {
		r.Header.Set("Content-Type", "application/json")
	}
	r.Header.Set("Authorization", "Bearer "+o.token)
	for i := 0; i < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	res, err := http.DefaultClient.Do(r)
	if err != nil {
		return answer{}, err
	}
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	return answer{status: res.StatusCode, header: res.Header, text: string(text)}, err
}

func (o outsider) send(t *testing.T, method, path, body string, headers ...string) answer {
	t.Helper()
	a, err := o.ask(t.Context(), method, path, body, headers...)
	if err != nil {
		t.Fatal(err)
	}
	a.t = t
	return a
}

func (o outsider) get(t *testing.T, path string, headers ...string) answer {
	t.Helper()
	return o.send(t, http.MethodGet, path, "", headers...)
}

// post sends one record; query is "" or begins with ?.
func (o outsider) post(t *testing.T, query, body string, headers ...string) answer {
	t.Helper()
	return o.send(t, http.MethodPost, httpapi.PathRecords+query, body, headers...)
}

// want fails the test unless the answer has the status. What is no success must be
// a problem that says what is wrong.
func (a answer) want(status int) answer {
	a.t.Helper()
	if a.status != status {
		a.t.Fatalf("status %d, want %d: %.500s", a.status, status, a.text)
	}
	if status >= 400 {
		var p httpapi.Problem
		a.read(&p)
		if a.header.Get("Content-Type") != "application/problem+json" || p.Status != status || p.Type == "" || p.Title == "" {
			a.t.Errorf("status %d without a problem document: %.500s", status, a.text)
		}
	}
	return a
}

func (a answer) read(into any) {
	a.t.Helper()
	if err := json.Unmarshal([]byte(a.text), into); err != nil {
		a.t.Fatalf("%v in %.500s", err, a.text)
	}
}

func (a answer) accepted() (r httpapi.Accepted) {
	a.t.Helper()
	a.read(&r)
	return r
}

// fields are a record as a client writes it.
type fields map[string]any

// posted is a good record of an execution of its own.
func posted(t *testing.T, changes fields) fields {
	f := fields{
		"execution_id": t.Name(), "execution_uid": uuid.NewString(), "workflow_ref": t.Name(), "action_type": "scale-deployment",
		"target_namespace": "shop", "success": true, "created_at": "2026-11-03T04:05:06.123456Z",
	}
	maps.Copy(f, changes)
	return f
}

func (f fields) uid() string { return f["execution_uid"].(string) }

func (f fields) json() string {
	text, err := json.Marshal(f)
	if err != nil {
		panic(err) // it is texts, numbers and lists of them
	}
	return string(text)
}
