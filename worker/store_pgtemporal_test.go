//go:build pgtemporal

package worker_test

import "github.com/auditflow/auditflow/test/world"

// The same tests on the server of production, see "make test-temporal-server".
const store = world.TemporalOnPostgreSQL
