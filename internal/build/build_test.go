package build

import (
	"os/exec"
	"path/filepath"
	"runtime/debug"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
)

func settings(pairs ...string) (all []debug.BuildSetting) {
	for i := 0; i < len(pairs); i += 2 {
		all = append(all, debug.BuildSetting{Key: pairs[i], Value: pairs[i+1]})
	}
	return all
}

func TestWhatIsToldOutranksWhatGoHasNoted(t *testing.T) {
	t.Parallel()
	clean := &debug.BuildInfo{GoVersion: "go1.26.0", Settings: settings("vcs.revision", "abc", "vcs.time", "2026-01-02T03:04:05Z", "vcs.modified", "false")}
	clean.Main.Version = "v1.2.3"
	dirty := *clean
	dirty.Settings = settings("vcs.revision", "abc", "vcs.modified", "true")
	for name, tc := range map[string]struct {
		info *debug.BuildInfo
		told Info
		want Info
	}{
		"by the go command":        {clean, Info{}, Info{"v1.2.3", "abc", "2026-01-02T03:04:05Z", "go1.26.0"}},
		"with changes on top":      {&dirty, Info{}, Info{"v1.2.3", "abc-dirty", Unknown, "go1.26.0"}},
		"by whoever builds":        {clean, Info{Version: "v9", Commit: "fff", Date: "2027"}, Info{"v9", "fff", "2027", "go1.26.0"}},
		"without any of the above": {&debug.BuildInfo{}, Info{}, Info{Unknown, Unknown, Unknown, Unknown}},
	} {
		if got := of(tc.info, tc.told); got != tc.want {
			t.Errorf("%s: %v, want %v", name, got, tc.want)
		}
	}
}

// A package's path that is wrong after -X is no error of the linker's: hence a
// program that is built as the Makefile and the image do it.
func TestTheLinkerReachesTheVersion(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	const path = "github.com/auditflow/auditflow/internal/build."
	stamp := "-X " + path + "version=v7.0.0 -X " + path + "commit=0123abc -X " + path + "date=2026-01-02T03:04:05Z"
	built := exec.CommandContext(t.Context(), "go", "test", "-c", "-vet=off", "-ldflags="+stamp, "-o", filepath.Join(dir, "stamped"), ".")
	if out, err := built.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	out, err := exec.CommandContext(t.Context(), filepath.Join(dir, "stamped"), "-test.run=^TestAProgramTells$", "-test.v").CombinedOutput()
	if want := "v7.0.0 (commit 0123abc, of 2026-01-02T03:04:05Z, built with go1."; err != nil || !strings.Contains(string(out), want) {
		t.Errorf("%v\n%s\nwant %s", err, out, want)
	}
}

func TestAProgramTells(t *testing.T) {
	t.Parallel()
	if i := Read(); i.Version == "" || i.Go == Unknown {
		t.Errorf("%+v", i)
	}
	t.Log(Read())
}

func TestTheMetricTellsTheSame(t *testing.T) {
	t.Parallel()
	r := prometheus.NewRegistry()
	Metric(r)
	families, err := r.Gather()
	if err != nil || len(families) != 1 || families[0].GetMetric()[0].GetGauge().GetValue() != 1 {
		t.Fatalf("%v, %v", families, err)
	}
	for _, l := range families[0].GetMetric()[0].GetLabel() {
		if want := map[string]string{"version": Read().Version, "commit": Read().Commit, "goversion": Read().Go}[l.GetName()]; l.GetValue() != want {
			t.Errorf("%s=%s, want %s", l.GetName(), l.GetValue(), want)
		}
	}
}
