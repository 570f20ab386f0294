package main

import (
	"context"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/auditflow/auditflow/audit"
	"github.com/auditflow/auditflow/httpapi"
	"github.com/auditflow/auditflow/store/postgres"
	"github.com/auditflow/auditflow/workflows"
)

// shelf is a door that reads from a database of a test's own; nothing is posted
// to it.
type shelf struct {
	t        *testing.T
	url      string
	store    *postgres.Store
	database string // its URL
}

// template is the name of a migrated database, of which each test gets a copy.
var template = sync.OnceValues(func() (name string, err error) {
	address, err := database.NewDatabase(context.Background(), "")
	if err != nil {
		return "", err
	}
	store, err := postgres.Open(context.Background(), postgres.Config{URL: address})
	if err != nil {
		return "", err
	}
	defer store.Close()
	parsed, err := url.Parse(address)
	if err != nil {
		return "", err
	}
	return strings.TrimPrefix(parsed.Path, "/"), store.Migrate(context.Background())
})

func newShelf(t *testing.T) *shelf {
	t.Helper()
	from, err := template()
	if err != nil {
		t.Fatal(err)
	}
	address, err := database.NewDatabase(t.Context(), from)
	if err != nil {
		t.Fatal(err)
	}
	s := &shelf{t: t, database: address}
	if s.store, err = postgres.Open(t.Context(), postgres.Config{URL: address}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.store.Close)
	reads, closeReader, err := openReader(t.Context(), postgres.Config{URL: address})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(closeReader)
	s.serve(reads)
	return s
}

func (s *shelf) serve(reads httpapi.Reader) {
	s.t.Helper()
	handler, err := httpapi.New(httpapi.Config{
		Starter: &workflows.Starter{Redactor: redactor}, Cluster: "prod", Limits: httpapi.DefaultLimits(),
		Access: httpapi.Access{Everybody: true}, Reader: reads, Ready: func(context.Context) error { return nil },
		Metrics: http.NotFoundHandler(), Registerer: prometheus.NewRegistry(), Log: slog.New(slog.DiscardHandler),
	})
	if err != nil {
		s.t.Fatal(err)
	}
	server := httptest.NewServer(handler)
	s.t.Cleanup(server.Close)
	s.url = server.URL
}

// fill stores n records, a minute apart, every third of which failed.
func (s *shelf) fill(n int) (records []audit.Record) {
	s.t.Helper()
	begin := time.Now().UTC().Add(-2 * time.Hour).Truncate(time.Second)
	for i := range n {
		at, took := begin.Add(time.Duration(i)*time.Minute), time.Duration(i)*time.Second
		r := audit.Record{
			ID: audit.ID("prod", fmt.Sprint(i)), ExecutionID: fmt.Sprintf("ex-%d", i), WorkflowRef: "wf", StepIndex: int32(i),
			ActionType: "scale", TargetNamespace: fmt.Sprintf("prod-%d", i%2), TargetResourceName: "=1+1", Success: i%3 != 0, Phase: "Completed",
			ActionParameters: json.RawMessage(`{"replicas":3}`), Output: "a, \"b\"\nc", RetryCount: int32(i % 2), Duration: &took,
			JobResourceUsage: &audit.ResourceUsage{CPUMillicores: 100, MemoryBytes: 1 << 20},
			CreatedAt:        at, CompletedAt: at, Cluster: "prod", Source: "KubernetesExecution",
		}
		r.RecordSHA256 = r.Digest()
		records = append(records, r)
	}
	if _, err := s.store.Append(s.t.Context(), records); err != nil {
		s.t.Fatal(err)
	}
	return records
}

// page is what a list answers.
type page struct {
	Items []audit.Persisted `json:"items"`
	Next  string            `json:"next"`
}

// headers are what stood before an answer and after it.
type headers struct{ Header, Trailer http.Header }

