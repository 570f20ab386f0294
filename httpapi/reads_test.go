package httpapi_test

import (
	"context"
	"errors"
	"iter"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/auditflow/auditflow/audit"
	"github.com/auditflow/auditflow/httpapi"
	"github.com/auditflow/auditflow/store/postgres"
)

// rows reads from the database of these tests, as far as they ask. What cmd/api
// reads with is tested there.
type rows struct{ store *postgres.Store }

func (r rows) Get(ctx context.Context, id string) (audit.Persisted, error) {
	row, err := r.store.Get(ctx, id)
	if errors.Is(err, postgres.ErrNotFound) {
		err = httpapi.ErrNotFound
	}
	return audit.Persisted{Record: row.Record, PersistedAt: row.PersistedAt}, err
}

func (rows) CursorOf(audit.Persisted) string { return "more" }

func (r rows) Find(ctx context.Context, q httpapi.Query) iter.Seq2[audit.Persisted, error] {
	return persisted(r.store.Find(ctx, postgres.Query{Filter: postgres.Filter{Namespace: q.Namespace, Cluster: q.Cluster}, Limit: q.Limit}))
}

func (r rows) Failures(ctx context.Context, within httpapi.Range, limit int) iter.Seq2[audit.Persisted, error] {
	return persisted(r.store.Failures(ctx, postgres.Range(within), limit))
}

func (r rows) Slow(ctx context.Context, within httpapi.Range, over time.Duration, limit int) iter.Seq2[audit.Persisted, error] {
	return persisted(r.store.Slow(ctx, postgres.Range(within), over, limit))
}

func (r rows) Durations(ctx context.Context, within httpapi.Range, failedToo bool) ([]any, error) {
	_, err := r.store.Durations(ctx, postgres.Range(within), failedToo)
	return nil, err
}

func (r rows) Retries(ctx context.Context, within httpapi.Range) ([]any, error) {
	_, err := r.store.Retries(ctx, postgres.Range(within))
	return nil, err
}

func (r rows) Resources(ctx context.Context, within httpapi.Range) ([]any, error) {
	_, err := r.store.Resources(ctx, postgres.Range(within))
	return nil, err
}

func persisted(all iter.Seq2[postgres.Row, error]) iter.Seq2[audit.Persisted, error] {
	return func(yield func(audit.Persisted, error) bool) {
		for row, err := range all {
			if !yield(audit.Persisted{Record: row.Record, PersistedAt: row.PersistedAt}, err) {
				return
			}
		}
	}
}

func TestTheLocationOfARecordAnswersWithItsRow(t *testing.T) {
	t.Parallel()
	d := open(t, func(c *httpapi.Config, _ *httpapi.Server) { c.Reader = rows{store} })
	a := d.send(http.MethodPost, httpapi.PathRecords+"?wait=persisted", body(t)).want(t, http.StatusCreated)
	got := d.send(http.MethodGet, a.Header.Get("Location"), "").want(t, http.StatusOK)
	if !strings.Contains(got.text, `"execution_id":"`+t.Name()+`"`) {
		t.Error(got.text)
	}
	if head := d.send(http.MethodHead, a.Header.Get("Location"), "").want(t, http.StatusOK); head.text != "" {
		t.Errorf("HEAD has a body: %s", head.text)
	}
	if put := d.send(http.MethodPut, httpapi.PathRecords, "").want(t, http.StatusMethodNotAllowed); put.Header.Get("Allow") != "GET, HEAD, POST" {
		t.Errorf("Allow is %q", put.Header.Get("Allow"))
	}
}

func TestAnAnswerThatFailsHalfWayIsBrokenOff(t *testing.T) {
	t.Parallel()
	d := open(t, func(c *httpapi.Config, _ *httpapi.Server) { c.Reader = failing{} })
	if a, err := http.Get(d.url + httpapi.PathRecords); err == nil {
		defer a.Body.Close()
		var all [1 << 10]byte
		for err == nil {
			_, err = a.Body.Read(all[:])
		}
		if err.Error() == "EOF" {
			t.Error("the part is taken for the whole")
		}
	}
}

