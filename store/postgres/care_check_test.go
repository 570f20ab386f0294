package postgres_test

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/auditflow/auditflow/audit"
)

// settle waits until nothing runs any more that was cut off.
func (c *care) settle() {
	const quiet = `SELECT NOT EXISTS (SELECT FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()
		AND backend_type = 'client backend' AND state <> 'idle')`
	for deadline := time.Now().Add(30 * time.Second); ; time.Sleep(5 * time.Millisecond) {
		var is bool
		c.must("look who is there", c.hand.QueryRow(c.ctx, quiet).Scan(&is))
		if is {
			return
		}
		if time.Now().After(deadline) {
			c.Fatalf("somebody is still at it")
		}
	}
}

// look lists the partitions.
func (c *care) look() {
	c.must("list the partitions", c.surely(func() (err error) { c.partitions, err = c.store().Partitions(c.ctx); return err }))
}

// found is a row as somebody who may read finds it.
type found struct {
	Table, ID, Digest string
	CreatedAt         time.Time
}

const foundRows = `SELECT tableoid::regclass::text, id::text, encode(record_sha256, 'hex'), created_at FROM `

func (c *care) rows(table string) []found {
	rows, err := c.eyes.Query(c.ctx, foundRows+pgx.Identifier{table}.Sanitize())
	c.must("read "+table, err)
	all, err := pgx.CollectRows(rows, pgx.RowToStructByPos[found])
	c.must("read "+table, err)
	return all
}

func (c *care) ids(table string) (ids []string) {
	for _, r := range c.rows(table) {
		ids = append(ids, r.ID)
	}
	return ids
}

// check is what holds after every step.
func (c *care) check() {
	c.settle()
	c.look()
	c.lies = map[string][]string{}
	all := c.rows("kubernetes_execution_audit")
	bounds := map[string]audit.Period{}
	for i, p := range c.partitions {
		bounds[p.Name] = p.Period
		if p.State != audit.PartitionAttached {
			all = append(all, c.rows(p.Name)...)
		}
		for _, o := range c.partitions[:i] {
			if p.State != audit.PartitionDetached && o.State != audit.PartitionDetached && p.Period.Overlaps(o.Period) {
				c.Fatalf("%s and %s overlap", o.Name, p.Name)
			}
		}
	}
	places := map[string]int{}
	for _, r := range all {
		c.lies[r.Table] = append(c.lies[r.Table], r.ID)
		places[r.ID]++
		delete(c.gone, r.ID) // delivered again, into a partition of the same name
		want, known := c.written[r.ID]
		switch {
		case !known && !slices.ContainsFunc(c.waiting, func(w audit.Record) bool { return w.ID == r.ID }):
			c.Fatalf("row %s in %s was never written", r.ID, r.Table)
		case known && (r.Digest != want.RecordSHA256 || !r.CreatedAt.Equal(want.CreatedAt)):
			c.Fatalf("row %s in %s is not what was written", r.ID, r.Table)
		case !bounds[r.Table].Contains(r.CreatedAt):
			c.Fatalf("row %s of %s lies in %s", r.ID, r.CreatedAt, r.Table)
		case slices.Index(c.lies[r.Table], r.ID) < len(c.lies[r.Table])-1:
			c.Fatalf("row %s is in %s twice", r.ID, r.Table)
		}
	}
	for id := range c.written {
		switch n := places[id]; {
		case n == 0 && !c.gone[id]:
			c.Fatalf("row %s is lost: found in %v", id, c.lies)
		case n > 1 && !c.again[id]:
			c.Fatalf("row %s is there %d times: %v", id, n, c.lies)
		}
	}
	c.checkMain()
	c.checkBeside()
}

// checkMain: what a query of the audit table finds, it finds once.
func (c *care) checkMain() {
	seen := map[string]bool{}
	for _, id := range c.ids("kubernetes_execution_audit") {
		if seen[id] {
			c.Fatalf("a query finds row %s twice", id)
		}
		seen[id] = true
	}
}

// checkBeside: the catalogues, the tombstones and the table of restored rows.
func (c *care) checkBeside() {
	ask := func(sql string) (answer string) {
		c.must("ask", c.hand.QueryRow(c.ctx, `SELECT coalesce((`+sql+`)::text, '')`).Scan(&answer))
		return answer
	}
	if broken := ask(`SELECT string_agg(indexrelid::regclass::text, ', ') FROM pg_index
		WHERE NOT indisvalid AND indrelid IN (SELECT relid FROM pg_partition_tree('kubernetes_execution_audit'))`); broken != "" {
		c.Fatalf("indexes that are not valid: %s", broken)
	}
	if buried := ask(`SELECT coalesce(sum(row_count), 0) FROM auditflow_tombstone`); buried != fmt.Sprint(c.buried) {
		c.Fatalf("tombstones tell of %s rows, dropped were %d", buried, c.buried)
	}
	back := c.ids("kubernetes_execution_audit_archive")
	slices.Sort(back)
	if want := sorted(c.back); !slices.Equal(back, want) {
		c.Fatalf("restored are %v, want %v", back, want)
	}
}

// finish is the next run, undisturbed, and then the end of everything.
func (c *care) finish() {
	for _, p := range c.partitions {
		if p.State == audit.PartitionDetaching {
			c.must("finish detaching", c.surely(func() error { return c.store().Detach(c.ctx, p.Name) }))
		}
	}
	c.deliver(c.waiting)()
	c.check()
	if len(c.waiting) > 0 {
		c.Fatalf("%d records are not stored though nothing is in their way", len(c.waiting))
	}
	for _, p := range c.partitions { // a run of tiering settles what earlier ones have left
		c.must("move "+p.Name, c.surely(func() error { _, err := c.store().Move(c.ctx, p.Name, "", nil); return err }))
		break
	}
	if len(c.partitions) > 0 {
		c.nothingLeft()
	}
	for _, id := range sorted(c.holds) {
		c.must("release", c.surely(func() error { _, err := c.store().ReleaseHold(c.ctx, id, "bob"); return err }))
	}
	c.lookAtHolds()
	for _, p := range slices.Clone(c.partitions) {
		for range 100 {
			if _, proven := c.compare(p); proven {
				break
			}
			c.export(p)
		}
		c.must("detach "+p.Name, c.surely(func() error { return c.store().Detach(c.ctx, p.Name) }))
		rows, proven := c.compare(p)
		if !proven {
			c.Fatalf("%s is not archived", p.Name)
		}
		c.dropOne(p, rows)
	}
	c.check()
	if len(c.partitions) > 0 || len(c.gone) != len(c.written) {
		c.Fatalf("left are %v; %d of %d rows were dropped", c.partitions, len(c.gone), len(c.written))
	}
}

func (c *care) nothingLeft() {
	var left []string
	rows, err := c.hand.Query(c.ctx, `
		SELECT relname::text FROM pg_class WHERE relkind = 'r' AND relname ~ '_(moving|moved)$'
		UNION ALL SELECT 'trigger on ' || tgrelid::regclass FROM pg_trigger WHERE tgname = 'auditflow_mirror'
		UNION ALL SELECT 'half detached: ' || inhrelid::regclass FROM pg_inherits WHERE inhdetachpending
		UNION ALL SELECT 'a note of ' || table_name FROM auditflow_move`)
	c.must("look what is left", err)
	left, err = pgx.CollectRows(rows, pgx.RowTo[string])
	c.must("look what is left", err)
	if len(left) > 0 {
		c.Fatalf("left behind: %s", strings.Join(left, ", "))
	}
}