func (s *shelf) get(path string, status int, header ...string) (text string, about headers) {
	s.t.Helper()
	r, err := http.NewRequestWithContext(s.t.Context(), http.MethodGet, s.url+path, nil)
	if err != nil {
		s.t.Fatal(err)
	}
	for i := 0; i < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	res, err := http.DefaultClient.Do(r)
	if err != nil {
		s.t.Fatal(err)
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if err != nil {
		s.t.Fatal(err)
	}
	if res.StatusCode != status {
		s.t.Fatalf("GET %s: status %d, want %d: %s", path, res.StatusCode, status, body)
	}
	return string(body), headers{res.Header, res.Trailer}
}

func (s *shelf) page(query string) (p page) {
	s.t.Helper()
	text, _ := s.get(httpapi.PathRecords+query, http.StatusOK)
	if err := json.Unmarshal([]byte(text), &p); err != nil {
		s.t.Fatalf("%v in %s", err, text)
	}
	return p
}

func TestPagesFollowEachOtherByTheirCursorAndMeetEveryRecordOnce(t *testing.T) {
	t.Parallel()
	s := newShelf(t)
	records := s.fill(7)
	for _, order := range []string{"false", "true"} {
		var seen []string
		for next, pages := "", 0; pages == 0 || next != ""; pages++ {
			p := s.page("?limit=3&oldest_first=" + order + "&after=" + next)
			for _, item := range p.Items {
				seen = append(seen, item.ID)
			}
			next = p.Next
		}
		if len(seen) != 7 || order == "true" && seen[0] != records[0].ID || order == "false" && seen[0] != records[6].ID {
			t.Errorf("oldest first %s: %v", order, seen)
		}
	}
	if p := s.page("?limit=7"); len(p.Items) != 7 || p.Next != "" {
		t.Errorf("a page of all says that there are more: %q", p.Next)
	}
}

func TestEachFilterFindsWhatItSays(t *testing.T) {
	t.Parallel()
	s := newShelf(t)
	records := s.fill(7)
	for query, want := range map[string]int{
		"": 7, "?execution=ex-3": 1, "?workflow=wf": 7, "?workflow=other": 0, "?action=scale&success=false": 3, "?success=true": 4,
		"?namespace=prod-1": 3, "?namespace=prod-*": 7, "?min_duration=5s": 2, "?min_retries=1": 3, "?phase=Failed": 0,
		"?cluster=prod&name=%3D1%2B1": 7, "?kind=Pod": 0, "?since=1s": 0, "?since=3h": 7, "?to=2001-01-01": 0,
		"?from=" + records[5].CreatedAt.Format(time.RFC3339): 2,
	} {
		if p := s.page(query); len(p.Items) != want {
			t.Errorf("%s: %d records, want %d", query, len(p.Items), want)
		}
	}
}

func TestARowIsReadBackByItsID(t *testing.T) {
	t.Parallel()
	s := newShelf(t)
	want := s.fill(1)[0]
	text, _ := s.get(httpapi.PathRecords+"/"+want.ID, http.StatusOK)
	var got audit.Persisted
	if err := json.Unmarshal([]byte(text), &got); err != nil || got.PersistedAt.IsZero() || got.Digest() != want.RecordSHA256 {
		t.Errorf("%v: %s", err, text)
	}
	s.get(httpapi.PathRecords+"/"+audit.ID("prod", "another"), http.StatusNotFound)
	s.get(httpapi.PathRecords+"/canary", http.StatusBadRequest)
}

func TestTheSameRowsComeAsLinesAndAsCSV(t *testing.T) {
	t.Parallel()
	s := newShelf(t)
	s.fill(3)
	text, res := s.get(httpapi.PathRecords+"?limit=2", http.StatusOK, "Accept", "application/x-ndjson")
	if n := strings.Count(text, "\n"); n != 2 || res.Trailer.Get("Next-Cursor") == "" {
		t.Errorf("%d lines, next %q", n, res.Trailer.Get("Next-Cursor"))
	}
	text, _ = s.get(httpapi.PathRecords, http.StatusOK, "Accept", "text/html, text/csv;q=0.5")
	rows, err := csv.NewReader(strings.NewReader(text)).ReadAll()
	if err != nil || len(rows) != 4 {
		t.Fatalf("%v: %s", err, text)
	}
	cells := map[string]string{}
	for i, name := range rows[0] {
		cells[name] = rows[1][i]
	}
	for name, want := range map[string]string{
		"execution_id": "ex-2", "output": "a, \"b\"\nc", "target_resource_name": "'=1+1", "action_parameters": `{"replicas":3}`,
		"success": "true", "duration": "2000000000", "job_exit_code": "", "start_time": "", "step_index": "2",
		"job_resource_usage": `{"cpu_millicores":100,"memory_bytes":1048576}`,
	} {
		if cells[name] != want {
			t.Errorf("%s is %q, want %q", name, cells[name], want)
		}
	}
	s.get(httpapi.PathRecords, http.StatusNotAcceptable, "Accept", "text/html")
}

func TestReportsAnswerTheQuestionsOfTheSeed(t *testing.T) {
	t.Parallel()
	s := newShelf(t)
	s.fill(7)
	for path, want := range map[string]int{
		"failures": 3, "failures?limit=2": 2, "failures?since=1s": 0, "slow?over=4s": 2, "slow": 0,
		"durations": 1, "durations?all=true": 1, "retries": 1, "resources": 1, "resources?to=2001-01-01": 0,
	} {
		text, _ := s.get(httpapi.PathReports+path, http.StatusOK)
		var p struct {
			Items []map[string]any `json:"items"`
		}
		if err := json.Unmarshal([]byte(text), &p); err != nil || len(p.Items) != want || p.Items == nil {
			t.Errorf("%s: %v, want %d: %s", path, err, want, text)
		}
	}
	text, _ := s.get(httpapi.PathReports+"durations", http.StatusOK)
	if !strings.Contains(text, `"total_executions":4`) {
		t.Errorf("failed ones count: %s", text)
	}
	s.get(httpapi.PathReports+"failures", http.StatusOK, "Accept", "text/csv")
	s.get(httpapi.PathReports+"retries", http.StatusNotAcceptable, "Accept", "text/csv")
}

func TestQuestionsThatMakeNoSenseNameTheParameter(t *testing.T) {
	t.Parallel()
	s := newShelf(t)
	for query, field := range map[string]string{
		"?colour=red": "colour", "?limit=0": "limit", "?limit=x": "limit", "?success=perhaps": "success", "?from=canary": "from",
		"?since=24": "since", "?since=1h&from=2026-01-01": "since", "?from=2026-02-01&to=2026-01-01": "from", "?after=canary": "after",
		"?namespace=a%00": "namespace", "?action=a&action=b": "action", "?min_retries=-1": "min_retries", "?min_duration=-1s": "min_duration",
	} {
		text, _ := s.get(httpapi.PathRecords+query, http.StatusBadRequest)
		var p httpapi.Problem
		if err := json.Unmarshal([]byte(text), &p); err != nil || len(p.Errors) != 1 || p.Errors[0].Field != field || strings.Contains(text, "canary") {
			t.Errorf("%s: %v: %s", query, err, text)
		}
	}
	s.get(httpapi.PathReports+"slow?colour=red", http.StatusBadRequest)
}

func TestWithoutItsDatabaseTheDoorSaysSo(t *testing.T) {
	t.Parallel()
	reads, closeReader, err := openReader(t.Context(), postgres.Config{URL: "postgres://reader:canary@127.0.0.1:1/audit"})
	if err != nil {
		t.Fatal(err)
	}
	defer closeReader()
	s := &shelf{t: t}
	s.serve(reads)
	for _, path := range []string{httpapi.PathRecords, httpapi.PathRecords + "/" + audit.ID("a", "b"), httpapi.PathReports + "retries"} {
		if text, res := s.get(path, http.StatusServiceUnavailable); res.Header.Get("Retry-After") == "" || strings.Contains(text, "canary") {
			t.Errorf("%s: %v %s", path, res.Header, text)
		}
	}
	s.serve(nil)
	s.get(httpapi.PathRecords, http.StatusMethodNotAllowed)
	s.get(httpapi.PathReports+"retries", http.StatusNotFound)
}
