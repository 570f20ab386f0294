package main

import (
	"context"
	_ "embed" // for the toolchain's name
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"
)

// stamp is the package that the linker tells what it builds.
const stamp = "github.com/auditflow/auditflow/internal/build"

// toolchain is the release of Go that images are built with, whichever is installed: the
// newest patch is what keeps known vulnerabilities of its library out, and one release
// for all is what gives all the same bytes. Its name is in a file that tools/vuln.sh and
// the Dockerfile are held to.
//
//go:embed toolchain
var toolchain string

// complete asks git for what nobody has said.
func (f *facts) complete(ctx context.Context, root, date string) (err error) {
	for _, ask := range []struct {
		into *string
		args []string
	}{
		{&f.version, []string{"describe", "--tags", "--always", "--dirty"}},
		{&f.commit, []string{"rev-parse", "HEAD"}},
		{&date, []string{"log", "-1", "--format=%cI"}},
	} {
		if *ask.into == "" {
			if *ask.into, err = run(ctx, root, nil, "git", ask.args...); err != nil {
				return fmt.Errorf("%w (without git, say -version, -commit and -date)", err)
			}
		}
	}
	if f.date, err = time.Parse(time.RFC3339, date); err != nil {
		return fmt.Errorf("date of the commit: %w", err)
	}
	f.date = f.date.UTC()
	return nil
}

// build builds the programs for a platform and returns their files, in order.
func (p plan) build(ctx context.Context, platform, dir string) (files []string, err error) {
	system, machine, _ := strings.Cut(platform, "/")
	if dir, err = filepath.Abs(dir); err != nil {
		return nil, err
	}
	if err := os.MkdirAll(dir, 0o750); err != nil {
		return nil, err
	}
	flags := []string{"-s", "-w"}
	for name, value := range map[string]string{"version": p.facts.version, "commit": p.facts.commit, "date": p.facts.date.Format(time.RFC3339)} {
		flags = append(flags, "-X="+stamp+"."+name+"="+value)
	}
	args := []string{"build", "-mod=readonly", "-trimpath", "-buildvcs=false", "-ldflags=" + sorted(flags), "-o", dir + "/"}
	for _, program := range p.programs {
		args = append(args, "./cmd/"+program)
		files = append(files, filepath.Join(dir, program))
	}
	// What else could make a difference is said, too: cgo, and the level of the processor.
	env := []string{"CGO_ENABLED=0", "GOOS=" + system, "GOARCH=" + machine, "GOAMD64=v1", "GOARM64=v8.0", "GOFLAGS=", "GOEXPERIMENT=", p.facts.goToolchain()}
	_, err = run(ctx, p.root, env, "go", args...)
	return files, err
}

func (f facts) goToolchain() string { return "GOTOOLCHAIN=" + f.toolchain }

// run returns what a program says, without the line break at the end.
func run(ctx context.Context, dir string, env []string, name string, args ...string) (string, error) {
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Dir, cmd.Env = dir, append(os.Environ(), env...)
	var said strings.Builder
	cmd.Stderr = &said
	out, err := cmd.Output()
	if err != nil {
		return "", fmt.Errorf("%s %s: %w\n%s", name, args[0], err, said.String())
	}
	return strings.TrimSpace(string(out)), nil
}
