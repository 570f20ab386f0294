package architecture

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os/exec"
	"slices"
	"strings"
	"sync"
	"testing"
)

const module = "github.com/auditflow/auditflow"

// mayImport says, for every top-level directory, in which others its packages
// may find what they import: imports run down only. A new directory needs a
// line here. Tests are free.
var mayImport = map[string][]string{
	"audit":      {},
	"api":        {},
	"internal":   {},                    // plumbing knows nothing of what flows through it
	"store":      {"audit", "internal"}, // internal/failpoint
	"activities": {"audit", "internal"}, // which see stores as interfaces of their own
	"workflows":  {"activities", "audit"},
	"worker":     {"workflows", "activities", "audit"},
	"controller": {"workflows", "activities", "audit", "api", "internal"}, // internal/failpoint
	"httpapi":    {"workflows", "activities", "audit", "internal"},
	"client":     {"workflows", "activities", "audit"},
	"console":    {"audit"}, // which sees store and door as interfaces
	"cmd":        {"controller", "httpapi", "console", "worker", "workflows", "activities", "store", "audit", "api", "internal"},
	"test":       {"controller", "httpapi", "worker", "workflows", "activities", "store", "audit", "api", "internal"},
}

// neverLinks names what must not be linked into a package, by whatever detour.
var neverLinks = []rule{
	{"controller", []string{"github.com/jackc/pgx"}, "the Kubernetes door needs no database"},
	{"httpapi", []string{"github.com/jackc/pgx"}, "the HTTP door needs no database"},
	{"console", []string{"github.com/jackc/pgx", "go.temporal.io", "k8s.io", "sigs.k8s.io"}, "pages are shown, whatever answers their questions"},
	{"client", []string{"github.com/jackc/pgx", "k8s.io", "sigs.k8s.io"}, "whoever delivers records needs neither a database nor Kubernetes"},
	{"workflows", []string{"github.com/jackc/pgx"}, "workflows do no I/O"},
	{"activities", []string{"github.com/jackc/pgx"}, "activities see stores as interfaces"},
	{"worker", []string{"github.com/jackc/pgx"}, "a worker is given its store"},
	{"store", []string{"go.temporal.io", "k8s.io", "sigs.k8s.io"}, "stores know records and nothing of how they come"},
	{"audit", []string{"go.temporal.io", "k8s.io", "sigs.k8s.io", "github.com/jackc/pgx"}, "the noun needs no machinery"},
}

// neverImports names what must not stand among the imports of a package itself;
// the SDKs it builds on may well link it.
var neverImports = []rule{
	{"workflows", outside, "workflows do no I/O"},
	{"activities", outside, "activities translate; the deep packages do I/O"},
	{"audit/redact", outside, "redaction is pure"},
}

// outside is how a package would reach out of its process.
var outside = []string{"os", "os/exec", "os/signal", "net", "net/http", "io/ioutil", "syscall", "database/sql"}

// meaningless are names that say nothing about what a package hides.
var meaningless = []string{"util", "utils", "common", "helper", "helpers", "misc", "models", "mocks", "pkg"}

type rule struct {
	in      string // a directory, and all below it
	imports []string
	why     string
}

// listing is what go list tells of a package.
type listing struct {
	ImportPath, Name, Doc string
	Standard, DepOnly     bool
	Imports, Deps         []string
}

// dir is the package's directory in this module.
func (l listing) dir() string { return strings.TrimPrefix(l.ImportPath, module+"/") }

func below(path, top string) bool { return path == top || strings.HasPrefix(path, top+"/") }

func top(dir string) string {
	first, _, _ := strings.Cut(dir, "/")
	return first
}

// violations says which rules a package of ours breaks, and why they are there.
func violations(p listing, standard map[string]bool) (broken []string) {
	tell := func(format string, args ...any) {
		broken = append(broken, p.dir()+" "+fmt.Sprintf(format, args...))
	}
	lower, known := mayImport[top(p.dir())]
	if !known {
		tell("is in a directory of which it is not said what it may import")
	}
	for _, path := range p.Imports {
		other := strings.TrimPrefix(path, module+"/")
		if other != path && top(other) != top(p.dir()) && !slices.Contains(lower, top(other)) {
			tell("imports %s: imports run down only", other)
		}
	}
	if p.dir() == "audit" {
		for _, path := range p.Deps {
			if !standard[path] {
				tell("links %s: the noun needs the standard library only", path)
			}
		}
	}
	for _, r := range neverLinks {
		if path, bad := r.concerns(p, p.Deps, below); bad {
			tell("links %s: %s", path, r.why)
		}
	}
	for _, r := range neverImports {
		if path, bad := r.concerns(p, p.Imports, func(path, name string) bool { return path == name }); bad {
			tell("imports %s: %s", path, r.why)
		}
	}
	for _, element := range append(strings.Split(p.dir(), "/"), p.Name) {
		if slices.Contains(meaningless, element) {
			tell("is called %s, which says nothing about it", element)
			break
		}
	}
	if p.Doc == "" {
		tell("has no doc comment: what does it hide?")
	}
	return broken
}

func (r rule) concerns(p listing, paths []string, match func(path, name string) bool) (string, bool) {
	if !below(p.dir(), r.in) {
		return "", false
	}
	for _, path := range paths {
		if slices.ContainsFunc(r.imports, func(name string) bool { return match(path, name) }) {
			return path, true
		}
	}
	return "", false
}

