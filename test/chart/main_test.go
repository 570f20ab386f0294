//go:build chart

package chart

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/go-logr/logr"
	"sigs.k8s.io/controller-runtime/pkg/log"

	"github.com/auditflow/auditflow/test/world"
)

const (
	root      = "../.."
	namespace = "auditflow"
)

var (
	programs string // the directory of the four binaries
	cluster  *world.World
)

func TestMain(m *testing.M) {
	code, err := run(m)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		code = 1
	}
	os.Exit(code)
}

func run(m *testing.M) (code int, err error) {
	if programs, err = os.MkdirTemp("", "chart"); err != nil {
		return 1, err
	}
	defer func() { _ = os.RemoveAll(programs) }()
	build := exec.Command("go", "build", "-o", programs, "./cmd/controller", "./cmd/worker", "./cmd/api", "./cmd/auditctl") //nolint:gosec // of this module
	build.Dir = root
	if text, err := build.CombinedOutput(); err != nil {
		return 1, fmt.Errorf("build the programs: %w\n%s", err, text)
	}
	log.SetLogger(logr.Discard()) // controller-runtime's; it complains when nobody chose one
	if cluster, err = world.Start(context.Background(), world.Options{Kubernetes: true, Temporal: true, PostgreSQL: true}); err != nil {
		return 1, err
	}
	defer func() { _ = cluster.Stop() }()
	return m.Run(), nil
}

// helm renders the chart with values of testdata and "key=value", and returns what helm says.
func helm(t *testing.T, values string, set ...string) (stdout, stderr string, err error) {
	t.Helper()
	args := []string{"template", "auditflow", root + "/deploy/chart", "--namespace", namespace, "--kube-version", "1.30.0"}
	if values != "" {
		args = append(args, "--values", values)
	}
	for _, s := range set {
		args = append(args, "--set-json", s)
	}
	cmd := exec.CommandContext(t.Context(), root+"/bin/helm", args...) //nolint:gosec // our own
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errs
	err = cmd.Run()
	return out.String(), errs.String(), err
}

// render is the objects of the chart.
func render(t *testing.T, values string, set ...string) rendered {
	t.Helper()
	out, errs, err := helm(t, values, set...)
	if err != nil {
		t.Fatalf("helm: %v\n%s", err, errs)
	}
	return parse(t, out)
}

// sets are the values in testdata, by their names.
func sets(t *testing.T) map[string]string {
	t.Helper()
	files, err := filepath.Glob("testdata/*.yaml")
	if err != nil || len(files) < 5 {
		t.Fatalf("values in testdata: %v, %v", files, err)
	}
	all := map[string]string{}
	for _, file := range files {
		all[strings.TrimSuffix(filepath.Base(file), ".yaml")] = file
	}
	return all
}
