package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"k8s.io/client-go/tools/clientcmd"

	"github.com/auditflow/auditflow/test/world"
)

// Faults of the clock.
func clockFaults() []fault {
	return []fault{{
		number: 26, name: "the writers' clocks are off by a day",
		expectation: "every time in a row is the object's: no row in a wrong partition",
		injection:   "worker, controller and HTTP door are replaced by ones whose clocks are a day ahead, a day behind, and each another way, 4 times; partitions are looked after meanwhile",
		load:        usual(), prepare: buildSkewed, inject: wrongClocks, settled: noneMisfiled,
	}}
}

const aDay = 24 * time.Hour

// wrongClocks replaces all programs by such as are off, which go when it is over.
func wrongClocks(ctx context.Context, t *trial) error {
	kubeconfig, err := t.unverified()
	if err != nil {
		return err
	}
	right, wrong := t.programs(), []*world.Program{}
	for _, p := range right {
		w, err := p.ReplicaOf(p.Name+"-off", t.others)
		if err != nil {
			return err
		}
		wrong = append(wrong, w)
	}
	defer func() {
		for _, p := range wrong {
			t.kill(p)
		}
		t.product.Worker = right[0]
		t.attend(nil)
	}()
	t.product.Worker = wrong[0]                 // whom schedules are triggered for
	t.attend([]string{wrong[len(wrong)-1].URL}) // the door is the last of them
	for _, off := range [][]time.Duration{{aDay, aDay, aDay}, {-aDay, -aDay, -aDay}, {aDay, -aDay, aDay}, {-aDay, aDay, -aDay}} {
		for i, p := range wrong {
			t.kill(right[i])
			t.kill(p)
			if err := t.startOff(ctx, p, off[i], "KUBECONFIG="+kubeconfig); err != nil {
				return err
			}
		}
		if err := errors.Join(t.maintain(ctx), rest(ctx, sooner(t, 20*time.Second, 5*time.Second))); err != nil {
			return err
		}
	}
	return nil
}

// startOff starts a program whose clock is off, and makes sure that it is.
func (t *trial) startOff(ctx context.Context, p *world.Program, off time.Duration, env ...string) error {
	p.Env = slices.Concat(env, []string{fmt.Sprintf("%s=%.0f", variableClock, off.Seconds())})
	if err := p.Start(ctx); err != nil {
		return err
	}
	is, err := lastSaid(filepath.Join(t.LogDir(), p.Name+".log"))
	if err != nil {
		return err
	}
	if late := time.Since(is.Add(-off)); late.Abs() > time.Hour {
		return fmt.Errorf("the clock of %s was to be off by %s, and its log is of %s", p.Name, off, is)
	}
	t.runs.Add(1)
	return nil
}

// unverified is a kubeconfig of the controller's that believes any server: the
// certificates here are some minutes old, and a clock that is a day behind would not
// take them yet. Those of a real cluster are older than that.
func (t *trial) unverified() (path string, err error) {
	config, err := clientcmd.LoadFromFile(filepath.Join(t.Dir, "kube", "kubeconfig-auditflow-controller"))
	if err != nil {
		return "", err
	}
	for _, c := range config.Clusters {
		c.CertificateAuthorityData, c.InsecureSkipTLSVerify = nil, true
	}
	path = filepath.Join(t.Dir, "kubeconfig-unverified")
	return path, clientcmd.WriteToFile(*config, path)
}

// lastSaid is the time of the last line of a log.
func lastSaid(path string) (time.Time, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return time.Time{}, err
	}
	lines := bytes.Split(bytes.TrimSpace(text), []byte("\n"))
	var line struct{ Time time.Time }
	if err := json.Unmarshal(lines[len(lines)-1], &line); err != nil || line.Time.IsZero() {
		return time.Time{}, fmt.Errorf("the last line of %s has no time: %w", filepath.Base(path), err)
	}
	return line.Time, nil
}

// noneMisfiled looks at every row: its times must be from the trial, and its
// partition the one of its month.
func noneMisfiled(ctx context.Context, t *trial) error {
	return t.connected(ctx, func(conn *pgx.Conn) error {
		var rows, wrongTime, wrongPlace int
		err := conn.QueryRow(ctx, `
			SELECT count(*),
				count(*) FILTER (WHERE least(created_at, start_time, end_time, completed_at) < $2 OR greatest(created_at, start_time, end_time, completed_at) > $3),
				count(*) FILTER (WHERE tableoid::regclass::text <> 'kubernetes_execution_audit_' || to_char(created_at AT TIME ZONE 'UTC', 'YYYY_MM'))
			FROM kubernetes_execution_audit WHERE workflow_ref = $1`, t.name, t.began.Add(-time.Hour), time.Now().Add(time.Hour)).Scan(&rows, &wrongTime, &wrongPlace)
		if err != nil {
			return fmt.Errorf("look for misfiled rows: %w", err)
		}
		t.figure("rows_looked_at", float64(rows))
		if wrongTime > 0 || wrongPlace > 0 || rows == 0 {
			t.complain("of %d rows %d have a time of nobody's clock but a writer's, and %d are in a wrong partition", rows, wrongTime, wrongPlace)
		}
		return nil
	})
}

// variableClock says by how many seconds the clock of such programs is off.
const variableClock = "AUDITFLOW_CLOCK_OFF"

// buildSkewed builds the programs on Go's own package time with one line more. A Go
// program asks the kernel for the time, past every library that could be put before
// it, and a time namespace shifts the other clocks only.
func buildSkewed(ctx context.Context, t *trial) error {
	t.say("  building programs whose clocks are off …")
	root, err := exec.CommandContext(ctx, "go", "env", "GOROOT").Output()
	if err != nil {
		return err
	}
	original := filepath.Join(strings.TrimSpace(string(root)), "src", "time", "time.go")
	text, err := os.ReadFile(original)
	if err != nil {
		return err
	}
	if text, err = skewed(text); err != nil {
		return fmt.Errorf("%s: %w", original, err)
	}
	changed, overlay := filepath.Join(t.Dir, "time.go.off"), filepath.Join(t.Dir, "overlay.json")
	list, err := json.Marshal(map[string]any{"Replace": map[string]string{original: changed}})
	if err != nil {
		return err
	}
	if err := errors.Join(os.WriteFile(changed, text, 0o600), os.WriteFile(overlay, list, 0o600)); err != nil {
		return err
	}
	t.others, err = t.Build(ctx, "product-off", world.ProductOptions{Failpoints: true, Overlay: overlay})
	return err
}

// skewed is the source of package time's time.go with a clock that is off.
func skewed(source []byte) ([]byte, error) {
	text := string(source)
	for _, change := range [][2]string{
		{"import (\n", "import (\n\t\"syscall\"\n"},
		{"\tsec, nsec, mono := runtimeNow()\n", "\tsec, nsec, mono := runtimeNow()\n\tsec += clockOff\n"},
	} {
		if strings.Count(text, change[0]) != 1 {
			return nil, fmt.Errorf("there is not one %q in it: this release of Go reads the clock in another way", change[0])
		}
		text = strings.Replace(text, change[0], change[1], 1)
	}
	return []byte(text + `
var clockOff = func() (seconds int64) {
	text, _ := syscall.Getenv("` + variableClock + `")
	for _, c := range []byte(text) {
		if c != '-' {
			seconds = 10*seconds + int64(c-'0')
		}
	}
	if len(text) > 0 && text[0] == '-' {
		return -seconds
	}
	return seconds
}()
`), nil
}
