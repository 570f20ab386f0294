package httpapi

import (
	"iter"
	"net/http"
	"strings"
	"time"

	"github.com/auditflow/auditflow/audit"
)

const (
	usualPage = 100
	mostRows  = 1_000_000 // in one answer; the cursor leads on
)

// list answers with the rows of a query, the newest first.
func (d *door) list(w http.ResponseWriter, r *http.Request) *Problem {
	who, params, as, p := d.reading(r, typeJSON, typeNDJSON, typeCSV)
	if p != nil {
		return p
	}
	q := Query{
		Workflow: params.text("workflow"), Execution: params.text("execution"), Action: params.text("action"),
		Namespace: params.text("namespace"), Kind: params.text("kind"), Name: params.text("name"),
		Cluster: params.text("cluster"), Phase: params.text("phase"), Success: params.truth("success"),
		Range: params.within(d.now(), 0), MinDuration: params.duration("min_duration", 0),
		MinRetries:  int32(params.number("min_retries", 0, 0, 1<<31-1)), //nolint:gosec // bounded
		OldestFirst: params.flag("oldest_first"), After: params.text("after"),
		Limit: params.number("limit", usualPage, 1, mostRows),
	}
	if p := params.problem(d); p != nil {
		return p
	}
	if p := d.access.allows(r.Context(), who, "list", exactly(q.Cluster), exactly(q.Namespace)); p != nil {
		return p
	}
	limit := q.Limit
	q.Limit++ // to know whether there are more
	return d.rows(r.Context(), w, as, d.reader.Find(r.Context(), q), limit, d.reader.CursorOf)
}

// exactly is the one name that a pattern means, "" if it may mean several.
func exactly(pattern string) string {
	if strings.ContainsAny(pattern, `*?\`) {
		return ""
	}
	return pattern
}

// get answers with one row. One that may not be seen is not there.
func (d *door) get(w http.ResponseWriter, r *http.Request) *Problem {
	who, params, _, p := d.reading(r, typeJSON)
	if p != nil {
		return p
	}
	if p := params.problem(d); p != nil {
		return p
	}
	row, err := d.reader.Get(r.Context(), r.PathValue("id"))
	if err != nil {
		return d.readProblem(r.Context(), err)
	}
	p = d.access.allows(r.Context(), who, "get", row.Cluster, row.TargetNamespace)
	if p != nil && p.Status == http.StatusForbidden {
		return absent()
	}
	if p != nil {
		return p
	}
	writeJSON(w, http.StatusOK, typeJSON, row)
	return nil
}

// reading is what all questions begin with.
func (d *door) reading(r *http.Request, formats ...string) (who principal, params *parameters, as string, p *Problem) {
	if who, p = d.authenticate(r); p != nil {
		return who, nil, "", p
	}
	if as, p = wantedType(r, formats...); p != nil {
		return who, nil, "", p
	}
	params, p = d.parameters(r.URL.RawQuery)
	return who, params, as, p
}

// day is what operators ask for, week what reviewers do.
const (
	day  = 24 * time.Hour
	week = 7 * day
)

// rowReport makes a handler of a report that lists rows; over is what is slow.
func (d *door) rowReport(ask func(r *http.Request, within Range, over time.Duration, limit int) iter.Seq2[audit.Persisted, error], hasOver bool) handler {
	return func(w http.ResponseWriter, r *http.Request) *Problem {
		who, params, as, p := d.reading(r, typeJSON, typeNDJSON, typeCSV)
		if p != nil {
			return p
		}
		within, limit, over := params.within(d.now(), day), params.number("limit", usualPage, 1, mostRows), time.Duration(0)
		if hasOver {
			over = params.duration("over", 30*time.Second)
		}
		if p := d.mayReport(r, who, params); p != nil {
			return p
		}
		return d.rows(r.Context(), w, as, ask(r, within, over, limit+1), limit, nil)
	}
}

// lineReport makes a handler of a report that adds up.
func (d *door) lineReport(ask func(r *http.Request, within Range, failedToo bool) ([]any, error), hasAll bool) handler {
	return func(w http.ResponseWriter, r *http.Request) *Problem {
		who, params, _, p := d.reading(r, typeJSON)
		if p != nil {
			return p
		}
		within := params.within(d.now(), week)
		failedToo := hasAll && params.flag("all")
		if p := d.mayReport(r, who, params); p != nil {
			return p
		}
		lines, err := ask(r, within, failedToo)
		if err != nil {
			return d.readProblem(r.Context(), err)
		}
		if lines == nil {
			lines = []any{}
		}
		writeJSON(w, http.StatusOK, typeJSON, map[string]any{"items": lines})
		return nil
	}
}

// mayReport: reports go over all clusters and namespaces.
func (d *door) mayReport(r *http.Request, who principal, params *parameters) *Problem {
	if p := params.problem(d); p != nil {
		return p
	}
	return d.access.allows(r.Context(), who, "list", "", "")
}

func (d *door) failures(r *http.Request, within Range, _ time.Duration, limit int) iter.Seq2[audit.Persisted, error] {
	return d.reader.Failures(r.Context(), within, limit)
}

func (d *door) slow(r *http.Request, within Range, over time.Duration, limit int) iter.Seq2[audit.Persisted, error] {
	return d.reader.Slow(r.Context(), within, over, limit)
}

func (d *door) durations(r *http.Request, within Range, failedToo bool) ([]any, error) {
	return d.reader.Durations(r.Context(), within, failedToo)
}

func (d *door) retries(r *http.Request, within Range, _ bool) ([]any, error) {
	return d.reader.Retries(r.Context(), within)
}

func (d *door) resources(r *http.Request, within Range, _ bool) ([]any, error) {
	return d.reader.Resources(r.Context(), within)
}
