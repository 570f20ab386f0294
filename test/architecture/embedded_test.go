package architecture

import (
	"fmt"
	"slices"
	"testing"
)

// The controller has no database credentials unless its operator embeds a worker.
// So there is one way from its binary to a database: the packages that read the
// worker's configuration.
const (
	controllerBinary = "cmd/controller"
	wayToDatabase    = "cmd/internal/work"
	wayToArchive     = "cmd/internal/upkeep" // its section maintenance
)

// otherWays says which packages in the controller's binary import a store or the
// database's driver, and are neither a store themselves nor the one way.
func otherWays(ours []listing) (broken []string) {
	i := slices.IndexFunc(ours, func(p listing) bool { return p.dir() == controllerBinary })
	if i < 0 {
		return []string{controllerBinary + " is not there"}
	}
	for _, p := range ours {
		linked := p.dir() == controllerBinary || slices.Contains(ours[i].Deps, p.ImportPath)
		if !linked || p.dir() == wayToDatabase || p.dir() == wayToArchive || below(p.dir(), "store") {
			continue
		}
		for _, path := range p.Imports {
			if below(path, module+"/store") || below(path, "github.com/jackc/pgx") {
				broken = append(broken, fmt.Sprintf("%s imports %s", p.dir(), path))
			}
		}
	}
	return broken
}

func TestTheControllerGetsToADatabaseOnlyThroughAnEmbeddedWorker(t *testing.T) {
	t.Parallel()
	ours, _ := list()
	for _, broken := range otherWays(ours) {
		t.Errorf("%s: the controller has no database credentials of its own", broken)
	}
}

func TestAnotherWayToADatabaseIsSeen(t *testing.T) {
	t.Parallel()
	in := func(dir string, imports ...string) listing {
		return listing{ImportPath: module + "/" + dir, Imports: imports}
	}
	binary := in(controllerBinary, module+"/"+wayToDatabase)
	binary.Deps = []string{module + "/" + wayToDatabase, module + "/store/postgres", module + "/controller"}
	way, store := in(wayToDatabase, module+"/store/postgres"), in("store/postgres", "github.com/jackc/pgx/v5")
	for name, tc := range map[string]struct {
		ours []listing
		want int
	}{
		"the one way":            {[]listing{binary, way, store}, 0},
		"a driver in the door":   {[]listing{binary, way, store, in("controller", "github.com/jackc/pgx/v5/pgxpool")}, 1},
		"a store in the door":    {[]listing{binary, way, store, in("controller", module+"/store/archive")}, 1},
		"in what it has no part": {[]listing{binary, way, store, in("cmd/auditctl", module+"/store/postgres")}, 0},
		"the binary is gone":     {[]listing{way, store}, 1},
	} {
		if broken := otherWays(tc.ours); len(broken) != tc.want {
			t.Errorf("%s: %q", name, broken)
		}
	}
}
