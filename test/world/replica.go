package world

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// Replica is another process of the same program, with the same configuration but
// for its address, and a log of its own. It does not run yet.
func (p *Program) Replica(name string) (*Program, error) {
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
		Env: p.Env, workspace: p.workspace, path: p.path, env: p.env, args: p.args,
	}
	return r, os.WriteFile(r.Config, []byte(strings.Join(lines, "\n")), 0o600)
}
