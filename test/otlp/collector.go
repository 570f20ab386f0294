// Package otlp is a collector of traces for tests: it takes what programs export
// over HTTP (OTLP, protobuf), as any collector does, and tells what came.
package otlp

import (
	"compress/gzip"
	"context"
	"encoding/hex"
	"fmt"
	"io"
	"net"
	"net/http"
	"slices"
	"sync"
	"time"

	collectorpb "go.opentelemetry.io/proto/otlp/collector/trace/v1"
	commonpb "go.opentelemetry.io/proto/otlp/common/v1"
	tracepb "go.opentelemetry.io/proto/otlp/trace/v1"
	"google.golang.org/protobuf/proto"
)

// Span is a span as it came.
type Span struct {
	Service, Name         string
	Trace, ID, Parent     string   // in hexadecimal digits; Parent is empty for the first one
	Links                 []string // ids of spans
	Attributes            map[string]string
	Error                 bool
	Status                string
	Began, Ended          time.Time
	Events                int
	TraceState, LinkState string
}

// Collector listens until it is closed. It is safe for concurrent use.
type Collector struct {
	URL string // to be configured as an endpoint

	server  *http.Server
	mu      sync.Mutex
	answer  http.Handler // nil: takes what comes
	spans   []Span
	bodies  [][]byte
	headers []http.Header
}

// Start listens on a free port.
func Start(ctx context.Context) (*Collector, error) {
	listener, err := new(net.ListenConfig).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	c := &Collector{URL: "http://" + listener.Addr().String()}
	mux := http.NewServeMux()
	mux.HandleFunc("POST /v1/traces", c.take)
	c.server = &http.Server{Handler: mux, ReadHeaderTimeout: 5 * time.Second}
	go func() { _ = c.server.Serve(listener) }() // ends with Close
	return c, nil
}

// Close ends all connections.
func (c *Collector) Close() { _ = c.server.Close() }

// Answer has all further requests answered by somebody else; nil: by the collector
// again.
func (c *Collector) Answer(h http.Handler) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.answer = h
}

func (c *Collector) take(w http.ResponseWriter, r *http.Request) {
	c.mu.Lock()
	answer := c.answer
	c.mu.Unlock()
	if answer != nil {
		answer.ServeHTTP(w, r)
		return
	}
	request, body, err := read(r)
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.bodies, c.headers = append(c.bodies, body), append(c.headers, r.Header.Clone())
	for _, resource := range request.GetResourceSpans() {
		service := attributes(resource.GetResource().GetAttributes())["service.name"]
		for _, scope := range resource.GetScopeSpans() {
			for _, s := range scope.GetSpans() {
				c.spans = append(c.spans, spanOf(service, s))
			}
		}
	}
}

func read(r *http.Request) (*collectorpb.ExportTraceServiceRequest, []byte, error) {
	from := io.Reader(r.Body)
	if r.Header.Get("Content-Encoding") == "gzip" {
		unzipped, err := gzip.NewReader(r.Body)
		if err != nil {
			return nil, nil, err
		}
		from = unzipped
	}
	body, err := io.ReadAll(from)
	if err != nil {
		return nil, nil, err
	}
	request := &collectorpb.ExportTraceServiceRequest{}
	return request, body, proto.Unmarshal(body, request)
}

func spanOf(service string, s *tracepb.Span) Span {
	span := Span{
		Service: service, Name: s.GetName(), Attributes: attributes(s.GetAttributes()), Events: len(s.GetEvents()),
		Trace: hex.EncodeToString(s.GetTraceId()), ID: hex.EncodeToString(s.GetSpanId()), Parent: hex.EncodeToString(s.GetParentSpanId()),
		Error: s.GetStatus().GetCode() == tracepb.Status_STATUS_CODE_ERROR, Status: s.GetStatus().GetMessage(), TraceState: s.GetTraceState(),
		Began: time.Unix(0, int64(s.GetStartTimeUnixNano())), Ended: time.Unix(0, int64(s.GetEndTimeUnixNano())),
	}
	for _, link := range s.GetLinks() {
		span.Links = append(span.Links, hex.EncodeToString(link.GetSpanId()))
		span.LinkState += link.GetTraceState()
	}
	return span
}

func attributes(all []*commonpb.KeyValue) map[string]string {
	texts := make(map[string]string, len(all))
	for _, a := range all {
		switch v := a.GetValue().GetValue().(type) {
		case *commonpb.AnyValue_StringValue:
			texts[a.GetKey()] = v.StringValue
		case *commonpb.AnyValue_IntValue:
			texts[a.GetKey()] = fmt.Sprint(v.IntValue)
		case *commonpb.AnyValue_BoolValue:
			texts[a.GetKey()] = fmt.Sprint(v.BoolValue)
		default:
			texts[a.GetKey()] = a.GetValue().String()
		}
	}
	return texts
}

// Spans are all that came, in the order in which they came.
func (c *Collector) Spans() []Span {
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.Clone(c.spans)
}

// Bodies is all that came, as it came, but unzipped: texts stand in it literally.
func (c *Collector) Bodies() []byte {
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.Concat(c.bodies...)
}

// Headers are those of all requests.
func (c *Collector) Headers() []http.Header {
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.Clone(c.headers)
}
