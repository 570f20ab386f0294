package httpapi

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"net/http"
	"runtime/debug"
	"slices"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"go.opentelemetry.io/otel/trace"
	"golang.org/x/sync/semaphore"
	"golang.org/x/time/rate"

	"github.com/auditflow/auditflow/workflows"
)

// Config is what the door needs. All fields but Reader, Pages and Traces are required; an Access that knows
// nobody lets nobody in.
type Config struct {
	// Starter hands records over to Temporal. Its client and sealer also tell with
	// which record a delivery began.
	Starter *workflows.Starter
	// Batch bounds what is started together under pressure; its Registerer is not
	// used. The zero value: every record is a workflow of its own.
	Batch workflows.BatchConfig
	// Cluster is that of every record that is posted, part of its identity.
	Cluster string
	Limits  Limits
	// Access tells who may post.
	Access Access
	// Reader answers questions. nil: the door only takes.
	Reader Reader
	// Pages answers what is for people, at every path that is not the API's. nil: nothing is.
	Pages http.Handler
	// Ready says why the process is not ready; nil when it is.
	Ready func(context.Context) error
	// Metrics serves /metrics; Registerer takes the door's own.
	Metrics    http.Handler
	Registerer prometheus.Registerer
	Log        *slog.Logger
	// Traces makes the spans of requests to the API. nil: there are none.
	Traces trace.TracerProvider
}

type door struct {
	starter *workflows.Starter
	batcher *workflows.Batcher
	cluster string
	limits  Limits
	access  Access
	reader  Reader
	metrics *metrics
	log     *slog.Logger
	now     func() time.Time
	tracer  trace.Tracer // nil: there are no spans

	bytes   *semaphore.Weighted
	rate    *rate.Limiter
	records chan struct{} // one for each start that is under way
	loud    rate.Sometimes
}

// New makes the handler of all routes. It is safe for concurrent use.
func New(c Config) (http.Handler, error) {
	if faults := c.Limits.Faults(); len(faults) > 0 {
		return nil, fmt.Errorf("httpapi: limits: %s %s", faults[0].Field, faults[0].Rule)
	}
	if c.Starter == nil || c.Cluster == "" || c.Ready == nil || c.Metrics == nil || c.Registerer == nil || c.Log == nil {
		return nil, errors.New("httpapi: a required field of Config is not set")
	}
	d := &door{
		starter: c.Starter, cluster: c.Cluster, limits: c.Limits, access: c.Access, reader: c.Reader, log: c.Log, now: time.Now,
		metrics: newMetrics(c.Registerer),
		bytes:   semaphore.NewWeighted(c.Limits.InFlightBytes),
		rate:    rate.NewLimiter(rate.Limit(c.Limits.Rate), c.Limits.Burst),
		records: make(chan struct{}, c.Limits.Starts),
		loud:    rate.Sometimes{First: 1, Interval: time.Second},
	}
	if c.Traces != nil {
		d.tracer = c.Traces.Tracer(scope)
	}
	c.Batch.Registerer = c.Registerer
	d.batcher = workflows.NewBatcher(c.Starter, c.Batch)
	mux := http.NewServeMux()
	d.route(mux, c)
	return mux, nil
}

// Paths of the API.
const (
	PathRecords = "/api/v1/audit/kubernetes-execution"
	PathBatch   = PathRecords + "/batch"
	PathRecord  = PathRecords + "/{id}"
	PathReports = "/api/v1/audit/reports/" // and the name of one
)

// handler answers, or returns the problem to answer with.
type handler func(http.ResponseWriter, *http.Request) *Problem

func (d *door) route(mux *http.ServeMux, c Config) {
	records := map[string]handler{http.MethodPost: d.post}
	if d.reader != nil {
		records[http.MethodGet] = d.list
		get := func(path string, serve handler) { d.handle(mux, path, map[string]handler{http.MethodGet: serve}) }
		get(PathRecord, d.get)
		get(PathReports+"failures", d.rowReport(d.failures, false))
		get(PathReports+"slow", d.rowReport(d.slow, true))
		get(PathReports+"durations", d.lineReport(d.durations, true))
		get(PathReports+"retries", d.lineReport(d.retries, false))
		get(PathReports+"resources", d.lineReport(d.resources, false))
	}
	d.handle(mux, PathRecords, records)
	d.handle(mux, PathBatch, map[string]handler{http.MethodPost: d.postBatch})
	d.process(mux, c)
	nothing := d.answer("other", func(http.ResponseWriter, *http.Request) *Problem {
		return problem(http.StatusNotFound, "not-found", "There is nothing here", "see "+PathRecords)
	})
	if c.Pages == nil {
		mux.HandleFunc("/", nothing)
		return
	}
	mux.HandleFunc("/api/", nothing)
	mux.HandleFunc("/", d.answer("pages", func(w http.ResponseWriter, r *http.Request) *Problem {
		c.Pages.ServeHTTP(w, r)
		return nil
	}))
}

