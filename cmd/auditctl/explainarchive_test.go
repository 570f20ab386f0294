package main

import (
	"strings"
	"testing"

	"github.com/auditflow/auditflow/audit"
	"github.com/auditflow/auditflow/store/postgres"
)

func TestTheCatalogueSaysWhereARecordMayBeOnceTemporalSaysWhenItWasCreated(t *testing.T) {
	t.Parallel()
	j := newJourney(t)
	r := secretive(uid)
	j.start(t, r, true)
	store, err := postgres.Open(t.Context(), postgres.Config{URL: j.variables[variableDatabase], MaxConns: 1})
	must(t, err)
	t.Cleanup(store.Close)
	period := audit.PeriodOf(audit.Monthly, r.CreatedAt)
	at := audit.Key{CreatedAt: r.CreatedAt, ID: r.ID}
	must(t, store.NoteArchived(t.Context(), audit.Archived{
		SHA256: strings.Repeat("0a", 32), Object: "manifest-00001.json", Manifest: audit.Manifest{
			Format: audit.ManifestFormat, Period: period.Suffix(), Start: period.Start, End: period.End, Number: 1, ArchivedAt: noon,
			Segments: []audit.Segment{{Object: "part-00001", Rows: 1, First: at, Last: at}},
		},
	}))
	j.sql(t, `DELETE FROM kubernetes_execution_audit`)
	x := j.explained(t, exitNo, uid)
	if x.State != stateGone || x.Archive != notAsked || !x.Delivery.CreatedAt.Equal(r.CreatedAt) || len(x.Filed) != 1 || x.Filed[0].Period != period.Suffix() {
		t.Errorf("%+v, delivery %+v", x, x.Delivery)
	}
	contains(t, "the page", j.execute(t, "explain", uid).stdout, "the catalogue says that records of its time are archived", "part-00001", "--bucket-url")
}
