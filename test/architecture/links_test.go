package architecture

import (
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

var (
	link       = regexp.MustCompile(`\]\(([^)\s]+)\)`)
	anyHeading = regexp.MustCompile(`(?m)^#{1,6} +(.*)$`)
	fenced     = regexp.MustCompile("(?ms)^```.*?^```")
	spoken     = regexp.MustCompile(`[^\p{L}\p{N} _-]`)
)

func TestLinksInThePagesLeadSomewhere(t *testing.T) {
	t.Parallel()
	pages := pages(t)
	if len(pages) < 20 {
		t.Fatalf("found %d pages", len(pages))
	}
	for page, text := range pages {
		for _, m := range link.FindAllStringSubmatch(fenced.ReplaceAllString(text, ""), -1) {
			if strings.Contains(m[1], "://") || strings.HasPrefix(m[1], "mailto:") {
				continue
			}
			to, anchor, _ := strings.Cut(m[1], "#")
			if to == "" {
				to = page
			} else if to = path.Join(path.Dir(page), to); !there(to) {
				t.Errorf("%s: there is no %s", page, to)
				continue
			}
			if anchor != "" && strings.HasSuffix(to, ".md") && !anchors(pages[to])[anchor] {
				t.Errorf("%s: %s has no heading #%s", page, to, anchor)
			}
		}
	}
}

// pages are the project's own, by their path from its root.
func pages(t *testing.T) map[string]string {
	t.Helper()
	all := map[string]string{}
	err := filepath.WalkDir("../..", func(file string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		name, err := filepath.Rel("../..", file)
		switch {
		case err != nil:
			return err
		case d.IsDir() && (name == "bin" || name == "out" || d.Name() == "node_modules" || name != "." && strings.HasPrefix(d.Name(), ".")):
			return filepath.SkipDir
		case strings.HasSuffix(name, ".md"):
			all[filepath.ToSlash(name)] = read(t, name)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

func there(name string) bool {
	_, err := os.Stat(filepath.Join("../..", filepath.FromSlash(name)))
	return err == nil
}

// anchors are those that a page gets for its headings where it is shown.
func anchors(text string) map[string]bool {
	all := map[string]bool{}
	for _, m := range anyHeading.FindAllStringSubmatch(fenced.ReplaceAllString(text, ""), -1) {
		words := link.ReplaceAllString(m[1], "]")
		all[strings.ReplaceAll(spoken.ReplaceAllString(strings.ToLower(words), ""), " ", "-")] = true
	}
	return all
}
