// Command configdoc writes docs/configuration.md: every key of the programs'
// configuration files, as the programs themselves tell them. What a key takes is
// what the code reads, what it means is what --help says: there is no third list.
package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"slices"

	"github.com/auditflow/auditflow/internal/daemon"
)

func main() {
	if err := run(context.Background(), os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "configdoc:", err)
		os.Exit(1)
	}
}

// program is one binary with its keys, in the order of its help.
type program struct {
	Name string
	Keys []daemon.Described
}

func run(ctx context.Context, w io.Writer) error {
	var programs []program
	for _, name := range []string{"controller", "worker", "api"} {
		keys, err := described(ctx, name)
		if err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		programs = append(programs, program{name, keys})
	}
	return write(w, programs)
}

func described(ctx context.Context, name string) (keys []daemon.Described, err error) {
	out, err := exec.CommandContext(ctx, "go", "run", "./cmd/"+name, "--describe-config").Output() //nolint:gosec // one of three names
	if err != nil {
		return nil, err
	}
	for from := json.NewDecoder(bytes.NewReader(out)); from.More(); {
		var d daemon.Described
		if err := from.Decode(&d); err != nil {
			return nil, err
		}
		keys = append(keys, d)
	}
	if len(keys) == 0 {
		return nil, fmt.Errorf("it tells no keys")
	}
	return keys, nil
}

// shared takes out what all programs have alike, in the order of the first.
func shared(programs []program) (all []daemon.Described, rest []program) {
	for _, k := range programs[0].Keys {
		if !slices.ContainsFunc(programs, func(p program) bool { return !slices.Contains(p.Keys, k) }) {
			all = append(all, k)
		}
	}
	for _, p := range programs {
		own := slices.DeleteFunc(slices.Clone(p.Keys), func(k daemon.Described) bool { return slices.Contains(all, k) })
		rest = append(rest, program{p.Name, own})
	}
	return all, rest
}
