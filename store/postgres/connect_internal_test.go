package postgres

import (
	"testing"
	"time"
)

// So that a password or certificate that was replaced is out of use by then.
func TestNoConnectionLivesLongerThanHalfAnHour(t *testing.T) {
	t.Parallel()
	for url, want := range map[string]time.Duration{
		"postgres://h/db": 30 * time.Minute,
		"postgres://h/db?pool_max_conn_lifetime=24h": 30 * time.Minute,
		"postgres://h/db?pool_max_conn_lifetime=10m": 10 * time.Minute,
		"host=h pool_max_conn_lifetime_jitter=1h":    30 * time.Minute,
	} {
		pool, _, err := Config{URL: url}.resolve()
		if err != nil {
			t.Fatal(err)
		}
		if got := pool.MaxConnLifetime + pool.MaxConnLifetimeJitter; got != want {
			t.Errorf("%s: %s, want %s", url, got, want)
		}
	}
}

func TestWhatAnAdministratorHasToRun(t *testing.T) {
	t.Parallel()
	roles := []string{"auditflow_maintainer", "auditflow_reader", "auditflow_writer"}
	grants := []string{"GRANT CREATE ON SCHEMA audit TO auditflow_maintainer"}
	cases := map[string]struct {
		r    rights
		want int
	}{
		"a login that creates roles and owns the schema needs nothing": {
			rights{Schema: "audit", CreatesRoles: true, OwnsSchema: true, MissingRoles: roles, Grants: grants}, 0},
		"one that creates roles needs the schema": {
			rights{Schema: "audit", CreatesRoles: true, MissingRoles: roles, Grants: grants}, 1},
		"one that creates roles, which exist, is not their member": {
			rights{Schema: "audit", CreatesRoles: true, OwnsSchema: true}, 1},
		"one without anything needs roles, membership and the schema": {
			rights{Schema: "audit", MissingRoles: roles, Grants: grants}, 5},
		"a member of the maintainer needs nothing": {
			rights{Schema: "audit", Maintainer: true}, 0},
		"and tables of somebody else are to be handed over": {
			rights{Schema: "audit", Maintainer: true, Foreign: []string{"a", "b"}}, 2},
		"where the path names no schema there is nothing to grant": {
			rights{Maintainer: true, Grants: grants}, 0},
	}
	for name, c := range cases {
		if got := c.r.missing(); len(got) != c.want {
			t.Errorf("%s: %q", name, got)
		}
	}
}
