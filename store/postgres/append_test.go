package postgres_test

import (
	"encoding/json"
	"fmt"
	"math"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/auditflow/auditflow/audit"
	"github.com/auditflow/auditflow/store/postgres"
)

func TestARecordReadBackIsTheRecordAppended(t *testing.T) {
	t.Parallel()
	address := database(t)
	store, conn := open(t, postgres.Config{URL: address}), connect(t, address)

	with := func(uid string, change func(*audit.Record)) audit.Record {
		r := complete(uid, january)
		change(&r)
		return digested(r)
	}
	parameters := func(uid, raw string) audit.Record {
		return with(uid, func(r *audit.Record) { r.ActionParameters = json.RawMessage(raw) })
	}
	longest := time.Duration(math.MaxInt64)
	cases := map[string]audit.Record{
		"every field has a value":                complete("complete", january),
		"every field that may be is unknown":     minimal("minimal", january),
		"the phase is empty":                     with("phase", func(r *audit.Record) { r.Phase = "" }),
		"the exit code is 0, which is not NULL":  with("zero", func(r *audit.Record) { r.JobExitCode = new(int32) }),
		"the duration is 0, which is not NULL":   with("instant", func(r *audit.Record) { r.Duration = new(time.Duration) }),
		"the duration is the longest there is":   with("longest", func(r *audit.Record) { r.Duration = &longest }),
		"the end lies before the start":          with("reverse", func(r *audit.Record) { r.EndTime = r.StartTime.Add(-time.Hour) }),
		"the times are not UTC":                  with("zone", func(r *audit.Record) { r.StartTime = r.StartTime.In(time.FixedZone("", -7*3600)) }),
		"a time has nanoseconds":                 with("nano", func(r *audit.Record) { r.CreatedAt = r.CreatedAt.Add(789) }),
		"the output has NUL and invalid UTF-8":   with("bytes", func(r *audit.Record) { r.Output = "a\x00b\xffc\r\n\x1b[31m" }),
		"the names are longer than their column": with("long", func(r *audit.Record) { r.ExecutionID = strings.Repeat("é", 300) }),
		"the output is 3 MB":                     with("large", func(r *audit.Record) { r.Output = strings.Repeat("line of output\n", 200_000) }),
		"parameters are a JSON string":           parameters("string", `"rolling"`),
		"parameters are an empty object":         parameters("object", `{}`),
		"parameters are null, that is none":      parameters("null", `null`),
		"numbers are odd":                        parameters("numbers", `[1.50, -0, -0.00, 1e3, 1.5e-7, 123456789012345678901234567890, 0.1, 1e400000, 2E+2]`),
		"keys are twice, long and empty":         parameters("keys", `{"b":1,"a":2,"b":3,"":4,"aa":5,"é":6,"\u0000":7}`),
		"text is hard":                           parameters("text", `["\u0000", "\ud800", "😀\u2028<>&", "\\u0041", "é"]`),
		"parameters are not JSON":                parameters("broken", `{"a":`),
	}
	for name, want := range cases {
		t.Run(name, func(t *testing.T) {
			receipts, err := store.Append(t.Context(), []audit.Record{want})
			must(t, err)
			equal(t, "receipt", receipts[0], audit.Receipt{
				ID: want.ID, Partition: "kubernetes_execution_audit_2025_01", Outcome: audit.OutcomeStored,
			})
			got := readBack(t, conn, "kubernetes_execution_audit", want.ID)
			if !reflect.DeepEqual(got, want) {
				t.Errorf("got  %+v\nwant %+v", got, want)
			}
			equal(t, "digest of what was read", got.Digest(), want.RecordSHA256)
		})
	}
}

