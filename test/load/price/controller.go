package price

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// Controller is what the controller takes beside a whole Kubernetes control plane,
// which the ways of delivering records are measured without.
type Controller struct {
	Completions int `json:"completions"` // of the backlog that was delivered in batches
	// CPUSingle and CPUBatched are milliseconds of processor time per completion,
	// one workflow each and in batches, until the last object is marked.
	CPUSingle  float64 `json:"cpu_ms_single"`
	CPUBatched float64 `json:"cpu_ms_batched"`
	// Requests to the API server per completion in batches, by verb and resource.
	Requests Requests `json:"api_requests"`

	Objects int `json:"objects"` // that there are when it starts, 99 of 100 marked
	// PeakRSS and EmptyRSS are its memory (VmHWM) with these objects and without any.
	PeakRSS  float64 `json:"peak_rss_mib"`
	EmptyRSS float64 `json:"peak_rss_mib_without_objects"`
	Per10000 float64 `json:"mib_per_10000_objects"`
	// Seconds until those unmarked are delivered and marked; LookedSeconds until all
	// have been looked at.
	Seconds       float64 `json:"seconds"`
	LookedSeconds float64 `json:"looked_at_all_seconds"`
}

func measureController(ctx context.Context, b *Bench, _ *scene, f *Figures) error {
	c, err := b.Controller(ctx)
	if err != nil {
		return err
	}
	f.Controller = &c
	b.say("    %.1f ms of processor time per completion in batches, %.1f one by one; %s", c.CPUBatched, c.CPUSingle, c.Requests)
	b.say("    %d objects: %.0f MiB, %.1f per 10,000; the unmarked delivered after %.0f s, all looked at after %.0f", c.Objects, c.PeakRSS, c.Per10000, c.Seconds, c.LookedSeconds)
	return nil
}

// Requests count those to the API server, by verb and resource, such as
// "PATCH kubernetesexecutions".
type Requests map[string]float64

func (r Requests) String() string {
	var parts []string
	for _, name := range slices.Sorted(maps.Keys(r)) {
		parts = append(parts, fmt.Sprintf("%s %.2f", name, r[name]))
	}
	return strings.Join(parts, ", ")
}

func (f *Figures) controllerTable(m *strings.Builder) {
	c := f.Controller
	if c == nil {
		return
	}
	head(m, "controller", "measured")
	row(m, "ms of processor time per completion, one by one", fmt.Sprintf("%.1f", c.CPUSingle))
	row(m, fmt.Sprintf("the same in batches, %d completions", c.Completions), fmt.Sprintf("%.1f", c.CPUBatched))
	row(m, "requests to the API server per completion", c.Requests.String())
	row(m, fmt.Sprintf("MiB with %d objects", c.Objects), fmt.Sprintf("%.0f", c.PeakRSS))
	row(m, "MiB without objects", fmt.Sprintf("%.0f", c.EmptyRSS))
	row(m, "MiB per 10,000 objects", fmt.Sprintf("%.1f", c.Per10000))
	row(m, "seconds until the unmarked, 1 of 100, are delivered and marked", fmt.Sprintf("%.0f", c.Seconds))
	row(m, "seconds until all were looked at", fmt.Sprintf("%.0f", c.LookedSeconds))
}
