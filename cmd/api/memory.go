package main

import (
	"math"
	"runtime/debug"

	"github.com/auditflow/auditflow/httpapi"
)

// perBody is how many bytes of memory one byte of a body may come to, read,
// decoded, sealed and on its way to Temporal, with what the garbage collector has
// not got to yet; base is everything else.
const (
	perBody = 5
	base    = 32 << 20
)

// boundMemory has the garbage collector keep to what the limits promise, rather
// than let the heap double whenever many bodies are in hand. Who sets GOMEMLIMIT
// knows better.
func boundMemory(l httpapi.Limits) {
	if unset := debug.SetMemoryLimit(-1) == math.MaxInt64; unset {
		debug.SetMemoryLimit(base + perBody*l.InFlightBytes)
	}
}
