package world

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// Replica is another process of the same program, with the same configuration but
// for its address, and a log of its own. It does not run yet.
func (p *Program) Replica(name string) (*Program, error) { return p.replica(name, p.path) }

// ReplicaOf is a Replica whose binary, of the same name, is in another directory;
// see [World.Build].
func (p *Program) ReplicaOf(name, binaries string) (*Program, error) {
	return p.replica(name, filepath.Join(binaries, filepath.Base(p.path)))
}

// Build builds the product's programs, with Race, Failpoints, Source and Overlay of
// the options, and returns the directory they are in.
func (w *World) Build(ctx context.Context, name string, o ProductOptions) (binaries string, err error) {
	binaries = w.workspace.path(name)
	return binaries, buildProduct(ctx, binaries, o, w.binaries()...)
}

// binaries are those of the product that a world can run.
func (w *World) binaries() []string {
	if w.Kube == nil {
		return []string{"worker", "api"}
	}
	return []string{"worker", "api", "controller"}
}

func (p *Program) replica(name, binary string) (*Program, error) {
	port, err := freePort()
	if err != nil {
		return nil, err
	}
	text, err := os.ReadFile(p.Config)
	if err != nil {
		return nil, err
	}
	lines := strings.Split(string(text), "\n")
	lines[0] = fmt.Sprintf("listen: %q", loopback(port)) // which every configuration of a world begins with
	r := &Program{
		Name: name, URL: "http://" + loopback(port), Config: filepath.Join(filepath.Dir(p.Config), name+".yaml"),
		Env: p.Env, workspace: p.workspace, path: binary, env: p.env, args: p.args,
	}
	return r, os.WriteFile(r.Config, []byte(strings.Join(lines, "\n")), 0o600)
}
