package daemon

import (
	"net/url"
	"strings"

	"github.com/auditflow/auditflow/internal/build"
	"github.com/auditflow/auditflow/internal/config"
	"github.com/auditflow/auditflow/internal/telemetry"
)

// TracesFile is the section traces of every configuration file.
type TracesFile struct {
	Endpoint    config.Scalar `json:"endpoint"`
	SampleRatio config.Scalar `json:"sample_ratio"`
}

// variableHeaders may hold secrets, which is why no file has them.
const variableHeaders = "AUDITFLOW_TRACES_HEADERS"

// tracesPath is where a collector takes traces, by the specification of OTLP/HTTP.
const tracesPath = "/v1/traces"

// read checks the section. Without it, or without an endpoint, there are no traces.
func (f TracesFile) read(r *config.Reader, service, instance string) telemetry.TracesConfig {
	c := telemetry.TracesConfig{
		Endpoint:    collector(r, r.String("traces.endpoint", f.Endpoint, "")),
		SampleRatio: r.Ratio("traces.sample_ratio", f.SampleRatio, 1),
		Service:     service, Instance: instance, Version: build.Read().Version,
	}
	if headers, set := r.Env(variableHeaders); set && c.Endpoint != "" {
		c.Headers = headersOf(r, headers)
	}
	return c
}

// collector is the URL with the path where traces go. It is not quoted where it
// is wrong: somebody may have put a password into it.
func collector(r *config.Reader, endpoint string) string {
	if endpoint == "" {
		return ""
	}
	u, err := url.Parse(endpoint)
	switch {
	case err != nil, u.Scheme != "http" && u.Scheme != "https", u.Hostname() == "":
		r.Fault("traces.endpoint", "want the address of a collector for OTLP over HTTP, as in http://otel-collector:4318")
	case u.User != nil, u.RawQuery != "", u.Fragment != "":
		r.Fault("traces.endpoint", "want no credentials and no parameters in it: headers come from environment variable %s", variableHeaders)
	case strings.Trim(u.Path, "/") == "":
		u.Path = tracesPath
		return u.String()
	default:
		return u.String()
	}
	return ""
}

// headersOf reads name=value,name=value; values may be percent-encoded.
func headersOf(r *config.Reader, text string) map[string]string {
	headers := map[string]string{}
	for part := range strings.SplitSeq(text, ",") {
		name, value, _ := strings.Cut(part, "=")
		name = strings.TrimSpace(name)
		value, err := url.PathUnescape(strings.TrimSpace(value))
		if !isToken(name) || value == "" || err != nil || strings.ContainsAny(value, "\r\n\x00") {
			r.Fault("traces", "environment variable %s: want name=value,name=value", variableHeaders)
			return nil
		}
		headers[name] = value
	}
	return headers
}

// isToken tells whether a header can have this name (RFC 9110, section 5.6.2).
func isToken(name string) bool {
	return name != "" && strings.IndexFunc(name, func(c rune) bool {
		letter := c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9'
		return !letter && !strings.ContainsRune("!#$%&'*+-.^_`|~", c)
	}) < 0
}
