package postgres_test

import (
	"context"
	"errors"
	"iter"
	"maps"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"
	"pgregory.net/rapid"

	"github.com/auditflow/auditflow/audit"
	"github.com/auditflow/auditflow/audit/lifecycle"
	"github.com/auditflow/auditflow/store/postgres"
)

func sorted[K int64 | string, V any](m map[K]V) []K { return slices.Sorted(maps.Keys(m)) }

// partition picks one, whatever its state.
func (c *care) partition() (p audit.Partition, found bool) {
	if len(c.partitions) == 0 {
		return p, false
	}
	return rapid.SampledFrom(c.partitions).Draw(c.T, "partition"), true
}

// state is how things stand just now.
func (c *care) state(name string) audit.PartitionState {
	var list []audit.Partition
	c.must("list the partitions", c.surely(func() (err error) { list, err = c.store().Partitions(c.ctx); return err }))
	for _, p := range list {
		if p.Name == name {
			return p.State
		}
	}
	return ""
}

// deliver stores records as a workflow does, and returns what is known by that.
func (c *care) deliver(records []audit.Record) (learn func()) {
	if len(records) == 0 {
		return func() {}
	}
	var receipts []audit.Receipt
	attempts := 0
	err := c.surely(func() (err error) {
		attempts++
		receipts, err = c.stores[len(records)%2].Append(c.ctx, records)
		return err
	})
	return func() {
		if attempts > 1 || err != nil { // what was stored before the answer was lost may be out by now
			for _, r := range records {
				c.again[r.ID] = true
			}
		}
		c.waiting = nil
		if class := postgres.Class(err); class == postgres.ClassDatabase || class == postgres.ClassTimeout {
			c.waiting = records // a partition is half detached, or one is just being created by others
			return
		}
		c.must("append", err)
		for i, r := range records {
			if o := receipts[i].Outcome; o != audit.OutcomeStored && o != audit.OutcomeDuplicate {
				c.Fatalf("record %s is %s", r.ID, o)
			}
			_, known := c.written[r.ID]
			c.again[r.ID] = c.again[r.ID] || known && receipts[i].Outcome == audit.OutcomeStored
			c.written[r.ID] = r
			if c.went[r.ID] != receipts[i].Partition { // else it was there, or came, just before
				delete(c.gone, r.ID)
			}
		}
	}
}

func (c *care) ensure() {
	store := rapid.SampledFrom(c.stores).Draw(c.T, "store")
	period := audit.PeriodOf(rapid.SampledFrom([]audit.Interval{audit.Monthly, audit.Weekly, audit.Daily}).Draw(c.T, "interval"),
		at(2025, time.Month(rapid.IntRange(1, 4).Draw(c.T, "month")), rapid.IntRange(1, 28).Draw(c.T, "day")))
	err := c.disturbed(func(ctx context.Context) error { _, err := store.EnsurePeriod(ctx, period); return err })
	if err != nil && !cutOff(err) {
		c.Fatalf("ensure %s: %v", period.Suffix(), err)
	}
	if err != nil {
		return
	}
	at := period.Start
	c.look()
	for _, p := range c.partitions { // by their start
		if p.State != audit.PartitionDetached && p.Period.Contains(at) {
			at = p.Period.End
		}
	}
	if at.Before(period.End) {
		c.Fatalf("%s has no partition at %s", period.Suffix(), at)
	}
}

func (c *care) move() {
	p, found := c.partition()
	if !found {
		return
	}
	to := rapid.SampledFrom(c.spaces).Draw(c.T, "to")
	var moved bool
	err := c.disturbed(func(ctx context.Context) (err error) { moved, err = c.store().Move(ctx, p.Name, to, nil); return err })
	if err != nil && !cutOff(err) {
		c.Fatalf("move %s: %v", p.Name, err)
	}
	c.look()
	for _, now := range c.partitions {
		if now.Name == p.Name && moved && now.Tablespace != to {
			c.Fatalf("%s is in %q, not in %q", p.Name, now.Tablespace, to)
		}
	}
}

func (c *care) hold() {
	c.n++
	h := audit.Hold{Kind: audit.HoldPeriod, Reason: "some", PlacedBy: "ann"}
	h.Start = at(2025, time.Month(rapid.IntRange(1, 3).Draw(c.T, "month")), 5)
	h.End = h.Start.Add(time.Hour)
	if known := sorted(c.written); len(known) > 0 && rapid.Bool().Draw(c.T, "of a row") {
		h = audit.Hold{Kind: audit.HoldID, Value: rapid.SampledFrom(known).Draw(c.T, "held"), Reason: "some", PlacedBy: "ann"}
	}
	err := c.disturbed(func(ctx context.Context) error { _, err := c.store().PlaceHold(ctx, h); return err })
	if err != nil && !cutOff(err) {
		c.Fatalf("place a hold: %v", err)
	}
	c.lookAtHolds()
}

func (c *care) release() {
	ids := sorted(c.holds)
	if len(ids) == 0 {
		return
	}
	id := rapid.SampledFrom(ids).Draw(c.T, "hold")
	err := c.disturbed(func(ctx context.Context) error { _, err := c.store().ReleaseHold(ctx, id, "bob"); return err })
	if err != nil && !cutOff(err) {
		c.Fatalf("release: %v", err)
	}
	c.lookAtHolds()
}

