package httpapi_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/auditflow/auditflow/audit"
	"github.com/auditflow/auditflow/httpapi"
)

func TestEveryFaultIsToldWithItsFieldAndWithoutContent(t *testing.T) {
	t.Parallel()
	d := open(t)
	deep := strings.Repeat("[", audit.MaxDepth) + strings.Repeat("]", audit.MaxDepth)
	for name, tc := range map[string]struct {
		body   string
		status int
		field  string // "-" for a fault of the document
	}{
		"nothing":                       {"", 400, "-"},
		"no JSON":                       {"canary", 400, "-"},
		"half a document":               {`{"execution_id":"canary`, 400, "-"},
		"trailing garbage":              {body(t) + "canary", 400, "-"},
		"two documents":                 {body(t) + body(t), 400, "-"},
		"NaN":                           {body(t, "step_index", "NaN"), 400, "-"},
		"a byte that is not UTF-8":      {body(t, "output", "\"canary\xff\""), 400, "-"},
		"a byte order mark":             {"\ufeff" + body(t), 400, "-"},
		"an array":                      {"[" + body(t) + "]", 422, ""},
		"nested too deep":               {body(t, "action_parameters", deep), 413, "-"},
		"a field that is unknown":       {body(t, "job_exitcode", "3"), 422, "job_exitcode"},
		"a field in another case":       {body(t, "Success", "true"), 422, "Success"},
		"a name that may be a secret":   {body(t, "canary0123456789", "3"), 422, "(a name that is not quoted)"},
		"a name twice":                  {strings.Replace(body(t), "{", `{"success":false,`, 1), 422, "success"},
		"a name twice in parameters":    {body(t, "action_parameters", `{"a":[{"canary":1,"canary":2}]}`), 422, "action_parameters"},
		"a name twice in usage":         {body(t, "job_resource_usage", `{"memory_bytes":1,"memory_bytes":2}`), 422, "job_resource_usage"},
		"an unknown name in usage":      {body(t, "job_resource_usage", `{"canary":1}`), 422, "job_resource_usage"},
		"text for a truth":              {body(t, "success", `"canary"`), 422, "success"},
		"no word about success":         {body(t, "success", ""), 422, "success"},
		"null for success":              {body(t, "success", "null"), 422, "success"},
		"a number for text":             {body(t, "action_type", "7"), 422, "action_type"},
		"a step beyond 32 bits":         {body(t, "step_index", "2147483648"), 422, "step_index"},
		"a step that is no whole one":   {body(t, "step_index", "1.5"), 422, "step_index"},
		"a step beyond any number":      {body(t, "step_index", "1e999"), 422, "step_index"},
		"a negative step":               {body(t, "step_index", "-1"), 422, "step_index"},
		"negative retries":              {body(t, "retry_count", "-1"), 422, "retry_count"},
		"a negative duration":           {body(t, "duration", "-1"), 422, "duration"},
		"a duration as text":            {body(t, "duration", `"canary"`), 422, "duration"},
		"an exit code beyond 32 bits":   {body(t, "job_exit_code", "4294967296"), 422, "job_exit_code"},
		"a time that is none":           {body(t, "start_time", `"canary"`), 422, "start_time"},
		"a leap second":                 {body(t, "start_time", `"2016-12-31T23:59:60Z"`), 422, "start_time"},
		"created before computers":      {body(t, "created_at", `"1969-12-31T23:59:59Z"`), 422, "created_at"},
		"created in the year 300000":    {body(t, "created_at", `"300000-01-01T00:00:00Z"`), 422, "created_at"},
		"no name":                       {body(t, "execution_id", `""`), 422, "execution_id"},
		"no action":                     {body(t, "action_type", ""), 422, "action_type"},
		"half a character":              {body(t, "output", `"canary \ud800"`), 422, "output"},
		"the other half":                {body(t, "output", `"\udc00 canary"`), 422, "output"},
		"two first halves":              {body(t, "output", `"\ud800\ud800"`), 422, "output"},
		"a UID that is none":            {body(t, "execution_uid", `"canary"`), 422, "execution_uid"},
		"a kind that is none":           {body(t, "source", `"a/../canary"`), 422, "source"},
		"another cluster":               {body(t, "cluster", `"canary"`), 422, "cluster"},
		"an id of one's own":            {body(t, "id", `"0b0e2b1e-6b7a-4a52-9d53-3c1f0c6f5a11"`), 422, "id"},
		"what auditflow writes":         {body(t, "delivered_by", `"canary"`), 422, "delivered_by"},
		"a note of one's own":           {body(t, "notes", `[{"change":"canary","path":"","count":1}]`), 422, "notes"},
		"what the row's digest will be": {body(t, "record_sha256", `"canary"`), 422, "record_sha256"},
	} {
		a := d.post(tc.body)
		if a.StatusCode != tc.status || a.problem.Type == "" || a.Header.Get("Content-Type") != "application/problem+json" {
			t.Errorf("%s: status %d, want %d: %s", name, a.StatusCode, tc.status, a.text)
		}
		if strings.Contains(a.text, "canary") {
			t.Errorf("%s: the answer quotes the body: %s", name, a.text)
		}
		named := len(a.problem.Errors) == 1 && a.problem.Errors[0].Field == tc.field && a.problem.Errors[0].Rule != ""
		if tc.field != "-" && !named {
			t.Errorf("%s: want a fault of %q alone: %s", name, tc.field, a.text)
		}
	}
}

