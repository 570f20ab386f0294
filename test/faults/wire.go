package main

import (
	"context"
	"encoding/json"
	"fmt"
	"net"
	"net/url"
	"strings"

	"github.com/Shopify/toxiproxy/v2"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/rs/zerolog"
)

// wire is the network between the product and one server: a proxy in this process,
// through which all connections go and on which everything can go wrong.
type wire struct{ proxy *toxiproxy.Proxy }

func newWire(name, upstream string) (*wire, error) {
	zerolog.SetGlobalLevel(zerolog.Disabled) // toxics have loggers of their own
	server := toxiproxy.NewServer(toxiproxy.NewMetricsContainer(prometheus.NewRegistry()), zerolog.Nop())
	p := toxiproxy.NewProxy(server, name, "127.0.0.1:0", upstream)
	if err := p.Start(); err != nil {
		return nil, fmt.Errorf("put a proxy before %s: %w", name, err)
	}
	return &wire{p}, nil
}

// address is where to connect instead of the server.
func (w *wire) address() string { return w.proxy.Listen }

// toxic is what a wire does to what goes through it; see toxiproxy's README.
type toxic struct {
	Kind string `json:"type"`
	// Stream is upstream, to the server, or downstream, from it.
	Stream string `json:"stream"`
	// Toxicity is the share of connections concerned, from 0 to 1.
	Toxicity   float32        `json:"toxicity"`
	Attributes map[string]int `json:"attributes"`
}

// spoil begins to harm all connections, also those that stand.
func (w *wire) spoil(t toxic) error {
	text, err := json.Marshal(t)
	if err != nil {
		return err
	}
	if _, err := w.proxy.Toxics.AddToxicJson(strings.NewReader(string(text))); err != nil {
		return fmt.Errorf("spoil the wire to %s: %w", w.proxy.Name, err)
	}
	return nil
}

// mend takes all harm away.
func (w *wire) mend(ctx context.Context) { w.proxy.Toxics.ResetToxics(ctx) }

func (w *wire) close() { w.proxy.Stop() }

// through is a URL with the wire's address in place of the server's.
func (w *wire) through(address string) (string, error) {
	u, err := url.Parse(address)
	if err != nil {
		return "", err
	}
	u.Host = w.address()
	return u.String(), nil
}

// hostOf is the address in a URL.
func hostOf(address string) (string, error) {
	u, err := url.Parse(address)
	if err != nil {
		return "", err
	}
	if _, _, err := net.SplitHostPort(u.Host); err != nil {
		return "", err
	}
	return u.Host, nil
}