func TestUnknownIsNullAndNeverEmptyOrZero(t *testing.T) {
	t.Parallel()
	address := database(t)
	store, conn := open(t, postgres.Config{URL: address}), connect(t, address)
	r := minimal("unknown", january)
	r.Phase = ""
	_, err := store.Append(t.Context(), []audit.Record{digested(r)})
	must(t, err)

	known := column[string](t, conn, `
		SELECT key FROM kubernetes_execution_audit a, jsonb_each(to_jsonb(a)) WHERE value <> 'null' ORDER BY key`)
	equal(t, "columns with a value", strings.Join(known, " "), "action_type cluster created_at execution_id id"+
		" max_retries persisted_at record_sha256 retry_count source step_index success workflow_ref")
}

func TestReceiptsTellStoredDuplicateAndConflict(t *testing.T) {
	t.Parallel()
	first := complete("one", january)
	changed := first
	changed.Output = "something else"
	changed = digested(changed)
	redelivered := first
	redelivered.DeliveredBy = "audit/batch/another"

	const stored, duplicate, conflict = audit.OutcomeStored, audit.OutcomeDuplicate, audit.OutcomeConflict
	cases := map[string]struct {
		before, slice []audit.Record
		want          []audit.Outcome
	}{
		"a new record is stored":                                {nil, []audit.Record{first}, []audit.Outcome{stored}},
		"the same record again is a duplicate":                  {[]audit.Record{first}, []audit.Record{first}, []audit.Outcome{duplicate}},
		"delivered by another workflow it is still that":        {[]audit.Record{first}, []audit.Record{redelivered}, []audit.Outcome{duplicate}},
		"the same id with other content is a conflict":          {[]audit.Record{first}, []audit.Record{changed}, []audit.Outcome{conflict}},
		"twice in one slice, the second is a duplicate":         {nil, []audit.Record{first, first}, []audit.Outcome{stored, duplicate}},
		"changed within one slice, the second is a conflict":    {nil, []audit.Record{first, changed, first}, []audit.Outcome{stored, conflict, duplicate}},
		"both, with the row there before":                       {[]audit.Record{first}, []audit.Record{changed, first}, []audit.Outcome{conflict, duplicate}},
		"a new record between others that were there":           {[]audit.Record{first}, []audit.Record{changed, minimal("new", january), first}, []audit.Outcome{conflict, stored, duplicate}},
		"the same id created a microsecond later is a conflict": {[]audit.Record{first}, []audit.Record{complete("one", january.Add(time.Microsecond))}, []audit.Outcome{conflict}},
		"or a day earlier":                                      {[]audit.Record{first}, []audit.Record{complete("one", january.Add(-24*time.Hour))}, []audit.Outcome{conflict}},
		"within one slice, the first is stored":                 {nil, []audit.Record{complete("one", january.Add(time.Second)), first}, []audit.Outcome{stored, conflict}},
		"also when the others of the slice come between":        {nil, []audit.Record{first, minimal("new", january), complete("one", january.Add(time.Second)), first}, []audit.Outcome{stored, stored, conflict, duplicate}},
		"days apart it is not told from a new one":              {[]audit.Record{first}, []audit.Record{complete("one", january.Add(25*time.Hour))}, []audit.Outcome{stored}},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			address := database(t)
			store, conn := open(t, postgres.Config{URL: address}), connect(t, address)
			if _, err := store.Append(t.Context(), c.before); err != nil {
				t.Fatal(err)
			}
			receipts, err := store.Append(t.Context(), c.slice)
			must(t, err)
			for i, want := range c.want {
				equal(t, fmt.Sprint("receipt ", i), receipts[i], audit.Receipt{
					ID: c.slice[i].ID, Partition: "kubernetes_execution_audit_2025_01", Outcome: want,
				})
			}
			row := column[[]byte](t, conn, `SELECT record_sha256 FROM kubernetes_execution_audit
				WHERE id = $1 AND created_at = $2`, first.ID, first.CreatedAt)
			if len(row) > 0 {
				equal(t, "digest of the row, which stays the first", fmt.Sprintf("%x", row[0]), first.RecordSHA256)
			}
		})
	}
}