func TestAllFaultsOfARecordComeAtOnce(t *testing.T) {
	t.Parallel()
	a := open(t).post(`{"execution_id":7,"step_index":"x","success":1}`).want(t, http.StatusUnprocessableEntity)
	if len(a.problem.Errors) != 3 {
		t.Error(a.text)
	}
}

func TestOfVeryManyFaultsAHundredAreTold(t *testing.T) {
	t.Parallel()
	a := open(t).post(`{`+strings.Repeat(`"a":1,`, 150_000)+`"a":1}`).want(t, http.StatusUnprocessableEntity)
	if len(a.problem.Errors) != 100 || a.problem.Detail != "and 149902 more" {
		t.Errorf("%d bytes, %d faults, %q", len(a.text), len(a.problem.Errors), a.problem.Detail)
	}
}

func TestStrangeButHonestRecordsAreStoredAsTheOtherDoorStoresThem(t *testing.T) {
	t.Parallel()
	d := open(t)
	for i, tc := range []struct {
		name, value, note string
	}{
		{"execution_id", `"../` + strings.Repeat("é", 300) + `"`, audit.ChangeTruncated},
		{"output", `"a\u0000b \ud83d\ude00"`, audit.ChangeNUL},
		{"action_parameters", `{"n":1e100000}`, audit.ChangeNumber},
		{"action_parameters", `{"s":"\ud800"}`, audit.ChangeUTF8},
		{"workflow_ref", `"=cmd|'; DROP TABLE x;--%00\u202e"`, ""},
		{"end_time", `"9999-12-31T23:59:59Z"`, ""},
		{"step_index", `-0`, ""},
	} {
		key := fmt.Sprintf("%s-%d", t.Name(), i)
		changes := []string{"execution_id", string(quoted(key)), tc.name, tc.value}
		a := d.send(http.MethodPost, httpapi.PathRecords+"?wait=persisted", body(t, changes...)).want(t, http.StatusCreated)
		row, err := store.Get(t.Context(), a.ID)
		if err != nil {
			t.Fatal(err)
		}
		if tc.note != "" && (len(row.Notes) != 1 || row.Notes[0].Change != tc.note || row.Notes[0].Path != tc.name) {
			t.Errorf("%s %.40s: notes %v, want %s", tc.name, tc.value, row.Notes, tc.note)
		}
		if tc.note == "" && len(row.Notes) > 0 {
			t.Errorf("%s %.40s: notes %v", tc.name, tc.value, row.Notes)
		}
	}
}

func TestOtherMethodsPathsAndMediaTypesAreRefusedAsProblems(t *testing.T) {
	t.Parallel()
	d := open(t)
	if a := d.send(http.MethodDelete, httpapi.PathRecords, "").want(t, http.StatusMethodNotAllowed); a.Header.Get("Allow") != "POST" {
		t.Errorf("Allow is %q", a.Header.Get("Allow"))
	}
	if a := d.send(http.MethodPost, "/metrics", "").want(t, http.StatusMethodNotAllowed); a.Header.Get("Allow") != "GET, HEAD" {
		t.Errorf("Allow is %q", a.Header.Get("Allow"))
	}
	d.send(http.MethodGet, "/canary", "").want(t, http.StatusNotFound)
	for _, header := range [][]string{
		{"Content-Type", "text/html"}, {"Content-Type", ""}, {"Content-Type", "application/json; charset=latin1"},
		{"Content-Encoding", "gzip"}, {"Content-Type", "application/x-ndjson"},
	} {
		if a := d.post(body(t), header...).want(t, http.StatusUnsupportedMediaType); a.problem.Type == "" {
			t.Errorf("%v: %s", header, a.text)
		}
	}
	d.post(body(t), "Content-Type", "Application/JSON; charset=UTF-8").want(t, http.StatusCreated)
	for _, path := range []string{"/healthz", "/readyz", "/metrics"} {
		d.send(http.MethodGet, path, "").want(t, http.StatusOK)
	}
}

func TestWithoutTemporalNobodyIsToldThatARecordIsSafe(t *testing.T) {
	t.Parallel()
	lost, err := lostTemporal()
	if err != nil {
		t.Fatal(err)
	}
	defer lost.Client.Close()
	d := open(t, func(c *httpapi.Config, _ *httpapi.Server) {
		c.Starter, c.Limits.StartTimeout = lost, 300*time.Millisecond
	})
	a := d.post(body(t)).want(t, http.StatusServiceUnavailable)
	if a.Header.Get("Retry-After") == "" || a.problem.Type != "urn:auditflow:problem:unavailable" {
		t.Errorf("answered %s, Retry-After %q", a.text, a.Header.Get("Retry-After"))
	}
}
