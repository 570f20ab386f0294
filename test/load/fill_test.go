package main

import (
	"errors"
	"io"
	"strings"
	"testing"

	"github.com/auditflow/auditflow/audit"
	"github.com/auditflow/auditflow/store/postgres"
)

// contents is a digest of everything in the table, whatever its order.
const contents = `SELECT md5(string_agg(a::text, '|' ORDER BY id)) FROM kubernetes_execution_audit a`

func TestTheSameSeedGivesTheSameRowsHoweverManyWriteThem(t *testing.T) {
	t.Parallel()
	d := records(t, 12_000, 40, 1)
	single := one[string](t, connect(t, filled(t, d, 1)), contents)
	four := one[string](t, connect(t, filled(t, d, 4)), contents)
	equal(t, "rows written by four", four, single)
	other := one[string](t, connect(t, filled(t, records(t, 12_000, 40, 2), 4)), contents)
	if other == single {
		t.Error("another seed gave the same rows")
	}
}

func TestEveryRowIsThereAndItsDigestHolds(t *testing.T) {
	t.Parallel()
	d := records(t, 6000, 40, 1)
	store := openStore(t, filled(t, d, 3))
	want := map[string]string{}
	for k := range d.chunks() {
		for _, r := range d.chunk(k) {
			want[r.ID] = r.RecordSHA256
		}
	}
	for got, err := range store.Find(t.Context(), postgres.Query{}) {
		must(t, err)
		equal(t, "digest of what was read", got.Digest(), want[got.ID])
		delete(want, got.ID)
	}
	equal(t, "records without a row", len(want), 0)
}

// shape is all that tells tables apart: columns, indexes, constraints, owner,
// grants, storage parameters, statistics objects, bounds.
const shape = `
	SELECT coalesce(string_agg(line, E'\n' ORDER BY line), '') FROM (
		SELECT relname || ' ' || relowner::regrole || ' ' || coalesce(reloptions::text, '') || ' ' || coalesce(relacl::text, '')
			|| ' ' || coalesce(pg_get_expr(relpartbound, oid), '') AS line FROM pg_class
		WHERE relname LIKE 'kubernetes_execution_audit%'
		UNION ALL
		SELECT pg_get_indexdef(indexrelid) || indisvalid || coalesce(' part of ' || inhparent::regclass, '')
		FROM pg_index LEFT JOIN pg_inherits ON inhrelid = indexrelid
		WHERE indrelid::regclass::text LIKE 'kubernetes_execution_audit%'
		UNION ALL
		SELECT conrelid::regclass || ' ' || conname || ' ' || pg_get_constraintdef(oid) || ' ' || coninhcount || conislocal
		FROM pg_constraint WHERE conrelid::regclass::text LIKE 'kubernetes_execution_audit%'
		UNION ALL
		SELECT stxrelid::regclass || ' ' || pg_get_statisticsobjdef(oid) FROM pg_statistic_ext
		UNION ALL
		SELECT attrelid::regclass || ' ' || attname || ' ' || attnum || attnotnull || attislocal || attinhcount
		FROM pg_attribute WHERE attrelid::regclass::text LIKE 'kubernetes_execution_audit%' AND attnum > 0
	) AS lines`

func TestAFilledPartitionIsWhatEnsurePeriodMakes(t *testing.T) {
	t.Parallel()
	for _, interval := range []audit.Interval{audit.Monthly, audit.Daily} {
		t.Run(string(interval), func(t *testing.T) {
			t.Parallel()
			d := records(t, 2000, 35, 1)
			plain := database(t)
			store := openStore(t, plain)
			for at := d.from(); at.Before(until); {
				period := audit.PeriodOf(interval, at)
				_, err := store.EnsurePeriod(t.Context(), period)
				must(t, err)
				at = period.End
			}
			loaded := database(t)
			f := fill{url: loaded, data: d, interval: interval, progress: newProgress(io.Discard)}
			must(t, f.run(t.Context()))
			got, want := one[string](t, connect(t, loaded), shape), one[string](t, connect(t, plain), shape)
			if got != want {
				t.Errorf("got:\n%s\nwant:\n%s", got, want)
			}
			if !strings.Contains(got, "_pkey") {
				t.Error("the shape has no primary key: it is not looked at")
			}
		})
	}
}

func TestAVacuumedTableIsReadFromItsIndexesAlone(t *testing.T) {
	t.Parallel()
	db := connect(t, filled(t, records(t, 2000, 3, 1), 2))
	equal(t, "pages that are not known to be visible", one[int64](t, db, `
		SELECT sum(relpages - relallvisible)::bigint FROM pg_class
		WHERE oid IN (SELECT inhrelid FROM pg_inherits WHERE inhparent = 'kubernetes_execution_audit'::regclass)`), 0)
	equal(t, "tables without statistics", one[int64](t, db, `
		SELECT count(*) FROM pg_class WHERE relname LIKE 'kubernetes_execution_audit%'
		AND relname !~ 'archive|quarantine' AND relkind = 'r' AND reltuples < 0`), 0)
}

func TestATableWithRowsIsAddedToOnlyWhenAsked(t *testing.T) {
	t.Parallel()
	url := filled(t, records(t, 1000, 3, 1), 2)
	f := fill{url: url, interval: audit.Monthly, data: records(t, 500, 3, 2), progress: newProgress(io.Discard)}
	if err := f.run(t.Context()); !errors.Is(err, errHasRows) {
		t.Errorf("got %v, want a refusal", err)
	}
	f.append = true
	must(t, f.run(t.Context()))
	equal(t, "rows", one[int64](t, connect(t, url), `SELECT count(*) FROM kubernetes_execution_audit`), 1500)
}
