package architecture

import (
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"sigs.k8s.io/yaml"
)

// alert is a rule of deploy/alerts.yaml.
type alert struct {
	Alert, Expr, For    string
	Labels, Annotations map[string]string
}

func read(t *testing.T, path string) string {
	t.Helper()
	text, err := os.ReadFile("../../" + path)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func alerts(t *testing.T) (all []alert) {
	t.Helper()
	var file struct {
		Groups []struct {
			Name  string
			Rules []alert
		}
	}
	if err := yaml.UnmarshalStrict([]byte(read(t, "deploy/alerts.yaml")), &file); err != nil {
		t.Fatal(err)
	}
	for _, g := range file.Groups {
		all = append(all, g.Rules...)
	}
	if len(all) < 10 {
		t.Fatalf("only %d alerts", len(all))
	}
	return all
}

var (
	section    = regexp.MustCompile(`(?m)^## (Audit\w+)\n\n\*\*Meaning\.\*\* (?s:.+?)\n\n\*\*First look\.\*\* (?s:.+?)\n\n\*\*Cure\.\*\* (?s:.+?)\n\n\*\*What can be lost meanwhile\.\*\* `)
	heading    = regexp.MustCompile(`(?m)^## (.+)$`)
	metricName = regexp.MustCompile(`\b(?:auditflow|kubernaut)_\w+`)
	documented = regexp.MustCompile("(?m)^\\| `(\\w+)` \\| (\\w+) \\| ")
)

const runbook = "https://github.com/auditflow/auditflow/blob/main/docs/runbook.md#"

func firsts(matches [][]string) (names []string) {
	for _, m := range matches {
		names = append(names, m[1])
	}
	return names
}

func TestEveryAlertHasItsSectionInTheRunbookAndTheOtherWayRound(t *testing.T) {
	t.Parallel()
	text := read(t, "docs/runbook.md")
	sections := firsts(section.FindAllStringSubmatch(text, -1))
	var names []string
	for _, a := range alerts(t) {
		names = append(names, a.Alert)
		if !slices.Contains(sections, a.Alert) {
			t.Errorf("%s: the runbook has no section that tells its meaning, first look, cure, and what can be lost", a.Alert)
		}
		if want := runbook + strings.ToLower(a.Alert); a.Annotations["runbook_url"] != want {
			t.Errorf("%s: runbook_url is %q, want %q", a.Alert, a.Annotations["runbook_url"], want)
		}
		if !slices.Contains([]string{"critical", "warning", "info"}, a.Labels["severity"]) || a.Annotations["summary"] == "" || a.Annotations["description"] == "" {
			t.Errorf("%s: lacks severity, summary or description", a.Alert)
		}
	}
	for _, name := range firsts(heading.FindAllStringSubmatch(text, -1)) {
		if !slices.Contains(names, name) {
			t.Errorf("the runbook tells of %s, and there is no such alert", name)
		}
	}
}

// metrics are all that docs/metrics.md has, and what a histogram is made of.
func metrics(t *testing.T) map[string]bool {
	t.Helper()
	known := map[string]bool{}
	for _, m := range documented.FindAllStringSubmatch(read(t, "docs/metrics.md"), -1) {
		known[m[1]] = true
		if m[2] == "histogram" {
			known[m[1]+"_bucket"], known[m[1]+"_sum"], known[m[1]+"_count"] = true, true, true
		}
	}
	return known
}

func TestEveryMetricThatAlertsAndRunbookNameExists(t *testing.T) {
	t.Parallel()
	known := metrics(t)
	for _, a := range alerts(t) {
		used := metricName.FindAllString(a.Expr, -1)
		if len(used) == 0 {
			t.Errorf("%s asks for no metric of ours", a.Alert)
		}
		for _, name := range used {
			if !known[name] {
				t.Errorf("%s asks for %s, which nothing serves: see docs/metrics.md", a.Alert, name)
			}
		}
	}
	inTheDatabase := []string{"auditflow_maintainer", "auditflow_create_partition", "auditflow_detached"}
	for _, name := range metricName.FindAllString(read(t, "docs/runbook.md"), -1) {
		if !known[name] && !slices.Contains(inTheDatabase, name) {
			t.Errorf("the runbook names %s, which nothing serves", name)
		}
	}
}

func TestEveryAlertIsTestedToFireAndToBeSilent(t *testing.T) {
	t.Parallel()
	tests := read(t, "deploy/alerts_test.yaml")
	for _, a := range alerts(t) {
		firing := `ALERTS{alertname="` + a.Alert + `", alertstate="firing"}', exp_samples: [`
		for what, samples := range map[string]string{"to fire": "{labels: ", "to be silent": "]"} {
			if !strings.Contains(tests, firing+samples) {
				t.Errorf("%s is never tested %s", a.Alert, what)
			}
		}
	}
}
