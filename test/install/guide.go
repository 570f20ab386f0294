//go:build install

package install

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// step is one block of commands of the guide.
type step struct{ section, commands string }

// toFillIn stands in commands that a reader has to complete.
const toFillIn = "…"

// read takes the blocks of commands out of a page, each with its section of the
// second level; those that have something to fill in are apart.
func read(page string) (steps, left []step) {
	section, block, inside := "", "", false
	for line := range strings.Lines(page) {
		switch {
		case !inside && strings.HasPrefix(line, "## "):
			section = strings.TrimSpace(line[3:])
		case !inside && strings.TrimSpace(line) == "```sh":
			inside, block = true, ""
		case inside && strings.TrimSpace(line) == "```":
			inside = false
			if s := (step{section, block}); strings.Contains(block, toFillIn) {
				left = append(left, s)
			} else {
				steps = append(steps, s)
			}
		case inside:
			block += line
		}
	}
	return steps, left
}

// reader is somebody who follows the guide, in one shell.
type reader struct {
	dir     string // the clone
	replace map[string]string
	env     []string
	say     func(format string, args ...any)
}

// follow runs the commands of a step. What they export the next ones find.
func (r *reader) follow(ctx context.Context, s step) error {
	commands := s.commands
	for from, to := range r.replace {
		commands = strings.ReplaceAll(commands, from, to)
	}
	exported := filepath.Join(r.dir, "..", "exported")
	script := "set -euo pipefail\n[ ! -e " + exported + " ] || . " + exported + "\n" + commands + "\nexport -p >" + exported + "\n"
	cmd := exec.CommandContext(ctx, "bash", "-c", script)
	cmd.Dir, cmd.Env = r.dir, append(os.Environ(), r.env...)
	var said bytes.Buffer
	cmd.Stdout, cmd.Stderr = &said, &said
	err := cmd.Run()
	r.say("%s:\n%s\n%s", s.section, s.commands, &said)
	if err != nil {
		return fmt.Errorf("%s: %w", s.section, err)
	}
	return nil
}