// list is every package of the module, and which of those they link are the
// standard library's.
var list = sync.OnceValues(func() ([]listing, map[string]bool) {
	out, err := exec.Command("go", "list", "-deps", "-json=ImportPath,Name,Doc,Standard,DepOnly,Imports,Deps", module+"/...").Output()
	if err != nil {
		var failed *exec.ExitError
		if errors.As(err, &failed) {
			err = fmt.Errorf("%w: %s", err, failed.Stderr)
		}
		panic(fmt.Errorf("go list: %w", err))
	}
	var ours []listing
	standard := map[string]bool{}
	for from := json.NewDecoder(bytes.NewReader(out)); from.More(); {
		var p listing
		if err := from.Decode(&p); err != nil {
			panic(fmt.Errorf("read go list: %w", err))
		}
		standard[p.ImportPath] = p.Standard
		if !p.DepOnly {
			ours = append(ours, p)
		}
	}
	return ours, standard
})

func TestEveryPackageKeepsTheRules(t *testing.T) {
	t.Parallel()
	ours, standard := list()
	for _, p := range ours {
		for _, broken := range violations(p, standard) {
			t.Error(broken)
		}
	}
}

func TestNoRuleSpeaksOfWhatIsNotThere(t *testing.T) {
	t.Parallel()
	ours, _ := list()
	subjects := []string{"audit"}
	for dir := range mayImport {
		subjects = append(subjects, dir)
	}
	for _, r := range slices.Concat(neverLinks, neverImports) {
		subjects = append(subjects, r.in)
	}
	for _, dir := range subjects {
		if !slices.ContainsFunc(ours, func(p listing) bool { return below(p.dir(), dir) }) {
			t.Errorf("there is no package in %s: was it renamed? Then the rules about it hold nothing any more", dir)
		}
	}
}

func TestEveryRuleCatchesWhoBreaksIt(t *testing.T) {
	t.Parallel()
	ok := func(dir string) listing {
		return listing{ImportPath: module + "/" + dir, Name: "x", Doc: "Package x is fine.", Imports: []string{"context"}, Deps: []string{"context"}}
	}
	imports := func(dir, path string) listing { p := ok(dir); p.Imports = []string{path}; return p }
	links := func(dir, path string) listing { p := ok(dir); p.Deps = []string{"context", path}; return p }
	undocumented, named := ok("worker"), ok("worker/queue")
	undocumented.Doc, named.Name = "", "utils"

	for name, tc := range map[string]struct {
		p    listing
		want string // "" means that nothing is wrong
	}{
		"down":                              {imports("workflows", module+"/activities"), ""},
		"within its own directory":          {imports("audit/seal", module+"/audit"), ""},
		"up":                                {imports("activities", module+"/workflows"), "activities imports workflows: imports run down only"},
		"up from below":                     {imports("audit/seal", module+"/internal/config"), "audit/seal imports internal/config: "},
		"a store that knows its activities": {imports("store/postgres", module+"/activities"), "store/postgres imports activities: "},
		"plumbing with opinions":            {imports("internal/daemon", module+"/audit"), "internal/daemon imports audit: "},
		"doors do not know each other":      {imports("worker", module+"/controller"), "worker imports controller: "},
		"product that needs its tests":      {imports("cmd/worker", module+"/test/world"), "cmd/worker imports test/world: "},
		"a directory nobody decided on":     {ok("billing"), "billing is in a directory of which"},
		"the noun with a dependency":        {links("audit", "github.com/google/uuid"), "audit links github.com/google/uuid: "},
		"but not what is below it":          {links("audit/seal", "github.com/google/uuid"), ""},
		"a controller with a database":      {links("controller", "github.com/jackc/pgx/v5"), "controller links github.com/jackc/pgx/v5: "},
		"the other binary has one":          {links("cmd/worker", "github.com/jackc/pgx/v5"), ""},
		"a client that needs Kubernetes":    {links("client/clienttest", "k8s.io/apimachinery/pkg/types"), "client/clienttest links k8s.io/apimachinery/pkg/types: "},
		"a store with Temporal":             {links("store/postgres", "go.temporal.io/sdk/client"), "store/postgres links go.temporal.io/sdk/client: "},
		"a workflow with a database":        {links("workflows", "github.com/jackc/pgx/v5"), "workflows links "},
		"an activity with a database":       {links("activities", "github.com/jackc/pgx/v5"), "activities links "},
		"a workflow that reads files":       {imports("workflows", "os"), "workflows imports os: "},
		"an activity that runs programs":    {imports("activities", "os/exec"), "activities imports os/exec: "},
		"an activity that serves":           {imports("activities", "net/http"), "activities imports net/http: "},
		"redaction that calls":              {imports("audit/redact", "net"), "audit/redact imports net: "},
		"redaction that reads URLs":         {imports("audit/redact", "net/url"), ""},
		"a directory that says nothing":     {ok("store/common"), "store/common is called common"},
		"a package that says nothing":       {named, "worker/queue is called utils"},
		"a package without a word":          {undocumented, "worker has no doc comment"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			broken := violations(tc.p, map[string]bool{"context": true})
			if tc.want == "" && len(broken) == 0 {
				return
			}
			if tc.want == "" || len(broken) != 1 || !strings.HasPrefix(broken[0], tc.want) {
				t.Errorf("got %q, want %q", broken, tc.want)
			}
		})
	}
}
