package redact

import (
	"cmp"
	"slices"
	"strings"

	"github.com/auditflow/auditflow/audit"
)

const (
	// maxEntries bounds the list of redactions; beyond it entries below
	// action_parameters are counted together, by rule.
	maxEntries = 100
	// maxPath bounds a path in bytes: its names are written by others.
	maxPath = 200
)

// books count what was masked, by rule and path.
type books map[audit.Redaction]int // keys have Count 0

func newBooks(before []audit.Redaction) books {
	b := books{}
	for _, r := range before {
		b.add(r.Rule, r.Path, r.Count)
	}
	return b
}

func (b books) add(rule, path string, count int) {
	b[audit.Redaction{Rule: rule, Path: path}] += count
}

// list returns the entries, sorted by path and rule. Known secrets are masked
// in paths too: a name may have been written down before it was known.
func (b books) list(k *known) []audit.Redaction {
	merged := books{}
	for entry, count := range b {
		path := entry.Path
		if found := k.find(path); len(found) > 0 {
			path = path[:found[0].Start] + mask(found[0].Rule)
		}
		merged.add(entry.Rule, shorten(path), count)
	}
	if len(merged) > maxEntries {
		merged = merged.coarse()
	}
	var list []audit.Redaction
	for entry, count := range merged {
		entry.Count = count
		list = append(list, entry)
	}
	slices.SortFunc(list, func(x, y audit.Redaction) int {
		return cmp.Or(cmp.Compare(x.Path, y.Path), cmp.Compare(x.Rule, y.Rule))
	})
	return list
}

// shorten cuts a path after a whole name.
func shorten(path string) string {
	if len(path) <= maxPath {
		return path
	}
	if i := strings.LastIndexByte(path[:maxPath], '.'); i > 0 {
		return path[:i]
	}
	return path[:strings.IndexByte(path, '.')]
}

func (b books) coarse() books {
	out := books{}
	for entry, count := range b {
		path, _, _ := strings.Cut(entry.Path, ".")
		out.add(entry.Rule, path, count)
	}
	return out
}
