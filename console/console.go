package console

import (
	"errors"
	"fmt"
	"html/template"
	"log/slog"
	"net/http"
	"net/url"
	"strings"
	"time"

	"golang.org/x/time/rate"
)

// Config is what the console needs. Reader, Guard, Cluster, Session and Log are
// required.
type Config struct {
	Reader Reader
	Guard  Guard
	// Cluster is shown on every page, so that nobody takes one for another.
	Cluster string
	// TemporalUI is the address of Temporal's web UI, to which workflows link in
	// TemporalNamespace; "": no links.
	TemporalUI, TemporalNamespace string
	// Session is how long a login lasts.
	Session time.Duration
	// Now is the clock; nil: time.Now.
	Now func() time.Time
	Log *slog.Logger
}

// answerTime bounds the questions of one page: past it nobody waits any more, and
// the statement under way is cancelled.
const answerTime = 10 * time.Second

type console struct {
	Config

	pages  map[string]*template.Template
	static static
	trends trendsMemory
	loud   rate.Sometimes
	origin *http.CrossOriginProtection
}

// New makes the handler of all pages. It is safe for concurrent use.
func New(c Config) (http.Handler, error) {
	if c.Reader == nil || c.Guard == nil || c.Cluster == "" || c.Session <= 0 || c.Log == nil {
		return nil, errors.New("console: a required field of Config is not set")
	}
	if err := CheckTemporalUI(c.TemporalUI); err != nil {
		return nil, fmt.Errorf("console: the address of Temporal's UI %w", err)
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	s, err := readStatic()
	if err != nil {
		return nil, err
	}
	made := &console{
		Config: c, static: s, origin: http.NewCrossOriginProtection(),
		loud: rate.Sometimes{First: 1, Interval: time.Second}, trends: newTrendsMemory(c.Now),
	}
	if made.pages, err = made.parsePages(); err != nil {
		return nil, err
	}
	return made.routes(), nil
}

// CheckTemporalUI says what is wrong with the address of a web UI; "" is none.
func CheckTemporalUI(address string) error {
	u, err := url.Parse(address)
	switch {
	case address == "":
		return nil
	case err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https":
		return errors.New("must be a URL that begins with http:// or https://")
	case u.User != nil || u.RawQuery != "" || u.Fragment != "":
		return errors.New("must have neither user, query nor fragment: it is shown to every visitor")
	}
	return nil
}

// workflowURL is where Temporal's UI shows a workflow; "" if nowhere.
func (c *console) workflowURL(id string) string {
	if c.TemporalUI == "" || id == "" {
		return ""
	}
	return strings.TrimRight(c.TemporalUI, "/") + "/namespaces/" + url.PathEscape(c.TemporalNamespace) + "/workflows/" + url.PathEscape(id)
}

func (c *console) routes() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /{$}", c.read("search", c.search))
	mux.HandleFunc("GET /executions/{id}", c.read("story", c.story))
	mux.HandleFunc("GET /trends", c.read("trends", c.showTrends))
	mux.HandleFunc("GET /timeline", c.read("timeline", c.timeline))
	mux.HandleFunc("GET /status", c.read("status", c.status))
	mux.HandleFunc("GET /login", c.askToken)
	mux.HandleFunc("POST /login", c.login)
	mux.HandleFunc("POST /logout", c.logout)
	mux.HandleFunc("GET /static/{file}", c.serveStatic)
	mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		c.fail(w, r, nil, &fault{status: http.StatusNotFound, title: "There is no such page", detail: "The menu has all there are."})
	})
	return headers(mux)
}

// headers adds what keeps browsers from doing more with a page than showing it.
// Strict-Transport-Security is not among them: it would bind every port of the host.
func headers(next http.Handler) http.Handler {
	fixed := map[string]string{
		"Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; " +
			"form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
		"X-Content-Type-Options":       "nosniff",
		"X-Frame-Options":              "DENY",
		"Referrer-Policy":              "same-origin", // with no-referrer, browsers do not say where a form was posted from
		"Permissions-Policy":           "camera=(), geolocation=(), microphone=(), payment=()",
		"Cross-Origin-Opener-Policy":   "same-origin",
		"Cross-Origin-Resource-Policy": "same-origin",
		"Cache-Control":                "no-store",
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		for name, value := range fixed {
			w.Header().Set(name, value)
		}
		next.ServeHTTP(w, r)
	})
}
