package postgres

import (
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode/utf8"
)

// Filter says which records are wanted; the zero value wants all. Conditions
// are joined by AND. Text is compared exactly and case-sensitively, unless said
// otherwise; an empty field is no condition.
type Filter struct {
	Workflow  string // workflow_ref
	Execution string // execution_id
	Action    string // action_type
	// Namespace is target_namespace. * stands for any run of characters, also
	// none, and ? for one; \ before a character takes it as it is. At most
	// 1,000 characters.
	Namespace string
	Kind      string // target_resource_kind
	Name      string // target_resource_name
	Cluster   string
	Phase     string
	Success   *bool // nil: both
	// From and To bound created_at: From inclusive, To exclusive; zero is open.
	From, To time.Time
	// MinDuration is the least duration; 0 is no condition. Records without a
	// duration do not have it.
	MinDuration time.Duration
	// MinRetries is the least retry_count; 0 is no condition.
	MinRetries int32
}

// ArgumentError is a question that makes no sense; the database was not asked.
type ArgumentError struct {
	Field string // JSON name of the column, or "range", "limit", "after"
	Rule  string // what the field must be
}

func (e *ArgumentError) Error() string { return e.Field + " " + e.Rule }

// selection returns the filter in SQL, or an [*ArgumentError].
func (f Filter) selection() (*selection, error) {
	c := &selection{}
	for _, t := range []struct{ column, value string }{
		{"workflow_ref", f.Workflow},
		{"execution_id", f.Execution},
		{"action_type", f.Action},
		{"target_resource_kind", f.Kind},
		{"target_resource_name", f.Name},
		{"cluster", f.Cluster},
		{"phase", f.Phase},
	} {
		if err := c.equals(t.column, t.value); err != nil {
			return nil, err
		}
	}
	if err := c.namespace(f.Namespace); err != nil {
		return nil, err
	}
	if err := c.between("created_at", Range{f.From, f.To}); err != nil {
		return nil, err
	}
	if f.Success != nil {
		c.success(*f.Success)
	}
	switch {
	case f.MinDuration < 0:
		return nil, &ArgumentError{"duration", "must not be negative"}
	case f.MinRetries < 0:
		return nil, &ArgumentError{"retry_count", "must not be negative"}
	}
	if f.MinDuration > 0 {
		c.add("duration >= %s", ceilDuration(f.MinDuration))
	}
	if f.MinRetries > 0 {
		c.add("retry_count >= %s", f.MinRetries)
	}
	return c, nil
}

// selection is a WHERE clause under construction. Values travel as parameters;
// only text of this package becomes SQL.
type selection struct {
	clauses   []string
	arguments []any
	// unanchored is the namespace's LIKE that begins with a wildcard, if there
	// is one.
	unanchored *clauseAt
}

// argument adds a value and returns the parameter that stands for it.
func (c *selection) argument(value any) string {
	c.arguments = append(c.arguments, value)
	return fmt.Sprintf("$%d", len(c.arguments))
}

// add adds a clause, in which %s stands for the value.
func (c *selection) add(clause string, value any) {
	c.clauses = append(c.clauses, fmt.Sprintf(clause, c.argument(value)))
}

// success writes a condition on success without a parameter, so that it is what
// an index WHERE NOT success promises.
func (c *selection) success(wanted bool) {
	if wanted {
		c.clauses = append(c.clauses, "success")
	} else {
		c.clauses = append(c.clauses, "NOT success")
	}
}

func (c *selection) known(column string) {
	c.clauses = append(c.clauses, column+" IS NOT NULL")
}

func (c *selection) equals(column, value string) error {
	if value == "" {
		return nil
	}
	if err := storable(column, value); err != nil {
		return err
	}
	c.add(column+" = %s", value)
	return nil
}

func (c *selection) namespace(pattern string) error {
	const column = "target_namespace"
	if pattern == "" {
		return nil
	}
	if err := storable(column, pattern); err != nil {
		return err
	}
	p, err := parsePattern(pattern)
	if err != nil {
		return &ArgumentError{column, err.Error()}
	}
	if p.exact {
		return c.equals(column, p.text)
	}
	if unanchored(p.like) {
		c.unanchored = &clauseAt{len(c.clauses), len(c.arguments)}
	}
	c.add(column+" LIKE %s", p.like)
	return nil
}

// storable refuses what no column can hold and PostgreSQL would not take as a
// parameter either.
func storable(column, value string) error {
	if strings.ContainsRune(value, 0) || !utf8.ValidString(value) {
		return &ArgumentError{column, "must be valid UTF-8 without NUL"}
	}
	return nil
}

func (c *selection) between(column string, r Range) error {
	from, to := ceilTime(r.From), ceilTime(r.To)
	for _, t := range []time.Time{from, to} {
		if !t.IsZero() && (t.Year() < 1 || t.Year() > 9999) {
			return &ArgumentError{"range", "must lie in the years 1 to 9999"}
		}
	}
	if !r.From.IsZero() && !r.To.IsZero() && !r.From.Before(r.To) {
		return &ArgumentError{"range", "must begin before it ends"}
	}
	if !from.IsZero() {
		c.add(column+" >= %s", from)
	}
	if !to.IsZero() {
		c.add(column+" < %s", to)
	}
	return nil
}

// clone is a copy that may be added to.
func (c *selection) clone() *selection {
	return &selection{slices.Clone(c.clauses), slices.Clone(c.arguments), c.unanchored}
}

func (c *selection) where() string {
	if len(c.clauses) == 0 {
		return "true"
	}
	return strings.Join(c.clauses, " AND ")
}

// ceilTime is the first instant that the database can tell, not before t: what
// lies at or after t, lies at or after it, and what lies before, before it.
func ceilTime(t time.Time) time.Time {
	floor := t.UTC().Truncate(time.Microsecond)
	if floor.Before(t) {
		return floor.Add(time.Microsecond)
	}
	return floor
}

func ceilDuration(d time.Duration) time.Duration {
	floor := d.Truncate(time.Microsecond)
	if floor < d {
		return floor + time.Microsecond
	}
	return floor
}
