package main

import (
	"encoding/json"
	"fmt"
	"io"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/auditflow/auditflow/audit"
	"github.com/auditflow/auditflow/audit/redact"
)

// speed is in megabytes (10^6) a second on one core, and in milliseconds of
// processor time.
type speed struct {
	LogsMBs       float64            `json:"logs_mb_s"`
	YAMLMBs       float64            `json:"yaml_mb_s"`
	RegexpLogsMBs float64            `json:"regexp_logs_mb_s"`
	RegexpYAMLMBs float64            `json:"regexp_yaml_mb_s"`
	RecordMs      float64            `json:"record_1_5mb_ms"`
	LinearMs      map[string]float64 `json:"linear"`  // by MiB of log
	HostileMs     map[string]float64 `json:"hostile"` // inputs that are made to be slow, by name
}

// rounds is how often each measurement is taken; the fastest counts.
const rounds = 5

func measure(r *redact.Redactor, progress io.Writer) speed {
	standard := r.OnGoRegexp()
	logs, yaml := logText(2<<20), yamlText(2<<20)
	s := speed{LinearMs: map[string]float64{}, HostileMs: map[string]float64{}}
	for _, text := range []string{logs, yaml} { // compiles what is needed
		r.Text(text)
		standard.Text(text)
	}
	s.LogsMBs, s.RegexpLogsMBs = rate(logs, r, standard)
	s.YAMLMBs, s.RegexpYAMLMBs = rate(yaml, r, standard)
	s.RecordMs = fastest(rounds, func() { r.Record(bigRecord()) })
	for _, mib := range []int{1, 4, 16, 64} {
		text := logText(mib << 20)
		s.LinearMs[strconv.Itoa(mib)] = fastest(max(1, rounds/mib), func() { r.Text(text) })
		fmt.Fprintf(progress, "%d MiB of log: %.0f ms\n", mib, s.LinearMs[strconv.Itoa(mib)])
	}
	for name, text := range hostileTexts() {
		s.HostileMs[name] = fastest(1, func() { r.Text(text) })
		fmt.Fprintf(progress, "%s: %.0f ms\n", name, s.HostileMs[name])
	}
	return s
}

// rate measures both in turns, so that what else the machine does hits both.
func rate(text string, a, b *redact.Redactor) (mbsA, mbsB float64) {
	var bestA, bestB float64
	for range rounds {
		bestA = max(bestA, mbs(text, fastest(1, func() { a.Text(text) })))
		bestB = max(bestB, mbs(text, fastest(1, func() { b.Text(text) })))
	}
	return bestA, bestB
}

func mbs(text string, ms float64) float64 { return float64(len(text)) / 1000 / ms }

func fastest(n int, work func()) float64 {
	best := 0.0
	for i := range n {
		start := processorTime()
		work()
		if ms := float64((processorTime() - start).Microseconds()) / 1000; i == 0 || ms < best {
			best = ms
		}
	}
	return best
}

// processorTime is what all threads of this process have used, the garbage
// collector's among them: figures per core, whatever else the machine does.
func processorTime() time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		panic(err) // cannot fail for the process itself
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// bigRecord is 1.5 MB: half of it output with some secrets in it, half a
// manifest in the parameters.
func bigRecord() audit.Record {
	parameters, err := json.Marshal(map[string]any{"manifest": yamlText(750_000), "password": "hunter2hunter2"})
	if err != nil {
		panic(err) // maps of strings are always JSON
	}
	rec := audit.Record{
		ID: audit.ID("prod", "8d7f"), ExecutionID: "scale-web-1", ActionType: "patch", Cluster: "prod", ExecutionUID: "8d7f",
		CreatedAt: time.Date(2026, 11, 23, 4, 0, 0, 0, time.UTC), Phase: "Completed", Source: "KubernetesExecution",
		Output: logText(750_000) + "\nDB_PASSWORD=hunter2hunter2\n", ActionParameters: parameters,
	}
	return rec.Normalise()
}

// hostileTexts are made to be slow; each must take time linear in its size.
func hostileTexts() map[string]string {
	const mb = 1_000_000
	return map[string]string{
		"1 MB of a, then =":             strings.Repeat("a", mb) + "=",
		"1 MB of eyJ":                   strings.Repeat("eyJ", mb/3),
		"1 MB of quotes":                strings.Repeat(`"`, mb),
		"1 MB of password\":\"":         strings.Repeat(`password":"`, mb/11),
		"1 MB of backslashes":           strings.Repeat(`\`, mb),
		"1 MB of open brackets":         strings.Repeat(`{"a":[`, mb/6),
		"1 MB of data: deeper and deep": deeper(mb),
		"1 MB of base64 in base64":      nested(mb),
		"1 MB of percent signs":         strings.Repeat("%2541", mb/5),
		"1 MB of entities":              strings.Repeat("&#65;", mb/5),
		"1 MB of wrapped base64":        strings.Repeat(strings.Repeat("aGVsbG8g", 8)+"\n", mb/65),
		"1 MB of backslash at the end":  strings.Repeat("a \\\n", mb/4),
		"1 MB of begun keys":            strings.Repeat("-----BEGIN PRIVATE "+"KEY-----\nMIIEpAIBAAKCAQEA", mb/45),
		"1 MB of begun certificates":    strings.Repeat("-----BEGIN CERTIFICATE-----\n"+strings.Repeat("aB3", 20)+"\n", mb/90),
		"1 MB of passwords":             strings.Repeat("password=hunter2hunter2 token=ghp_"+strings.Repeat("aB3d", 9)+"\n", mb/72),
		"1 MB of kind: Secret":          strings.Repeat("kind: Secret\ndata:\n  a: aHVudGVyMg==\n", mb/38),
		"1 MB of dotted words":          strings.Repeat("aB3dE5fG7hI9jK1lM3nO5.", mb/22),
		"1 MB of URLs":                  strings.Repeat("http://token:", mb/13),
		"100 MB of password= in a line": strings.Repeat("password=", 100*mb/9),
	}
}

func deeper(n int) string {
	var b strings.Builder
	for i := 0; b.Len() < n; i++ {
		b.WriteString(strings.Repeat(" ", i%400) + "data:\n")
	}
	return b.String()
}
