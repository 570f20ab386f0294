package httpapi_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"reflect"
	"strings"
	"sync"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
	"sigs.k8s.io/yaml"

	"github.com/auditflow/auditflow/audit"
	"github.com/auditflow/auditflow/httpapi"
	"github.com/auditflow/auditflow/store/postgres"
)

// document is what is read of the OpenAPI document.
type document struct {
	Paths      map[string]map[string]struct{ Responses map[string]any }
	Components struct {
		Responses map[string]any
		Schemas   map[string]struct{ Properties map[string]any }
	}
}

func openapi() (d document, err error) {
	return d, yaml.Unmarshal(httpapi.OpenAPI, &d)
}

// answered are the operations and statuses of all answers in these tests.
var answered answers

type answers struct {
	mu   sync.Mutex
	seen map[string]bool // "GET /path 200"
}

// note takes what a door has counted, and fails the test on an answer that is
// not documented.
func (a *answers) note(t *testing.T, registry *prometheus.Registry) {
	t.Helper()
	doc, err := openapi()
	if err != nil {
		t.Fatal(err)
	}
	families, err := registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.seen == nil {
		a.seen = map[string]bool{}
	}
	for _, f := range families {
		for _, m := range f.GetMetric() {
			if f.GetName() != "auditflow_http_requests_total" {
				continue
			}
			route, status := m.GetLabel()[0].GetValue(), m.GetLabel()[1].GetValue() // in the order of their names
			method, path, ok := strings.Cut(route, " ")
			if !ok || method == http.MethodHead { // a method that is not for the path; what net/http derives
				continue
			}
			a.seen[route+" "+status] = true
			if doc.Paths[path][strings.ToLower(method)].Responses[status] == nil {
				t.Errorf("%s answered %s, which is not documented", route, status)
			}
		}
	}
}

// all tells what is documented and was not answered.
func (a *answers) all() error {
	doc, err := openapi()
	for path, methods := range doc.Paths {
		for method, operation := range methods {
			for status := range operation.Responses {
				if one := fmt.Sprintf("%s %s %s", strings.ToUpper(method), path, status); !a.seen[one] {
					err = errors.Join(err, fmt.Errorf("documented, but no test got it: %s", one))
				}
			}
		}
	}
	return err
}

func TestTheDocumentIsServedAndKnowsAllFieldsOfARecord(t *testing.T) {
	t.Parallel()
	a := open(t).send(http.MethodGet, "/openapi.yaml", "").want(t, http.StatusOK)
	doc, err := openapi()
	if err != nil || a.text != string(httpapi.OpenAPI) || !strings.HasPrefix(a.text, "openapi: 3.1") {
		t.Fatal(err)
	}
	var names []string
	for i, record := 0, reflect.TypeFor[audit.Record](); i < record.NumField(); i++ {
		name, _, _ := strings.Cut(record.Field(i).Tag.Get("json"), ",")
		names = append(names, name)
		if doc.Components.Schemas["Record"].Properties[name] == nil {
			t.Errorf("there is no %s in Record", name)
		}
	}
	if n := len(doc.Components.Schemas["Record"].Properties); n != len(names)+1 {
		t.Errorf("%d properties in Record, want those of the record and persisted_at", n)
	}
	if n := len(doc.Components.Schemas["NewRecord"].Properties); n != len(names)-5 {
		t.Errorf("%d properties in NewRecord, want all but the five that auditflow writes", n)
	}
	for _, reference := range strings.Split(a.text, `$ref: "#/components/`)[1:] {
		kind, rest, _ := strings.Cut(reference, "/")
		name, _, _ := strings.Cut(strings.SplitN(rest, `"`, 2)[0], "/")
		known := kind == "parameters" && strings.Contains(a.text, "\n    "+name+":") ||
			kind == "responses" && doc.Components.Responses[name] != nil || kind == "schemas" && doc.Components.Schemas[name].Properties != nil
		if !known {
			t.Errorf("a reference leads nowhere: %s/%s", kind, name)
		}
	}
}

func TestEveryQuestionIsAnsweredAsDocumented(t *testing.T) {
	t.Parallel()
	token := account(t, "http-questions")
	gone, err := postgres.Open(t.Context(), postgres.Config{URL: "postgres://reader@127.0.0.1:1/audit"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(gone.Close)
	reading := func(s *postgres.Store) option {
		return func(c *httpapi.Config, _ *httpapi.Server) { c.Reader = rows{s} }
	}
	guarded, free, dead := inCluster(t), open(t, reading(store)), open(t, reading(gone), func(c *httpapi.Config, _ *httpapi.Server) {
		c.Ready = func(context.Context) error { return errors.New("not yet") }
	})
	for _, path := range []string{"failures", "slow", "durations", "retries", "resources", ""} {
		path = httpapi.PathReports + path
		if path == httpapi.PathReports {
			path = httpapi.PathRecords
		}
		free.send(http.MethodGet, path, "").want(t, http.StatusOK)
		free.send(http.MethodGet, path+"?colour=red", "").want(t, http.StatusBadRequest)
		free.send(http.MethodGet, path, "", "Accept", "text/html").want(t, http.StatusNotAcceptable)
		dead.send(http.MethodGet, path, "").want(t, http.StatusServiceUnavailable)
		guarded.send(http.MethodGet, path, "").want(t, http.StatusUnauthorized)
		guarded.send(http.MethodGet, path, "", "Authorization", token()).want(t, http.StatusForbidden)
	}
	one := httpapi.PathRecords + "/" + audit.ID("nowhere", "nobody")
	free.send(http.MethodGet, one, "").want(t, http.StatusNotFound)
	free.send(http.MethodGet, one+"?colour=red", "").want(t, http.StatusBadRequest)
	free.send(http.MethodGet, one, "", "Accept", "text/html").want(t, http.StatusNotAcceptable)
	dead.send(http.MethodGet, one, "").want(t, http.StatusServiceUnavailable)
	dead.send(http.MethodGet, "/readyz", "").want(t, http.StatusServiceUnavailable)
}
