//go:build failpoints

package failpoint

import (
	"os"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"
)

//nolint:gochecknoglobals // what the environment says when the process starts
var (
	armed, nth = parse(os.Getenv(Variable))
	hits       atomic.Int64
)

func parse(s string) (name string, n int64) {
	name, count, counted := strings.Cut(s, ":")
	if !counted {
		return name, 1
	}
	n, err := strconv.ParseInt(count, 10, 64)
	if err != nil {
		panic(Variable + ": want NAME or NAME:N")
	}
	return name, n
}

// Hit kills the process when the environment asks for this point: nothing is
// deferred, flushed or said.
func Hit(name string) {
	if name == armed && hits.Add(1) == nth {
		_ = syscall.Kill(os.Getpid(), syscall.SIGKILL)
		select {}
	}
}