func TestAMixedBatchOfAHundredHasItsReceiptsInOrder(t *testing.T) {
	t.Parallel()
	store := open(t, postgres.Config{URL: database(t)})
	records := many(100, time.Date(2025, 1, 31, 23, 59, 59, 950_000_000, time.UTC)) // 50 in January, 50 in February
	var before []audit.Record
	for i := 0; i < 100; i += 3 {
		before = append(before, records[i])
	}
	_, err := store.Append(t.Context(), before)
	must(t, err)
	for i := 0; i < 100; i += 6 { // every second of those that are there
		records[i].Output = "changed"
		records[i] = digested(records[i])
	}

	receipts, err := store.Append(t.Context(), records)
	must(t, err)
	for i, got := range receipts {
		want := audit.Receipt{ID: records[i].ID, Partition: "kubernetes_execution_audit_2025_01", Outcome: audit.OutcomeStored}
		if i >= 50 {
			want.Partition = "kubernetes_execution_audit_2025_02"
		}
		switch {
		case i%6 == 0:
			want.Outcome = audit.OutcomeConflict
		case i%3 == 0:
			want.Outcome = audit.OutcomeDuplicate
		}
		equal(t, fmt.Sprint("receipt ", i), got, want)
	}
}

// With partitions of any size, to look for rows that are there and to tell a
// duplicate takes index look-ups only.
func TestLookingForRowsThatAreThereScansNoTable(t *testing.T) {
	t.Parallel()
	address := database(t)
	store := open(t, postgres.Config{URL: address, MaxConns: 1})
	records := many(500, january)
	for range 8 { // past the fifth run the server plans once for all values
		_, err := store.Append(t.Context(), records)
		must(t, err)
	}
	store.Close() // so that its statistics are there to be read
	read := column[int64](t, connect(t, address), `SELECT sum(seq_tup_read)::bigint FROM pg_stat_user_tables
		WHERE relname LIKE 'kubernetes_execution_audit_2025%'`)
	equal(t, "rows read by scanning", read[0], 0)
}

func TestAConflictNamesThePartitionOfTheRowThatIsThere(t *testing.T) {
	t.Parallel()
	store := open(t, postgres.Config{URL: database(t)})
	midnight := time.Date(2025, 2, 1, 0, 0, 0, 0, time.UTC)
	before, after := complete("one", midnight.Add(-time.Microsecond)), complete("one", midnight)
	_, err := store.Append(t.Context(), []audit.Record{before})
	must(t, err)
	receipts, err := store.Append(t.Context(), []audit.Record{after})
	must(t, err)
	equal(t, "receipt", receipts[0], audit.Receipt{
		ID: after.ID, Partition: "kubernetes_execution_audit_2025_01", Outcome: audit.OutcomeConflict,
	})
	receipts, err = store.Append(t.Context(), []audit.Record{before})
	must(t, err)
	equal(t, "outcome of the row itself", receipts[0].Outcome, audit.OutcomeDuplicate)
}

// Rows that stores of earlier releases wrote next to each other stay what they
// are.
func TestARecordIsComparedWithItsOwnRowBeforeOneNearby(t *testing.T) {
	t.Parallel()
	address := database(t)
	store, conn := open(t, postgres.Config{URL: address}), connect(t, address)
	one, other := complete("one", january), complete("other", january.Add(time.Second))
	_, err := store.Append(t.Context(), []audit.Record{one, other})
	must(t, err)
	execute(t, conn, `UPDATE kubernetes_execution_audit SET id = $1 WHERE id = $2`, one.ID, other.ID)
	other.ID = one.ID // its digest is as it was stored
	receipts, err := store.Append(t.Context(), []audit.Record{one, other})
	must(t, err)
	for i := range receipts {
		equal(t, fmt.Sprint("outcome ", i), receipts[i].Outcome, audit.OutcomeDuplicate)
	}
}

func TestAppendOfNothingDoesNothing(t *testing.T) {
	t.Parallel()
	store := open(t, postgres.Config{URL: "postgres://nobody@127.0.0.1:1/none?sslmode=disable"})
	receipts, err := store.Append(t.Context(), nil)
	must(t, err)
	equal(t, "receipts", len(receipts), 0)
}
