package main

import (
	"os"
	"strings"
	"testing"
	"time"
)

//nolint:gochecknoglobals // a constant
var quick = timescale{Factor: 60, Floor: 5 * time.Second}

func TestTimePassesFasterButNotTooFast(t *testing.T) {
	t.Parallel()
	for from, want := range map[time.Duration]time.Duration{
		24 * time.Hour: 24 * time.Minute, time.Hour: time.Minute, 5 * time.Minute: 5 * time.Second,
		time.Minute: 5 * time.Second, 2 * time.Second: 2 * time.Second, 0: 0,
	} {
		if got := quick.of(from); got != want {
			t.Errorf("%s becomes %s, want %s", from, got, want)
		}
	}
}

const ruleText = `groups: [{name: g, rules: [{alert: A, for: 10m, expr: 'rate(x[1h]) > 60 + 3600', labels: {severity: info}}]}]`

func scaleText(t *testing.T, text string, liberties ...liberty) (string, string, error) {
	t.Helper()
	f, err := parseRules([]byte(text))
	if err != nil {
		return "", "", err
	}
	out, err := f.scaled(quick, liberties)
	return out.Groups[0].Rules[0].Expr, out.Groups[0].Rules[0].For, err
}

func TestRangesAndForAreScaledAndNothingElse(t *testing.T) {
	t.Parallel()
	expr, wait, err := scaleText(t, ruleText)
	if err != nil || expr != "rate(x[60000ms]) > 60 + 3600" || wait != "10000ms" {
		t.Errorf("%s for %s, %v", expr, wait, err)
	}
	expr, _, err = scaleText(t, ruleText, liberty{Alert: "A", From: "+ 3600", To: "+ 60"})
	if err != nil || expr != "rate(x[60000ms]) > 60 + 60" {
		t.Errorf("with a liberty: %s, %v", expr, err)
	}
}

func TestWhatIsNotUnderstoodIsAnError(t *testing.T) {
	t.Parallel()
	for name, text := range map[string]string{
		"a key":               strings.Replace(ruleText, "for: 10m", "keep_firing_for: 10m", 1),
		"a subquery":          strings.Replace(ruleText, "[1h]", "[1h:5m]", 1),
		"a unit":              strings.Replace(ruleText, "[1h]", "[1y]", 1),
		"two units":           strings.Replace(ruleText, "for: 10m", "for: 1h10m", 1),
		"a look at yesterday": strings.Replace(ruleText, "[1h]", "[1h] offset 1d", 1),
	} {
		if expr, wait, err := scaleText(t, text); err == nil {
			t.Errorf("%s: %s for %s", name, expr, wait)
		}
	}
	if _, _, err := scaleText(t, ruleText, liberty{Alert: "A", From: "+ 7200", To: "+ 60"}); err == nil {
		t.Error("a liberty that changes nothing is no error")
	}
}

func TestTheAlertsThatWeShipAreUnderstood(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("../../" + alertsFile)
	if err != nil {
		t.Fatal(err)
	}
	f, err := parseRules(text)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.scaled(nightly, liberties()); err != nil {
		t.Error(err)
	}
	if len(f.names()) < 20 {
		t.Errorf("only %d alerts", len(f.names()))
	}
}
