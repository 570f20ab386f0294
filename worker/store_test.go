//go:build !pgtemporal

package worker_test

import "github.com/auditflow/auditflow/test/world"

const store = world.TemporalOnSQLite
