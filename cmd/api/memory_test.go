package main

import (
	"math"
	"runtime/debug"
	"testing"

	"github.com/auditflow/auditflow/httpapi"
)

// It is not parallel: there is one memory limit for all of a process.
func TestMemoryIsBoundByTheLimitsUnlessTheOperatorHasSaidHowMuch(t *testing.T) {
	before := debug.SetMemoryLimit(math.MaxInt64)
	t.Cleanup(func() { debug.SetMemoryLimit(before) })
	boundMemory(httpapi.DefaultLimits())
	if bound := debug.SetMemoryLimit(-1); bound != 192<<20 {
		t.Errorf("with the usual limits it is %d MiB", bound>>20)
	}
	debug.SetMemoryLimit(1 << 30)
	boundMemory(httpapi.DefaultLimits())
	if bound := debug.SetMemoryLimit(-1); bound != 1<<30 {
		t.Errorf("what the operator has set became %d MiB", bound>>20)
	}
}
