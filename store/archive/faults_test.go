package archive_test

import (
	"bytes"
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"strconv"
	"sync/atomic"
	"testing"

	"github.com/auditflow/auditflow/audit"
	"github.com/auditflow/auditflow/store/archive"
)

// trouble stands between an archive and the S3 server. It hands requests on, but
// for those that it is told to spoil.
type trouble struct {
	proxy  *httputil.ReverseProxy
	spoil  atomic.Pointer[func(http.ResponseWriter, *http.Request, http.Handler)]
	spoilt atomic.Int64
}

func newTrouble(t *testing.T) (*trouble, string) {
	t.Helper()
	target, err := url.Parse(server.Endpoint)
	must(t, err)
	tr := &trouble{proxy: &httputil.ReverseProxy{
		Rewrite: func(r *httputil.ProxyRequest) {
			r.SetURL(target)
			r.Out.Host = r.In.Host // which is signed
		},
		ErrorHandler: func(w http.ResponseWriter, _ *http.Request, _ error) { w.WriteHeader(http.StatusBadGateway) },
	}}
	s := httptest.NewServer(tr)
	t.Cleanup(s.Close)
	return tr, s.URL
}

func (tr *trouble) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if spoil := tr.spoil.Load(); spoil != nil {
		(*spoil)(w, r, tr.proxy)
		return
	}
	tr.proxy.ServeHTTP(w, r)
}

// on spoils requests of one method for segments, the first ones or all.
func (tr *trouble) on(method string, first int64, how func(http.ResponseWriter, *http.Request, http.Handler)) {
	tr.spoilt.Store(0)
	spoil := func(w http.ResponseWriter, r *http.Request, next http.Handler) {
		segment := r.Method == method && bytes.Contains([]byte(r.URL.Path), []byte("/part-"))
		if !segment || first > 0 && tr.spoilt.Add(1) > first {
			next.ServeHTTP(w, r)
			return
		}
		how(w, r, next)
	}
	tr.spoil.Store(&spoil)
}

func (tr *trouble) off() { tr.spoil.Store(nil) }

func answer(status int, code string) func(http.ResponseWriter, *http.Request, http.Handler) {
	return func(w http.ResponseWriter, r *http.Request, _ http.Handler) {
		_, _ = io.Copy(io.Discard, r.Body)
		w.Header().Set("Content-Type", "application/xml")
		w.WriteHeader(status)
		_, _ = io.WriteString(w, "<Error><Code>"+code+"</Code><Message>no</Message></Error>")
	}
}

func hangUp(http.ResponseWriter, *http.Request, http.Handler) { panic(http.ErrAbortHandler) }

func loseAcknowledgement(_ http.ResponseWriter, r *http.Request, next http.Handler) {
	next.ServeHTTP(httptest.NewRecorder(), r)
	panic(http.ErrAbortHandler)
}

func cutAnswer(w http.ResponseWriter, r *http.Request, next http.Handler) {
	whole := httptest.NewRecorder()
	next.ServeHTTP(whole, r)
	body := whole.Body.Bytes()
	for name, values := range whole.Header() {
		w.Header()[name] = values
	}
	w.Header().Set("Content-Length", strconv.Itoa(len(body)))
	w.WriteHeader(whole.Code)
	_, _ = w.Write(body[:len(body)/2])
	panic(http.ErrAbortHandler)
}

func flipAnswer(w http.ResponseWriter, r *http.Request, next http.Handler) {
	whole := httptest.NewRecorder()
	next.ServeHTTP(whole, r)
	for name, values := range whole.Header() {
		w.Header()[name] = values
	}
	w.WriteHeader(whole.Code)
	_, _ = w.Write(flip(0.5)(whole.Body.Bytes()))
}

func flipRequest(w http.ResponseWriter, r *http.Request, next http.Handler) {
	body, err := io.ReadAll(r.Body)
	if err != nil || len(body) == 0 {
		panic(http.ErrAbortHandler)
	}
	r.Body = io.NopCloser(bytes.NewReader(flip(0.5)(body)))
	next.ServeHTTP(w, r)
}

func TestWriteReportsNoSegmentThatIsNotRight(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		method string
		first  int64 // 0 is all
		how    func(http.ResponseWriter, *http.Request, http.Handler)
		class  string // of the error; empty when the client gets over it
	}{
		"a server error at every put":        {"PUT", 0, answer(500, "InternalError"), archive.ClassArchive},
		"one server error":                   {"PUT", 1, answer(500, "InternalError"), ""},
		"busy at the first put":              {"PUT", 1, answer(503, "SlowDown"), ""},
		"no right to put":                    {"PUT", 0, answer(403, "AccessDenied"), archive.ClassPermission},
		"no right to read":                   {"GET", 0, answer(403, "AccessDenied"), archive.ClassPermission},
		"connections break at every put":     {"PUT", 0, hangUp, archive.ClassConnection},
		"a lost acknowledgement":             {"PUT", 1, loseAcknowledgement, ""},
		"lost acknowledgements":              {"PUT", 0, loseAcknowledgement, archive.ClassConnection},
		"answers are cut when read back":     {"GET", 0, cutAnswer, archive.ClassConnection},
		"a bit flips on the way back":        {"GET", 0, flipAnswer, archive.ClassAltered},
		"a bit flips on the way there":       {"PUT", 0, flipRequest, archive.ClassArchive},
		"one bit flips on the way back once": {"GET", 1, flipAnswer, archive.ClassAltered},
		"the object is gone when read back":  {"GET", 0, answer(404, "NoSuchKey"), archive.ClassNotFound},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			tr, endpoint := newTrouble(t)
			prefix := "trouble" + strconv.Itoa(len(name)) + string(name[0]) + "-" + tc.method + strconv.FormatInt(tc.first, 10) + url.PathEscape(name)
			p := open(t, place{config: archive.Config{URL: server.URL(server.Bucket, "endpoint", endpoint, "prefix", prefix)}})
			rows := rowsOf(january, 500, 80)
			tr.on(tc.method, tc.first, tc.how)
			var reported []audit.Segment
			_, err := p.Write(t.Context(), january, each(rows), nil, func(s audit.Segment) { reported = append(reported, s) })
			equal(t, "class", archive.Class(err), tc.class)
			if err != nil && len(reported) > 0 {
				t.Errorf("%d segments were reported", len(reported))
			}
			tr.off()
			m := written(t, p.Archive, january, rows)
			equal(t, "verdict after the trouble", verify(t, p.Archive, january, m).Verdict, audit.Intact)
		})
	}
}

func TestVerifyTellsTroubleFromDamage(t *testing.T) {
	t.Parallel()
	tr, endpoint := newTrouble(t)
	p := open(t, place{config: archive.Config{URL: server.URL(server.Bucket, "endpoint", endpoint, "prefix", "trouble-verify")}})
	m := written(t, p.Archive, january, rowsOf(january, 500, 81))
	for name, how := range map[string]func(http.ResponseWriter, *http.Request, http.Handler){
		"no right": answer(403, "AccessDenied"), "cut": cutAnswer, "server error": answer(500, "InternalError"),
	} {
		tr.on("GET", 0, how)
		if f, err := p.Verify(t.Context(), january.Suffix(), []audit.Archived{m}, func(int64) {}); err == nil {
			t.Errorf("%s: got %+v, want an error: nothing is known of the period", name, f)
		}
	}
}
