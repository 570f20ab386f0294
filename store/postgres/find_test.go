package postgres_test

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"net/url"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/auditflow/auditflow/audit"
	"github.com/auditflow/auditflow/store/postgres"
)

// collect reads a sequence to its end.
func collect(t testing.TB, rows iter.Seq2[postgres.Row, error]) []postgres.Row {
	t.Helper()
	var all []postgres.Row
	for row, err := range rows {
		must(t, err)
		all = append(all, row)
	}
	return all
}

// names are the execution ids of rows, without what all have in common.
func names(rows []postgres.Row) string {
	var names []string
	for _, r := range rows {
		names = append(names, strings.TrimPrefix(r.ExecutionID, "execution-"))
	}
	return strings.Join(names, " ")
}

// with is a complete record with a change.
func with(uid string, createdAt time.Time, change func(*audit.Record)) audit.Record {
	r := complete(uid, createdAt)
	change(&r)
	return digested(r)
}

func stored(t testing.TB, records ...audit.Record) *postgres.Store {
	t.Helper()
	store := open(t, postgres.Config{URL: database(t)})
	_, err := store.Append(t.Context(), records)
	must(t, err)
	return store
}

func TestARecordFoundIsTheRecordAppended(t *testing.T) {
	t.Parallel()
	records := []audit.Record{
		complete("complete", january),
		minimal("minimal", january.Add(time.Hour)),
		with("empty", january.Add(2*time.Hour), func(r *audit.Record) { r.Phase, r.WorkflowRef = "", "" }),
		with("hard", january.Add(3*time.Hour), func(r *audit.Record) {
			r.ActionParameters = []byte(`{"b":[1.50,-0,1e3,1e400000,123456789012345678901234567890],"a":"\u0000<&>\u2028","a":"é"}`)
			r.Output = "a\x00b\xffc\r\n\x1b[31m"
		}),
	}
	store := stored(t, records...)
	found := collect(t, store.Find(t.Context(), postgres.Query{OldestFirst: true}))
	equal(t, "rows", len(found), len(records))
	for i, row := range found {
		one, err := store.Get(t.Context(), strings.ToUpper(row.ID))
		must(t, err)
		for how, r := range map[string]postgres.Row{"find": row, "get": one} {
			if !reflect.DeepEqual(r.Record, records[i]) {
				t.Errorf("%s:\ngot  %+v\nwant %+v", how, r.Record, records[i])
			}
			equal(t, how+": digest of what was read", r.Digest(), records[i].RecordSHA256)
			equal(t, how+": table", r.Table, "kubernetes_execution_audit_2025_01")
			if age := time.Since(r.PersistedAt); age < -time.Minute || age > time.Hour || r.PersistedAt.Location() != time.UTC {
				t.Errorf("%s: persisted at %v", how, r.PersistedAt)
			}
		}
	}
}

func TestGetLooksIntoTheArchiveTableToo(t *testing.T) {
	t.Parallel()
	address := database(t)
	store, conn := open(t, postgres.Config{URL: address}), connect(t, address)
	r := complete("archived", january)
	_, err := store.Append(t.Context(), []audit.Record{r})
	must(t, err)
	execute(t, conn, `INSERT INTO kubernetes_execution_audit_archive SELECT * FROM kubernetes_execution_audit`)
	row, err := store.Get(t.Context(), r.ID)
	must(t, err)
	equal(t, "table while both have it", row.Table, "kubernetes_execution_audit_2025_01")

	execute(t, conn, `DELETE FROM kubernetes_execution_audit`)
	row, err = store.Get(t.Context(), r.ID)
	must(t, err)
	equal(t, "table", row.Table, "kubernetes_execution_audit_archive")
	equal(t, "digest", row.Digest(), r.RecordSHA256)

	_, err = store.Get(t.Context(), audit.ID("test", "nobody"))
	if !errors.Is(err, postgres.ErrNotFound) {
		t.Errorf("an id that is not there: got %v", err)
	}
}

