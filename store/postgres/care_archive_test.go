package postgres_test

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"iter"
	"time"

	"pgregory.net/rapid"

	"github.com/auditflow/auditflow/audit"
	"github.com/auditflow/auditflow/store/postgres"
)

func (c *care) file() {
	if p, found := c.partition(); found {
		c.export(p)
	}
}

// export archives what a partition has: its rows count only when all of them were
// read, and a manifest is noted.
func (c *care) export(p audit.Partition) {
	var rows []*audit.Persisted
	err := c.disturbed(func(ctx context.Context) error {
		rows = nil
		for row, err := range c.store().Export(ctx, p.Name, audit.Key{}, time.Time{}) {
			if err != nil {
				return err
			}
			rows = append(rows, row)
		}
		return nil
	})
	if missing := (*postgres.RefusedError)(nil); errors.As(err, &missing) && c.state(p.Name) == "" { // dropped before
		return
	}
	if err != nil && !cutOff(err) {
		c.Fatalf("export %s: %v", p.Name, err)
	}
	if err != nil || len(rows) == 0 {
		return
	}
	for _, row := range rows {
		if digest := row.Digest(); digest != row.RecordSHA256 || !p.Period.Contains(row.CreatedAt) {
			c.Fatalf("row %s of %s is not what it was", row.ID, p.Name)
		}
		c.archive[row.ID] = row
	}
	period := audit.PeriodBetween(p.Period.Start, p.Period.End)
	name := period.Suffix()
	digest := func(number int) string {
		if number == 0 {
			return ""
		}
		return fmt.Sprintf("%x", sha256.Sum256(fmt.Appendf(nil, "%s %d", name, number)))
	}
	c.filed[name]++
	number := c.filed[name]
	manifest := audit.Archived{Manifest: audit.Manifest{Period: name, Start: period.Start, End: period.End, Number: number,
		Previous: digest(number - 1), Rows: int64(len(rows))}, SHA256: digest(number), Object: "manifest-" + name}
	if err := c.disturbed(func(ctx context.Context) error { return c.store().NoteArchived(ctx, manifest) }); err != nil {
		c.must("note a manifest", c.surely(func() error { return c.store().NoteArchived(c.ctx, manifest) }))
	}
	var list []audit.Archived
	c.must("read the catalogue", c.surely(func() (err error) { list, err = c.store().Archived(c.ctx, name); return err }))
	if len(list) != number {
		c.Fatalf("the catalogue has %d manifests of %s, %d were noted", len(list), name, number)
	}
}

// restore brings a month back, all that the archive has of it or nothing.
func (c *care) restore() {
	c.n++
	start := at(2025, time.Month(rapid.IntRange(1, 3).Draw(c.T, "month")), 1)
	r := audit.Restore{Start: start, End: start.AddDate(0, 1, 0), Reason: "some", RestoredBy: "ann",
		RestoredAt: at(2026, 1, 1), ExpiresAt: at(2026, time.Month(rapid.IntRange(1, 4).Draw(c.T, "until")), 2)}
	var rows []*audit.Persisted
	for _, id := range sorted(c.archive) {
		if at := c.archive[id].CreatedAt; !at.Before(r.Start) && at.Before(r.End) {
			rows = append(rows, c.archive[id])
		}
	}
	err := c.disturbed(func(ctx context.Context) error { _, err := c.store().Restore(ctx, r, yielded(rows)); return err })
	if err != nil && !cutOff(err) {
		c.Fatalf("restore: %v", err)
	}
	if c.lookAtRestores() {
		for _, row := range rows {
			c.back[row.ID] = row.Record
		}
	}
}

func yielded(rows []*audit.Persisted) iter.Seq2[*audit.Persisted, error] {
	return func(yield func(*audit.Persisted, error) bool) {
		for _, row := range rows {
			if !yield(row, nil) {
				return
			}
		}
	}
}

// lookAtRestores tells whether there is one more.
func (c *care) lookAtRestores() bool {
	var list []audit.Restore
	c.must("list the restores", c.surely(func() (err error) { list, err = c.store().Restores(c.ctx); return err }))
	before := len(c.rests)
	clear(c.rests)
	for _, r := range list {
		c.rests[r.ID] = r
	}
	return len(c.rests) > before
}

// expire takes away what no restore wants any more.
func (c *care) expire() {
	now := at(2026, time.Month(rapid.IntRange(1, 5).Draw(c.T, "now")), 3)
	try := func(ctx context.Context) error { _, err := c.store().ExpireRestores(ctx, now); return err }
	if err := c.disturbed(try); err != nil {
		if !cutOff(err) {
			c.Fatalf("expire restores: %v", err)
		}
		c.must("expire restores", c.surely(func() error { return try(c.ctx) }))
	}
	for id, row := range c.back {
		wanted := false
		for _, r := range c.rests {
			wanted = wanted || r.ExpiresAt.After(now) && !row.CreatedAt.Before(r.Start) && row.CreatedAt.Before(r.End)
		}
		if !wanted {
			delete(c.back, id)
		}
	}
	c.lookAtRestores()
}
