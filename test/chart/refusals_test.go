//go:build chart

package chart

import (
	"bytes"
	"encoding/pem"
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"regexp"
	"sync"
	"testing"

	"k8s.io/client-go/rest"
)

// right is one that a rule gives: the name is "" where it is not for one object only.
type right struct{ verb, group, resource, name string }

func (r right) String() string {
	of := r.resource
	if r.group != "" {
		of += "." + r.group
	}
	if r.name != "" {
		of += "/" + r.name
	}
	return r.verb + " " + of
}

// sort is the right as the API server names what it refuses.
func (r right) sort() right { return right{verb: r.verb, group: r.group, resource: r.resource} }

// refusals stands between one program and the API server, changes nothing, and keeps
// what the API server has forbidden, in its own words.
type refusals struct {
	server *httptest.Server

	mu   sync.Mutex
	seen map[right]int
}

// forbidden is how the message of an answer 403 ends, in JSON or protobuf.
var forbidden = regexp.MustCompile(`cannot (\w+) resource \\?"([\w./]+)\\?" in API group \\?"([\w.]*)\\?"`)

func watchRefusals(t *testing.T, api *rest.Config) *refusals {
	t.Helper()
	target, err := url.Parse(api.Host)
	if err != nil {
		t.Fatal(err)
	}
	transport, err := rest.TransportFor(&rest.Config{Host: api.Host, TLSClientConfig: rest.TLSClientConfig{CAData: api.CAData}})
	if err != nil {
		t.Fatal(err)
	}
	r := &refusals{seen: map[right]int{}}
	r.server = httptest.NewUnstartedServer(&httputil.ReverseProxy{
		Rewrite:        func(request *httputil.ProxyRequest) { request.SetURL(target) },
		Transport:      transport,
		FlushInterval:  -1, // watches
		ModifyResponse: r.note,
	})
	r.server.EnableHTTP2 = true
	r.server.StartTLS()
	t.Cleanup(r.server.Close)
	return r
}

// config leads to the proxy.
func (r *refusals) config() *rest.Config {
	ca := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: r.server.Certificate().Raw})
	return &rest.Config{Host: r.server.URL, TLSClientConfig: rest.TLSClientConfig{CAData: ca}}
}

func (r *refusals) note(answer *http.Response) error {
	if answer.StatusCode != http.StatusForbidden {
		return nil
	}
	body, err := io.ReadAll(answer.Body)
	if err != nil {
		return err
	}
	answer.Body = io.NopCloser(bytes.NewReader(body))
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, said := range forbidden.FindAllSubmatch(body, -1) {
		r.seen[right{verb: string(said[1]), group: string(said[3]), resource: string(said[2])}]++
	}
	if len(forbidden.FindSubmatch(body)) == 0 {
		r.seen[right{verb: string(body)}]++ // what nobody expects shall be seen
	}
	return nil
}

// all is what was refused since they were last forgotten.
func (r *refusals) all() (all []right) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for one := range r.seen {
		all = append(all, one)
	}
	return all
}

func (r *refusals) forget() {
	r.mu.Lock()
	defer r.mu.Unlock()
	clear(r.seen)
}