func TestAQuestionThatMakesNoSenseIsRefusedBeforeTheDatabaseIsAsked(t *testing.T) {
	t.Parallel()
	store := open(t, postgres.Config{URL: "postgres://nobody@127.0.0.1:1/nowhere?sslmode=disable"})
	find := func(change func(*postgres.Query)) func(context.Context) error {
		return func(ctx context.Context) error {
			var q postgres.Query
			change(&q)
			return firstError(store.Find(ctx, q))
		}
	}
	reversed := postgres.Range{From: january, To: january}
	cases := map[string]func(context.Context) error{
		"find records: limit must not be negative":                           find(func(q *postgres.Query) { q.Limit = -1 }),
		"find records: range must begin before it ends":                      find(func(q *postgres.Query) { q.From, q.To = january, january }),
		"find records: range must lie in the years 1 to 9999":                find(func(q *postgres.Query) { q.To = at(300000, 1, 1) }),
		"find records: duration must not be negative":                        find(func(q *postgres.Query) { q.MinDuration = -1 }),
		"find records: retry_count must not be negative":                     find(func(q *postgres.Query) { q.MinRetries = -1 }),
		"find records: target_namespace must have at most 1000 characters":   find(func(q *postgres.Query) { q.Namespace = strings.Repeat("é", 1001) }),
		`find records: target_namespace must not end in a single \`:          find(func(q *postgres.Query) { q.Namespace = `prod-*\` }),
		"find records: action_type must be valid UTF-8 without NUL":          find(func(q *postgres.Query) { q.Action = "a\x00" }),
		"find records: target_resource_name must be valid UTF-8 without NUL": find(func(q *postgres.Query) { q.Name = "\xff" }),
		"find records: after is not a place where a page ended":              find(func(q *postgres.Query) { q.After.ID = "x" }),
		"list the executions of a workflow: workflow_ref must not be empty":  func(ctx context.Context) error { return firstError(store.Workflow(ctx, "")) },
		"list failures: range must begin before it ends":                     func(ctx context.Context) error { return firstError(store.Failures(ctx, reversed, 1)) },
		"list failures: limit must not be negative":                          func(ctx context.Context) error { return firstError(store.Failures(ctx, postgres.Range{}, -1)) },
		"list slow executions: duration must not be negative":                func(ctx context.Context) error { return firstError(store.Slow(ctx, postgres.Range{}, -1, 0)) },
		"report durations: range must begin before it ends":                  func(ctx context.Context) error { _, err := store.Durations(ctx, reversed, true); return err },
		"report retries: range must begin before it ends":                    func(ctx context.Context) error { _, err := store.Retries(ctx, reversed); return err },
		"report resources: range must begin before it ends":                  func(ctx context.Context) error { _, err := store.Resources(ctx, reversed); return err },
		"get a record: id must be a UUID":                                    func(ctx context.Context) error { _, err := store.Get(ctx, "execution-1"); return err },
	}
	for want, ask := range cases {
		t.Run(want, func(t *testing.T) {
			t.Parallel()
			err := ask(t.Context())
			if _, ok := errors.AsType[*postgres.ArgumentError](err); !ok {
				t.Fatalf("got %v, want an ArgumentError", err)
			}
			equal(t, "error", err.Error(), want)
		})
	}
}

func firstError(rows iter.Seq2[postgres.Row, error]) error {
	for _, err := range rows {
		return err
	}
	return nil
}

func TestEachFilterFindsWhatItSays(t *testing.T) {
	t.Parallel()
	long, short, no := 2*time.Minute, 1500*time.Nanosecond, false
	store := stored(t,
		with("a", january, func(r *audit.Record) { r.WorkflowRef, r.Phase, r.TargetNamespace = "other", "Failed", "prod-a" }),
		with("b", january.Add(1), func(r *audit.Record) { r.ActionType, r.Success, r.TargetNamespace = "restart", false, "prod_a" }), // the same microsecond
		with("c", january.Add(time.Second), func(r *audit.Record) { r.TargetResourceKind, r.Duration, r.TargetNamespace = "Pod", &long, `pro%d\*` }),
		with("d", january.Add(2*time.Second), func(r *audit.Record) { r.TargetResourceName, r.RetryCount, r.TargetNamespace = "db", 4, "Prod-a" }),
		with("e", january.Add(3*time.Second), func(r *audit.Record) { r.Cluster, r.Duration, r.TargetNamespace = "eu", nil, "" }),
	)
	cases := map[string]struct {
		filter postgres.Filter
		want   string // oldest first; a and b, of one instant, by id
	}{
		"nothing":                          {postgres.Filter{}, "a b c d e"},
		"workflow":                         {postgres.Filter{Workflow: "other"}, "a"},
		"execution":                        {postgres.Filter{Execution: "execution-b"}, "b"},
		"action":                           {postgres.Filter{Action: "restart"}, "b"},
		"kind":                             {postgres.Filter{Kind: "Pod"}, "c"},
		"name":                             {postgres.Filter{Name: "db"}, "d"},
		"cluster":                          {postgres.Filter{Cluster: "eu"}, "e"},
		"phase":                            {postgres.Filter{Phase: "Failed"}, "a"},
		"failed":                           {postgres.Filter{Success: &no}, "b"},
		"two at once":                      {postgres.Filter{Success: &no, Phase: "Failed"}, ""},
		"the range includes its beginning": {postgres.Filter{From: january.Add(time.Second)}, "c d e"},
		"the range excludes its end":       {postgres.Filter{To: january.Add(time.Second)}, "a b"},
		"a nanosecond later it begins after them":  {postgres.Filter{From: january.Add(1)}, "c d e"},
		"a nanosecond later it ends after them":    {postgres.Filter{To: january.Add(1)}, "a b"},
		"a range within a microsecond has nothing": {postgres.Filter{From: january.Add(1), To: january.Add(2)}, ""},
		"a range may name any time zone":           {postgres.Filter{To: january.Add(time.Second).In(time.FixedZone("", 5*3600))}, "a b"},
		"the least duration is enough":             {postgres.Filter{MinDuration: 2 * time.Minute}, "c"},
		"a nanosecond more is not":                 {postgres.Filter{MinDuration: 2*time.Minute + 1}, ""},
		"no duration is not a short one":           {postgres.Filter{MinDuration: short}, "a b c d"},
		"the least retries are enough":             {postgres.Filter{MinRetries: 4}, "d"},
		"a namespace is one namespace":             {postgres.Filter{Namespace: "prod-a"}, "a"},
		"an underscore is no wildcard":             {postgres.Filter{Namespace: "prod_a"}, "b"},
		"beside a wildcard neither":                {postgres.Filter{Namespace: "prod_*"}, "b"},
		"? is one character":                       {postgres.Filter{Namespace: "prod?a"}, "a b"},
		"* is any number":                          {postgres.Filter{Namespace: "prod*"}, "a b"},
		"* may be none":                            {postgres.Filter{Namespace: "prod-a*"}, "a"},
		"** is *":                                  {postgres.Filter{Namespace: "**rod**a**"}, "a b d"},
		"* alone wants a namespace":                {postgres.Filter{Namespace: "*"}, "a b c d"},
		"% beside a wildcard is none":              {postgres.Filter{Namespace: "pr%*a"}, ""},
		"% and \\ are themselves":                  {postgres.Filter{Namespace: `pro%d\\\*`}, "c"},
		"% and \\ beside a wildcard are, too":      {postgres.Filter{Namespace: `?ro%d\\\*`}, "c"},
		"an escaped character is itself":           {postgres.Filter{Namespace: `\p\r\o\d-a`}, "a"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			found := names(collect(t, store.Find(t.Context(), postgres.Query{Filter: c.filter, OldestFirst: true})))
			if found == "b a" || strings.HasPrefix(found, "b a ") { // whose ids happen to be in that order
				found = "a b" + found[3:]
			}
			equal(t, "found", found, c.want)
		})
	}
}

func TestPagesHoldEachRecordOnceWhicheverWay(t *testing.T) {
	t.Parallel()
	records := many(1300, january)
	for i := range records { // of many an instant there are several
		records[i].CreatedAt = january.Add(time.Duration(i/7) * time.Hour)
		records[i] = digested(records[i])
	}
	store := stored(t, records...)
	slices.SortFunc(records, func(a, b audit.Record) int {
		if c := a.CreatedAt.Compare(b.CreatedAt); c != 0 {
			return c
		}
		return strings.Compare(a.ID, b.ID)
	})
	for _, oldestFirst := range []bool{true, false} {
		for _, limit := range []int{0, 1, 99, 100, 101, 1100, 1300, 9999} {
			t.Run(fmt.Sprintf("oldest first %v, limit %d", oldestFirst, limit), func(t *testing.T) {
				t.Parallel()
				q := postgres.Query{OldestFirst: oldestFirst, Limit: limit}
				found := collect(t, store.Find(t.Context(), q))
				if limit > 0 && limit < 1300 { // and the rest from there on
					equal(t, "rows up to the limit", len(found), limit)
					after, err := postgres.ParseCursor(postgres.CursorOf(found[len(found)-1]).String())
					must(t, err)
					q.After, q.Limit = after, 0
					found = append(found, collect(t, store.Find(t.Context(), q))...)
				}
				equal(t, "rows", len(found), len(records))
				for i := range found {
					want := records[i]
					if !oldestFirst {
						want = records[len(records)-1-i]
					}
					if found[i].ID != want.ID {
						t.Fatalf("row %d is %s, want %s", i, found[i].ID, want.ID)
					}
				}
			})
		}
	}
}

func TestAPageOfLargeRecordsIsCutShort(t *testing.T) {
	t.Parallel()
	records := many(6, january)
	for i := range records {
		records[i].Output = strings.Repeat("line of output\n", 100_000) // 1.5 MB, which compress to few
		if i%2 == 1 {
			records[i].Output, records[i].ActionParameters = "", []byte(`{"manifest":"`+strings.Repeat("a", 1_500_000)+`"}`)
		}
		records[i] = digested(records[i])
	}
	address := database(t)
	store := open(t, postgres.Config{URL: address, MaxConns: 1})
	for i := range records {
		_, err := store.Append(t.Context(), records[i:i+1])
		must(t, err)
	}
	page, more, err := postgres.FirstPage(t.Context(), store, postgres.Query{}, 1000)
	must(t, err)
	if len(page) < 2 || len(page) > 3 || !more {
		t.Errorf("%d records of 1.5 MB on a page, want two or three; more %v", len(page), more)
	}
	n := 0
	for row, err := range store.Find(t.Context(), postgres.Query{OldestFirst: true}) {
		must(t, err)
		equal(t, "digest", row.Digest(), records[n].RecordSHA256)
		n++
	}
	equal(t, "rows", n, len(records))
}

func TestEachRecordIsFoundOnceWhileOthersAreStored(t *testing.T) {
	t.Parallel()
	records := many(400, january)
	store := stored(t, records...)
	writer := make(chan error, 1)
	ctx, stop := context.WithCancel(t.Context())
	go func() {
		for i := 0; ctx.Err() == nil; i++ { // before, between and after those that are read
			at := january.Add(time.Duration(i%500-50) * time.Millisecond)
			if _, err := store.Append(ctx, []audit.Record{complete(fmt.Sprint("later-", i), at)}); err != nil && ctx.Err() == nil {
				writer <- err
				return
			}
		}
		writer <- nil
	}()
	for range 3 {
		seen := map[string]int{}
		for row, err := range store.Find(t.Context(), postgres.Query{}) {
			must(t, err)
			seen[row.ID]++
			equal(t, "times "+row.ID+" was found", seen[row.ID], 1)
		}
		for _, r := range records {
			equal(t, "times "+r.ID+" was found", seen[r.ID], 1)
		}
	}
	stop()
	must(t, <-writer)
}

func TestAConnectionThatIsLostBetweenPagesCostsNothing(t *testing.T) {
	t.Parallel()
	address := database(t)
	store, conn := open(t, postgres.Config{URL: address, MaxConns: 1}), connect(t, address)
	_, err := store.Append(t.Context(), many(250, january))
	must(t, err)
	n := 0
	for _, err := range store.Find(t.Context(), postgres.Query{}) {
		must(t, err)
		if n++; n == 50 {
			lost := column[bool](t, conn, `SELECT pg_terminate_backend(pid, 10000) FROM pg_stat_activity
				WHERE datname = current_database() AND pid <> pg_backend_pid() AND backend_type = 'client backend'`)
			equal(t, "connections that were lost", len(lost), 1)
		}
	}
	equal(t, "rows", n, 250)
}

func TestNoConnectionIsHeldWhileTheReaderLooksAtARow(t *testing.T) {
	t.Parallel()
	address := database(t)
	store, conn := open(t, postgres.Config{URL: address, MaxConns: 1}), connect(t, address)
	_, err := store.Append(t.Context(), many(110, january))
	must(t, err)
	for row, err := range store.Find(t.Context(), postgres.Query{}) {
		must(t, err)
		_, err = store.Get(t.Context(), row.ID) // on the only connection there is
		must(t, err)
		busy := column[int64](t, conn, `SELECT count(*) FROM pg_stat_activity
			WHERE datname = current_database() AND pid <> pg_backend_pid() AND state <> 'idle' AND backend_type = 'client backend'`)
		equal(t, "transactions that are open", busy[0], 0)
	}
}

func TestACursorIsReadAsItWasWritten(t *testing.T) {
	t.Parallel()
	for _, c := range []postgres.Cursor{
		{},
		{CreatedAt: january, ID: audit.ID("test", "one")},
		{CreatedAt: at(1969, 12, 31), ID: audit.ID("test", "before 1970")},
	} {
		parsed, err := postgres.ParseCursor(c.String())
		must(t, err)
		equal(t, "cursor "+c.String(), parsed, c)
		equal(t, "escaped for a URL", url.QueryEscape(c.String()), c.String())
	}
	for _, s := range []string{".", "x", "x.", "1." + strings.Repeat("g", 32), "zzzzzzzzzzzz." + strings.Repeat("0", 32), "1.1"} {
		if c, err := postgres.ParseCursor(s); err == nil {
			t.Errorf("%q was read as %v", s, c)
		}
	}
}
