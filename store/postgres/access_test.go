package postgres_test

import (
	"slices"
	"testing"

	"github.com/auditflow/auditflow/store/postgres"
)

func TestAccessTellsWhatALoginMay(t *testing.T) {
	t.Parallel()
	address := database(t)
	for group, want := range map[string]postgres.Access{
		nobody:     {},
		writer:     {Reads: true, Writes: true},
		reader:     {Reads: true, Tells: true},
		maintainer: {Reads: true, Writes: true, Changes: true, Tells: true, Maintains: true},
	} {
		got, err := open(t, postgres.Config{URL: login(t, address, "", group)}).Access(t.Context())
		must(t, err)
		if got.Login == "" || got.Server == "" || got.Version < 150_000 || got.Superuser || len(got.Missing)+len(got.Absent)+len(got.Public) != 0 {
			t.Errorf("%s: %+v", group, got)
		}
		if got.Reads != want.Reads || got.Writes != want.Writes || got.Changes != want.Changes || got.Tells != want.Tells || got.Maintains != want.Maintains {
			t.Errorf("%s: %+v, want %+v", group, got, want)
		}
	}
	got, err := open(t, postgres.Config{URL: emptyDatabase(t)}).Access(t.Context())
	must(t, err)
	if !got.Superuser || got.Reads || len(got.Missing) != 0 {
		t.Errorf("nothing is migrated: %+v", got)
	}
}

func TestAccessNamesTheRightsThatAreMissingAndThoseThatAreTooMany(t *testing.T) {
	t.Parallel()
	address := database(t)
	conn, store := connect(t, address), open(t, postgres.Config{URL: address})
	execute(t, conn, `REVOKE INSERT ON kubernetes_execution_audit FROM auditflow_writer`)
	execute(t, conn, `REVOKE ALL ON auditflow_hold FROM auditflow_reader`)
	execute(t, conn, `REVOKE ALL ON FUNCTION auditflow_create_partition FROM auditflow_writer`)
	execute(t, conn, `ALTER TABLE auditflow_tombstone OWNER TO CURRENT_USER`) // as after a restore by hand
	execute(t, conn, `GRANT SELECT ON kubernetes_execution_audit TO PUBLIC`)
	got, err := store.Access(t.Context())
	must(t, err)
	want := []string{
		"ALTER TABLE auditflow_tombstone OWNER TO auditflow_maintainer",
		"GRANT EXECUTE ON FUNCTION auditflow_create_partition TO auditflow_writer",
		"GRANT INSERT ON kubernetes_execution_audit TO auditflow_writer",
		"GRANT SELECT ON auditflow_hold TO auditflow_reader",
	}
	if !slices.Equal(got.Missing, want) {
		t.Errorf("missing: %q, want %q", got.Missing, want)
	}
	if !slices.Equal(got.Public, []string{"kubernetes_execution_audit"}) {
		t.Errorf("everybody has rights on %q", got.Public)
	}
	for _, statement := range got.Missing {
		execute(t, conn, statement)
	}
	if got, err = store.Access(t.Context()); err != nil || len(got.Missing) != 0 {
		t.Errorf("after what was told was done: %q, %v", got.Missing, err)
	}
}