// failing yields one row and an error, as a database does that goes away.
type failing struct{ httpapi.Reader }

func (failing) Find(context.Context, httpapi.Query) iter.Seq2[audit.Persisted, error] {
	return func(yield func(audit.Persisted, error) bool) {
		_ = yield(audit.Persisted{}, nil) && yield(audit.Persisted{}, errors.New("gone"))
	}
}

func TestAServiceAccountReadsWhatItsRoleSays(t *testing.T) {
	t.Parallel()
	token := account(t, "http-reads")
	own := body(t, "target_namespace", `"http-reads"`)
	eventually(t, "the API server knows the role", func() bool { // remembered refusals last ten seconds
		return inCluster(t).post(own, "Authorization", token()).StatusCode == http.StatusCreated
	})
	d := inCluster(t)
	mine := d.send(http.MethodPost, httpapi.PathRecords+"?wait=persisted", own, "Authorization", token()).want(t, http.StatusCreated)
	other := open(t).send(http.MethodPost, httpapi.PathRecords+"?wait=persisted",
		body(t, "target_namespace", `"kube-system"`, "execution_id", `"of another"`)).want(t, http.StatusCreated)
	for path, status := range map[string]int{
		httpapi.PathRecords + "?namespace=http-reads":    200,
		httpapi.PathRecords + "?namespace=http-reads%2A": 403, // might be another's
		httpapi.PathRecords + "?namespace=kube-system":   403,
		httpapi.PathRecords:                              403,
		httpapi.PathRecords + "/" + mine.ID:              200,
		httpapi.PathRecords + "/" + other.ID:             404, // not even that it is there
		httpapi.PathReports + "retries":                  403,
		httpapi.PathReports + "failures":                 403,
	} {
		if a := d.send(http.MethodGet, path, "", "Authorization", token()); a.StatusCode != status {
			t.Errorf("%s: status %d, want %d: %s", path, a.StatusCode, status, a.text)
		}
		d.send(http.MethodGet, path, "").want(t, http.StatusUnauthorized)
	}
	list := d.send(http.MethodGet, httpapi.PathRecords+"?namespace=http-reads", "", "Authorization", token())
	if !strings.Contains(list.text, mine.ID) || strings.Contains(list.text, other.ID) {
		t.Error(list.text)
	}
}

// One database has records of many clusters, with namespaces of the same names.
func TestARoleMayBeForSomeClusters(t *testing.T) {
	t.Parallel()
	token := account(t, "http-clusters", "prod")
	own := body(t, "target_namespace", `"http-clusters"`)
	eventually(t, "the API server knows the role", func() bool { // remembered refusals last ten seconds
		return inCluster(t).post(own, "Authorization", token()).StatusCode == http.StatusCreated
	})
	d := inCluster(t)
	mine := d.send(http.MethodPost, httpapi.PathRecords+"?wait=persisted", own, "Authorization", token()).want(t, http.StatusCreated)
	other := open(t, func(c *httpapi.Config, _ *httpapi.Server) { c.Cluster = "stage" }).
		send(http.MethodPost, httpapi.PathRecords+"?wait=persisted", own).want(t, http.StatusCreated)
	if mine.ID == other.ID {
		t.Fatal("two clusters have one record")
	}
	for path, status := range map[string]int{
		"?namespace=http-clusters&cluster=prod":  200,
		"?namespace=http-clusters&cluster=stage": 403,
		"?namespace=http-clusters":               403,
		"/" + mine.ID:                            200,
		"/" + other.ID:                           404,
	} {
		if a := d.send(http.MethodGet, httpapi.PathRecords+path, "", "Authorization", token()); a.StatusCode != status {
			t.Errorf("%s: status %d, want %d: %s", path, a.StatusCode, status, a.text)
		}
	}
	list := d.send(http.MethodGet, httpapi.PathRecords+"?namespace=http-clusters&cluster=prod", "", "Authorization", token())
	if !strings.Contains(list.text, mine.ID) || strings.Contains(list.text, other.ID) {
		t.Error(list.text)
	}
}