// process adds what tells of the process; nobody is asked who he is.
func (d *door) process(mux *http.ServeMux, c Config) {
	get := func(path string, serve handler) { d.handle(mux, path, map[string]handler{http.MethodGet: serve}) }
	get("/healthz", func(w http.ResponseWriter, _ *http.Request) *Problem {
		fmt.Fprintln(w, "ok")
		return nil
	})
	get("/readyz", func(w http.ResponseWriter, r *http.Request) *Problem {
		if err := c.Ready(r.Context()); err != nil {
			return problem(http.StatusServiceUnavailable, "not-ready", "Not ready", err.Error())
		}
		fmt.Fprintln(w, "ok")
		return nil
	})
	get("/openapi.yaml", func(w http.ResponseWriter, _ *http.Request) *Problem {
		w.Header().Set("Content-Type", "application/yaml")
		_, _ = w.Write(OpenAPI) // a client that is gone hears nothing
		return nil
	})
	get("/metrics", func(w http.ResponseWriter, r *http.Request) *Problem {
		c.Metrics.ServeHTTP(w, r)
		return nil
	})
}

// handle adds a path, with an answer to methods that are not for it. net/http
// answers HEAD with what GET writes, less the body.
func (d *door) handle(mux *http.ServeMux, path string, methods map[string]handler) {
	allow := slices.Sorted(maps.Keys(methods))
	if get := methods[http.MethodGet]; get != nil {
		methods[http.MethodHead] = get
		allow = slices.Insert(allow, 1, http.MethodHead) // GET comes first
	}
	wrong := d.answer(path, func(http.ResponseWriter, *http.Request) *Problem {
		p := problem(http.StatusMethodNotAllowed, "method", "The method is not for this", "")
		p.allow = strings.Join(allow, ", ")
		return p
	})
	right := map[string]http.HandlerFunc{}
	for method, serve := range methods {
		right[method] = d.answer(method+" "+path, serve)
	}
	mux.HandleFunc(path, func(w http.ResponseWriter, r *http.Request) {
		if serve := right[r.Method]; serve != nil {
			serve(w, r)
			return
		}
		wrong(w, r)
	})
}

// answer writes the problem, if there is one, and counts. A panic is a bug of
// ours, whose value may quote a record.
func (d *door) answer(route string, serve handler) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		counted := &statusWriter{ResponseWriter: w}
		began := time.Now()
		r, span := d.traceable(r, route, began)
		defer func() { //nolint:contextcheck // the request's own counts, which authenticate may have replaced
			defer func() { span.end(counted.status) }() // last: a panic is answered before
			value := recover()
			if value == http.ErrAbortHandler { //nolint:errorlint // panics with itself, never wrapped
				panic(value) // an answer that is broken off, and meant to be
			}
			if value != nil {
				d.log.ErrorContext(r.Context(), "a request panicked", "route", route, "type", fmt.Sprintf("%T", value), "stack", string(debug.Stack()))
				if counted.status == 0 {
					problem(http.StatusInternalServerError, "internal", "A fault of auditflow's", "").write(counted)
				}
			}
			d.metrics.request(route, counted.status, time.Since(began))
		}()
		if p := serve(counted, r); p != nil {
			if p.Status == http.StatusTooManyRequests {
				d.swallow(r)
			}
			p.write(counted)
		}
	}
}

// statusWriter remembers the status. Unwrap is for http.ResponseController.
type statusWriter struct {
	http.ResponseWriter
	status int
}

func (w *statusWriter) Unwrap() http.ResponseWriter { return w.ResponseWriter }

func (w *statusWriter) WriteHeader(status int) {
	w.status = status
	w.ResponseWriter.WriteHeader(status)
}

func (w *statusWriter) Write(b []byte) (int, error) {
	if w.status == 0 {
		w.status = http.StatusOK
	}
	return w.ResponseWriter.Write(b)
}

// complain logs, but not for each of the thousands of requests that an outage
// fails: the metrics count those.
func (d *door) complain(ctx context.Context, message string, err error) {
	d.loud.Do(func() { d.log.WarnContext(ctx, message, "error", err) })
}
