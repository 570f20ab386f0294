package main

import (
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
)

var hit = regexp.MustCompile(`failpoint\.Hit\("([^"]+)"\)`)

// failpointsIn are all failpoints of the product's code below root, with the file
// and line of each.
func failpointsIn(root string) (map[string]string, error) {
	found := map[string]string{}
	for _, dir := range []string{"activities", "audit", "cmd", "controller", "httpapi", "store", "worker", "workflows"} {
		err := filepath.WalkDir(filepath.Join(root, dir), func(path string, d fs.DirEntry, err error) error {
			if err != nil || d.IsDir() || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
				return err
			}
			text, err := os.ReadFile(path)
			if err != nil {
				return err
			}
			name, err := filepath.Rel(root, path)
			if err != nil {
				return err
			}
			for n, line := range strings.Split(string(text), "\n") {
				if match := hit.FindStringSubmatch(line); match != nil {
					found[match[1]] = fmt.Sprintf("%s:%d", name, n+1)
				}
			}
			return nil
		})
		if err != nil {
			return nil, err
		}
	}
	return found, nil
}

// killersAt are the numbers of the faults that kill somebody at a failpoint.
func killersAt(point string) (numbers []int) {
	for _, f := range matrix() {
		if slices.Contains(f.failpoints, point) {
			numbers = append(numbers, f.number)
		}
	}
	return numbers
}

var step = regexp.MustCompile(`"([a-z]+\.[a-z-]+)(?::[0-9]+)?"`)

// killedByTests are the failpoints at which make test-kills kills.
func killedByTests(root string) (map[string]bool, error) {
	text, err := os.ReadFile(filepath.Join(root, "test", "e2e", "kill_test.go"))
	if err != nil {
		return nil, err
	}
	killed := map[string]bool{}
	for _, match := range step.FindAllSubmatch(text, -1) {
		killed[string(match[1])] = true
	}
	return killed, nil
}

func listFailpoints(w io.Writer, root string) error {
	found, err := failpointsIn(root)
	if err != nil {
		return err
	}
	tested, err := killedByTests(root)
	if err != nil {
		return err
	}
	for _, point := range slices.Sorted(maps.Keys(found)) {
		var by []string
		for _, number := range killersAt(point) {
			by = append(by, fmt.Sprintf("fault %d", number))
		}
		if tested[point] {
			by = append(by, "make test-kills")
		}
		fmt.Fprintf(w, "%-26s %-40s %s\n", point, found[point], strings.Join(by, ", "))
	}
	return nil
}