// lookAtHolds learns whether the last step was done before it was cut off.
func (c *care) lookAtHolds() {
	var list []audit.Hold
	c.must("list the holds", c.surely(func() (err error) { list, err = c.store().Holds(c.ctx, false); return err }))
	clear(c.holds)
	for _, h := range list {
		c.holds[h.ID] = h
	}
}

func (c *care) held(p audit.Partition) bool {
	for _, h := range c.holds {
		if h.Kind == audit.HoldPeriod && h.Start.Before(p.Period.End) && p.Period.Start.Before(h.End) {
			return true
		}
		if h.Kind == audit.HoldID && slices.Contains(c.lies[p.Name], h.Value) {
			return true
		}
	}
	return false
}

// entries are those of the archive, in the order of the trail.
func (c *care) entries(p audit.Partition) iter.Seq2[audit.Entry, error] {
	var all []audit.Entry
	for _, row := range c.archive {
		if e, err := row.Entry(); err != nil || p.Period.Contains(row.CreatedAt) {
			c.must("read the archive", err)
			all = append(all, e)
		}
	}
	slices.SortFunc(all, audit.Entry.Compare)
	return func(yield func(audit.Entry, error) bool) {
		for _, e := range all {
			if !yield(e, nil) {
				return
			}
		}
	}
}

// retire is what retention does: see workflows.EnforceRetention.
func (c *care) retire() {
	p, found := c.partition()
	if !found {
		return
	}
	if _, proven := c.compare(p); !proven && !rapid.Bool().Draw(c.T, "archive it first") {
		return
	} else if !proven {
		c.export(p)
	}
	c.detachOne(p)
	if c.state(p.Name) != audit.PartitionDetached {
		return
	}
	if rows, proven := c.compare(p); proven {
		c.dropOne(p, rows)
	}
}

func (c *care) compare(p audit.Partition) (rows int64, proven bool) {
	var compared lifecycle.Comparison
	err := c.surely(func() (err error) {
		compared, err = lifecycle.Compare(c.store().Entries(c.ctx, p.Name, time.Time{}), c.entries(p))
		return err
	})
	if missing := (*postgres.RefusedError)(nil); errors.As(err, &missing) { // dropped in this very step
		return 0, false
	}
	c.must("compare "+p.Name, err)
	if compared.Altered > 0 {
		c.Fatalf("%s is altered: %+v", p.Name, compared)
	}
	return compared.Rows, compared.Proven()
}

func (c *care) detach() {
	if p, found := c.partition(); found {
		c.detachOne(p)
	}
}

func (c *care) detachOne(p audit.Partition) {
	before, held := c.state(p.Name), c.held(p)
	err := c.disturbed(func(ctx context.Context) error { return c.store().Detach(ctx, p.Name) })
	refusal := (*postgres.RefusedError)(nil)
	switch {
	case errors.As(err, &refusal) && held && before == audit.PartitionAttached:
	case err == nil && (!held || before != audit.PartitionAttached):
	case err != nil && cutOff(err):
	default:
		c.Fatalf("detach %s, which was %s, held: %t: %v", p.Name, before, held, err)
	}
}

// drop drops, without looking, what the archive has as many rows of.
func (c *care) drop() {
	if p, found := c.partition(); found {
		var archived int64
		for _, id := range c.lies[p.Name] {
			if c.archive[id] != nil {
				archived++
			}
		}
		c.dropOne(p, archived)
	}
}

// dropOne tries until it knows, as a workflow does. A row may be dropped when the
// archive has it.
func (c *care) dropOne(p audit.Partition, want int64) {
	state := c.state(p.Name)
	var rows []string
	if state == audit.PartitionDetached {
		rows = c.ids(p.Name)
	}
	may := state == audit.PartitionDetached && !c.held(p) && int64(len(rows)) == want
	tombstone := grave("run-" + p.Name)
	try := func(ctx context.Context) error { return c.store().Drop(ctx, p.Name, want, tombstone) }
	err := c.disturbed(try)
	if cutOff(err) {
		err = c.surely(func() error { return try(c.ctx) })
	}
	refusal := (*postgres.RefusedError)(nil)
	if !may && errors.As(err, &refusal) {
		return
	}
	if !may || err != nil {
		c.Fatalf("drop %s, which is %s, held: %t, %d rows, %d compared: %v", p.Name, state, c.held(p), len(rows), want, err)
	}
	for _, id := range rows {
		if c.archive[id] == nil {
			c.Fatalf("row %s was dropped and is not archived", id)
		}
		c.gone[id], c.went[id] = true, p.Name
	}
	c.buried += want
}

// attach is what docs/runbook.md tells an operator to do.
func (c *care) attach() {
	const statements = `
		SELECT format('ALTER TABLE kubernetes_execution_audit ATTACH PARTITION %I FOR VALUES FROM (%L) TO (%L)', table_name, starts, ends)
		FROM auditflow_detached WHERE to_regclass(table_name) IS NOT NULL`
	rows, err := c.hand.Query(c.ctx, statements)
	c.must("find what is detached", err)
	list, err := pgx.CollectRows(rows, pgx.RowTo[string])
	c.must("find what is detached", err)
	for _, statement := range list {
		_, err := c.hand.Exec(c.ctx, statement)
		if state := code(err); err != nil && state != "42P17" && state != "42809" { // another has its time; it is attached
			c.Fatalf("%s: %v", statement, err)
		}
	}
}
