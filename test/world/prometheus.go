package world

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"strings"
	"sync"
	"syscall"
	"time"

	"sigs.k8s.io/yaml"
)

// Prometheus is a Prometheus server that scrapes programs of the world and
// evaluates rules. It sends alerts to nobody.
type Prometheus struct {
	URL string

	workspace *workspace
	port      int
	every     time.Duration

	mu   sync.Mutex // held while the server starts or stops
	proc *process   // nil when stopped
}

// PrometheusOptions says what is scraped and evaluated.
type PrometheusOptions struct {
	// Targets are addresses of programs, as in [Program.URL], by the name of their job.
	Targets map[string]string
	// Rules is the text of a rule file.
	Rules []byte
	// Every is the time from one scrape to the next, and from one evaluation of
	// the rules to the next. Default 1 s.
	Every time.Duration
}

// StartPrometheus starts a server that Stop ends with the others. "make tools"
// does not build it: tools/build.sh prometheus does.
func (w *World) StartPrometheus(ctx context.Context, o PrometheusOptions) (*Prometheus, error) {
	if o.Every == 0 {
		o.Every = time.Second
	}
	w.Prometheus = &Prometheus{workspace: w.workspace, every: o.Every}
	if err := w.Prometheus.configure(o); err != nil {
		return nil, fmt.Errorf("configure prometheus: %w", err)
	}
	err := w.Prometheus.startOnFreshPort(ctx)
	if errors.Is(err, errExited) && addressInUse(w.workspace.logFile("prometheus")) {
		err = w.Prometheus.startOnFreshPort(ctx)
	}
	return w.Prometheus, err
}

func (p *Prometheus) path(name string) string { return p.workspace.path("prometheus", name) }

func (p *Prometheus) configure(o PrometheusOptions) error {
	every := fmt.Sprintf("%dms", o.Every.Milliseconds())
	jobs := make([]map[string]any, 0, len(o.Targets))
	for name, address := range o.Targets {
		jobs = append(jobs, map[string]any{
			"job_name":       name,
			"static_configs": []any{map[string]any{"targets": []string{strings.TrimPrefix(address, "http://")}}},
		})
	}
	text, err := yaml.Marshal(map[string]any{
		"global":         map[string]any{"scrape_interval": every, "scrape_timeout": every, "evaluation_interval": every},
		"rule_files":     []string{p.path("rules.yaml")},
		"scrape_configs": jobs,
	})
	if err != nil {
		return err
	}
	if err := os.MkdirAll(p.path("data"), 0o755); err != nil {
		return err
	}
	return errors.Join(os.WriteFile(p.path("prometheus.yaml"), text, 0o600), os.WriteFile(p.path("rules.yaml"), o.Rules, 0o600))
}

func (p *Prometheus) startOnFreshPort(ctx context.Context) (err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.port, err = freePort(); err != nil {
		return err
	}
	p.URL = "http://" + loopback(p.port)
	path, err := built("prometheus")
	if err != nil {
		return fmt.Errorf("prometheus: %w (tools/build.sh prometheus)", err)
	}
	p.proc, err = p.workspace.start(command{name: "prometheus", path: path, args: []string{
		"--config.file=" + p.path("prometheus.yaml"), "--storage.tsdb.path=" + p.path("data"),
		"--web.listen-address=" + loopback(p.port), "--log.level=warn",
	}})
	if err != nil {
		return fmt.Errorf("prometheus: %w", err)
	}
	return p.proc.awaitReady(ctx, func(ctx context.Context) error { return p.get(ctx, "/-/ready", nil) })
}

func (p *Prometheus) close() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	switch {
	case p.proc == nil:
		return nil
	case p.workspace.temporary:
		p.proc.kill()
		return nil
	}
	return p.proc.stop(context.Background(), syscall.SIGTERM, 20*time.Second)
}

// Alert is one that Prometheus has raised.
type Alert struct {
	Labels map[string]string `json:"labels"`
	State  string            `json:"state"` // pending, or firing
	Value  string            `json:"value"`
}

// Alerts asks for those that are pending or firing now.
func (p *Prometheus) Alerts(ctx context.Context) ([]Alert, error) {
	var data struct{ Alerts []Alert }
	err := p.get(ctx, "/api/v1/alerts", &data)
	return data.Alerts, err
}

// Query evaluates an expression that gives a vector, and counts its elements.
func (p *Prometheus) Query(ctx context.Context, expression string) (elements int, err error) {
	var data struct {
		ResultType string
		Result     json.RawMessage
	}
	if err := p.get(ctx, "/api/v1/query?query="+url.QueryEscape(expression), &data); err != nil {
		return 0, err
	}
	if data.ResultType != "vector" {
		return 0, fmt.Errorf("%s is a %s and no vector", expression, data.ResultType)
	}
	var vector []json.RawMessage
	err = json.Unmarshal(data.Result, &vector)
	return len(vector), err
}

// get asks and, unless into is nil, reads the data of the answer.
func (p *Prometheus) get(ctx context.Context, path string, into any) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, p.URL+path, nil)
	if err != nil {
		return err
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return fmt.Errorf("ask prometheus: %w", err)
	}
	defer res.Body.Close()
	if into == nil {
		if res.StatusCode != http.StatusOK {
			return fmt.Errorf("ask prometheus: %s", res.Status)
		}
		return nil
	}
	answer := struct {
		Status, Error string
		Data          any
	}{Data: into}
	if err := json.NewDecoder(res.Body).Decode(&answer); err != nil {
		return fmt.Errorf("ask prometheus: %s, and %w", res.Status, err)
	}
	if answer.Status != "success" {
		return fmt.Errorf("ask prometheus: %s", answer.Error)
	}
	return nil
}

func (p *Prometheus) String() string { return "Prometheus on " + p.URL }
