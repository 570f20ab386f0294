package postgres_test

import (
	"cmp"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/auditflow/auditflow/audit"
	"github.com/auditflow/auditflow/store/postgres"
)

// A world of few values, so that filters meet records, and names that are
// patterns, too.
var (
	someNames      = []string{"", "a", "ab", "a%", "a_", `a\`, "a*", "*", "?b", "é", "A"}
	somePatterns   = []string{"", "a", "a*", "*b", "a?", "?", "*", "**", "a%*", "?_", `*\\`, `a\*`, `a\\`, `\?*`, "a%", "a_", "*_*", `*\**`, "a*b*", "?*?"}
	someActions    = []string{"scale", "restart", "drain"}
	somePhases     = []string{"", "Completed", "Failed", "Cancelled"}
	someSeconds    = rapid.Int64Range(0, 40*24*3600/600) // of ten minutes, within 40 days: two partitions
	someDurationsS = rapid.Int64Range(0, 5)
)

func aRecord(uid int) *rapid.Generator[audit.Record] {
	return rapid.Custom(func(r *rapid.T) audit.Record {
		one := func(from []string) string { return rapid.SampledFrom(from).Draw(r, "value") }
		at := january.Add(time.Duration(someSeconds.Draw(r, "created")) * 10 * time.Minute)
		return with(fmt.Sprint(uid), at, func(a *audit.Record) {
			a.WorkflowRef, a.ExecutionID, a.ActionType = one(someNames), one(someNames), one(someActions)
			a.TargetNamespace, a.TargetResourceKind, a.TargetResourceName = one(someNames), one(someNames), one(someNames)
			a.Cluster, a.Phase = one(someNames), one(somePhases)
			a.Success = rapid.Bool().Draw(r, "success")
			a.RetryCount = rapid.Int32Range(0, 3).Draw(r, "retries")
			a.Duration = nil
			if rapid.Bool().Draw(r, "has a duration") {
				d := time.Duration(someDurationsS.Draw(r, "duration")) * time.Second
				a.Duration = &d
			}
		})
	})
}

func aFilter() *rapid.Generator[postgres.Filter] {
	return rapid.Custom(func(r *rapid.T) postgres.Filter {
		var f postgres.Filter
		sometimes := func(set func()) {
			if rapid.IntRange(0, 4).Draw(r, "condition") == 0 {
				set()
			}
		}
		one := func(from []string) string { return rapid.SampledFrom(from).Draw(r, "value") }
		for _, field := range []*string{&f.Workflow, &f.Execution, &f.Kind, &f.Name, &f.Cluster} {
			sometimes(func() { *field = one(someNames) })
		}
		sometimes(func() { f.Action = one(someActions) })
		sometimes(func() { f.Phase = one(somePhases) })
		sometimes(func() { f.Namespace = one(somePatterns) })
		sometimes(func() { success := rapid.Bool().Draw(r, "success"); f.Success = &success })
		sometimes(func() { f.MinRetries = rapid.Int32Range(0, 3).Draw(r, "retries") })
		sometimes(func() { f.MinDuration = time.Duration(someDurationsS.Draw(r, "duration")) * time.Second })
		sometimes(func() { f.From = january.Add(time.Duration(someSeconds.Draw(r, "from")) * 10 * time.Minute) })
		sometimes(func() {
			f.To = january.Add(time.Duration(someSeconds.Draw(r, "to")) * 10 * time.Minute)
			if !f.From.Before(f.To) {
				f.To = f.From.Add(24 * time.Hour)
			}
		})
		return f
	})
}

// wants is what a filter says, read one condition at a time.
func wants(f postgres.Filter, r audit.Record) bool {
	text := func(wanted, got string) bool { return wanted == "" || wanted == got }
	return text(f.Workflow, r.WorkflowRef) && text(f.Execution, r.ExecutionID) && text(f.Action, r.ActionType) &&
		text(f.Kind, r.TargetResourceKind) && text(f.Name, r.TargetResourceName) && text(f.Cluster, r.Cluster) &&
		text(f.Phase, r.Phase) &&
		(f.Namespace == "" || r.TargetNamespace != "" && asRegexp(f.Namespace).MatchString(r.TargetNamespace)) &&
		(f.Success == nil || *f.Success == r.Success) &&
		(f.From.IsZero() || !r.CreatedAt.Before(f.From)) && (f.To.IsZero() || r.CreatedAt.Before(f.To)) &&
		(f.MinDuration == 0 || r.Duration != nil && *r.Duration >= f.MinDuration) &&
		r.RetryCount >= f.MinRetries
}

func asRegexp(pattern string) *regexp.Regexp {
	tokens := regexp.MustCompile(`(?s)\\.|.`).ReplaceAllStringFunc(pattern, func(token string) string {
		switch token {
		case "*":
			return ".*"
		case "?":
			return "."
		}
		return regexp.QuoteMeta(strings.TrimPrefix(token, `\`))
	})
	return regexp.MustCompile(`(?s)^` + tokens + `$`)
}

func TestFindIsTheFilterAppliedToEachRecord(t *testing.T) {
	t.Parallel()
	records := make([]audit.Record, 400)
	for i := range records {
		records[i] = aRecord(i).Example(i)
	}
	store := stored(t, records...)
	slices.SortFunc(records, func(a, b audit.Record) int {
		return cmp.Or(a.CreatedAt.Compare(b.CreatedAt), cmp.Compare(a.ID, b.ID))
	})
	rapid.Check(t, func(r *rapid.T) {
		q := postgres.Query{
			Filter:      aFilter().Draw(r, "filter"),
			OldestFirst: rapid.Bool().Draw(r, "oldest first"),
			Limit:       rapid.SampledFrom([]int{0, 40, 150}).Draw(r, "limit"),
		}
		var want []string
		for _, record := range records {
			if wants(q.Filter, record) {
				want = append(want, record.ID)
			}
		}
		if !q.OldestFirst {
			slices.Reverse(want)
		}
		got := pageByPage(r, t, store, q, len(want))
		if !slices.Equal(got, want) {
			r.Fatalf("got %d records, want %d:\n%v\n%v", len(got), len(want), got, want)
		}
	})
}

// pageByPage asks again and again, as a client with a page of its own does.
func pageByPage(r *rapid.T, t *testing.T, store *postgres.Store, q postgres.Query, most int) (ids []string) {
	for len(ids) <= most {
		before := len(ids)
		for row, err := range store.Find(t.Context(), q) {
			if err != nil {
				r.Fatal(err)
			}
			ids = append(ids, row.ID)
			q.After = postgres.CursorOf(row)
		}
		if read := len(ids) - before; q.Limit == 0 || read < q.Limit {
			break
		} else if read > q.Limit {
			r.Fatalf("%d rows, more than the limit", read)
		}
	}
	return ids
}
