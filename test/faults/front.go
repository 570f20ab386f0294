package main

import (
	"bytes"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httputil"
	"net/url"
	"strings"
	"sync/atomic"
	"time"
)

// front stands before the object store and answers in its place, or alters what
// goes through it.
type front struct {
	address string
	server  *http.Server
	mood    atomic.Pointer[mood]
	struck  atomic.Int64 // how many requests it has harmed
}

// mood is what a front does to requests.
type mood struct {
	status int           // answered instead of the store; 0: none
	delay  time.Duration // before anything else
	cut    bool          // the connection, when the store has done what it was asked
	// flipUp and flipDown alter a bit of what is written, and of what is read;
	// shorten leaves out the end of what is read.
	flipUp, flipDown, shorten bool
}

func newFront(endpoint string) (*front, error) {
	upstream, err := url.Parse(endpoint)
	if err != nil {
		return nil, err
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	f := &front{address: "http://" + listener.Addr().String()}
	f.mood.Store(&mood{})
	proxy := &httputil.ReverseProxy{
		// The host stays as it is: it is signed.
		Rewrite: func(r *httputil.ProxyRequest) {
			r.Out.URL.Scheme, r.Out.URL.Host, r.Out.Host = "http", upstream.Host, r.In.Host
		},
		ModifyResponse: f.answer,
		ErrorHandler:   func(w http.ResponseWriter, _ *http.Request, _ error) { w.WriteHeader(http.StatusBadGateway) },
	}
	f.server = &http.Server{Handler: f.before(proxy), ReadHeaderTimeout: time.Minute}
	go func() { _ = f.server.Serve(listener) }()
	return f, nil
}

func (f *front) close() { _ = f.server.Close() }

// be changes what it does.
func (f *front) be(m mood) { f.mood.Store(&m) }

func (f *front) before(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		m := *f.mood.Load()
		if m.delay > 0 {
			f.struck.Add(1)
			select {
			case <-time.After(m.delay):
			case <-r.Context().Done():
				return
			}
		}
		if m.status != 0 {
			f.struck.Add(1)
			w.WriteHeader(m.status)
			return
		}
		if m.flipUp && r.Method == http.MethodPut && isObject(r.URL.Path) {
			body, err := io.ReadAll(r.Body)
			if err != nil {
				w.WriteHeader(http.StatusBadRequest)
				return
			}
			f.flip(body)
			r.Body = io.NopCloser(bytes.NewReader(body))
		}
		next.ServeHTTP(w, r)
	})
}

// answer alters what the store has answered.
func (f *front) answer(res *http.Response) error {
	m := *f.mood.Load()
	if m.cut {
		f.struck.Add(1)
		panic(http.ErrAbortHandler)
	}
	if !m.flipDown && !m.shorten || res.Request.Method != http.MethodGet || !isObject(res.Request.URL.Path) || res.StatusCode >= http.StatusMultipleChoices {
		return nil
	}
	body, err := io.ReadAll(res.Body)
	if err != nil {
		return fmt.Errorf("read from the store: %w", err)
	}
	if m.flipDown {
		f.flip(body)
	}
	if m.shorten {
		f.struck.Add(1)
		body = body[:len(body)/2]
		res.ContentLength = int64(len(body))
		res.Header.Set("Content-Length", fmt.Sprint(len(body)))
	}
	res.Body = io.NopCloser(bytes.NewReader(body))
	return nil
}

// isObject tells files from lists of them.
func isObject(path string) bool {
	return strings.HasSuffix(path, ".parquet") || strings.HasSuffix(path, ".json")
}

func (f *front) flip(body []byte) {
	if len(body) > 0 {
		f.struck.Add(1)
		body[len(body)/2] ^= 1
	}
}
