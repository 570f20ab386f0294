package world

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
)

var thisModule = regexp.MustCompile(`(?m)^module github\.com/auditflow/auditflow\s*$`)

// moduleRoot finds the directory of this module's go.mod at or above the
// working directory.
func moduleRoot() (string, error) {
	start, err := os.Getwd()
	if err != nil {
		return "", err
	}
	for dir := start; ; dir = filepath.Dir(dir) {
		mod, err := os.ReadFile(filepath.Join(dir, "go.mod"))
		if err == nil && thisModule.Match(mod) {
			return dir, nil
		}
		if dir == filepath.Dir(dir) {
			return "", fmt.Errorf("no go.mod of auditflow at or above %s", start)
		}
	}
}

// built returns the path of something in ./bin, checking that all of the named
// files are in it, or that it is a file when none is named.
func built(name string, files ...string) (string, error) {
	root, err := moduleRoot()
	if err != nil {
		return "", err
	}
	return complete(filepath.Join(root, "bin", name), files...)
}

func complete(path string, files ...string) (string, error) {
	// Links are resolved so that a rebuild does not change a running world.
	resolved, err := filepath.EvalSymlinks(path)
	if err != nil {
		return "", fmt.Errorf("%w; run \"make tools\"", err)
	}
	for _, file := range files {
		if _, err := os.Stat(filepath.Join(resolved, file)); err != nil {
			return "", fmt.Errorf("%w; run \"make tools\"", err)
		}
	}
	return resolved, nil
}
