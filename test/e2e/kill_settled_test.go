//go:build kills

package e2e

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/auditflow/auditflow/audit"
	"github.com/auditflow/auditflow/audit/lifecycle"
)

// rules say what must have become of the rows.
type rules struct {
	mode      audit.RetentionMode
	began     time.Time // before any run
	retention time.Duration
	archive   time.Duration // 0 is for ever
	tier      string        // where partitions that ended a week ago are
}

// settled tells what is not as it must be.
func (tr *trail) settled(ctx context.Context, rules rules) error {
	live, archived, err := tr.rows(ctx)
	if err != nil {
		return err
	}
	for i := range tr.records {
		if err := rules.check(&tr.records[i], live, archived); err != nil {
			return err
		}
	}
	return errors.Join(tr.nothingLeft(ctx), tr.tombstonesAddUp(ctx, live), tr.partitionsAre(ctx, rules))
}

func (r rules) check(record *audit.Record, live, archived map[[16]byte][32]byte) error {
	e, err := record.Entry()
	if err != nil {
		return err
	}
	end := record.CreatedAt // from when on its age counts
	if r.mode == audit.RetainPartitions {
		end = audit.PeriodOf(audit.Monthly, record.CreatedAt).End
	}
	month := audit.PeriodOf(audit.Monthly, record.CreatedAt)
	expired := !end.After(r.began.Add(-r.retention))
	gone := r.archive > 0 && !month.End.After(r.began.Add(-r.archive))
	digest, isLive := live[e.ID]
	archivedDigest, isArchived := archived[e.ID]
	at := record.CreatedAt.Format(time.DateOnly)
	switch {
	case isLive && digest != e.Digest, isArchived && archivedDigest != e.Digest:
		return fmt.Errorf("row %s of %s has another digest", record.ID, at)
	case gone && (isLive || isArchived):
		return fmt.Errorf("row %s of %s is still there (database: %t, archive: %t)", record.ID, at, isLive, isArchived)
	case !gone && !isLive && !isArchived:
		return fmt.Errorf("row %s of %s is lost", record.ID, at)
	case expired && isLive:
		return fmt.Errorf("row %s of %s is still in the database", record.ID, at)
	case end.After(r.began.Add(time.Hour-r.retention)) && !isLive:
		return fmt.Errorf("row %s of %s has left the database too soon", record.ID, at)
	}
	return nil
}

// rows are those in the database and those in the archive; none may be twice in
// one of them.
func (tr *trail) rows(ctx context.Context) (live, archived map[[16]byte][32]byte, err error) {
	live, archived = map[[16]byte][32]byte{}, map[[16]byte][32]byte{}
	all, err := tr.store.Partitions(ctx)
	if err != nil {
		return nil, nil, err
	}
	for _, p := range all {
		for e, err := range tr.store.Entries(ctx, p.Name, time.Time{}) {
			if err != nil {
				return nil, nil, err
			}
			if _, twice := live[e.ID]; twice {
				return nil, nil, fmt.Errorf("row %s is in the database twice", e.Key().ID)
			}
			live[e.ID] = e.Digest
		}
	}
	for row, err := range tr.bucket.Read(ctx, time.Time{}, time.Time{}, "") {
		if err != nil {
			return nil, nil, err
		}
		e, err := row.Entry()
		if err != nil {
			return nil, nil, err
		}
		archived[e.ID] = e.Digest
	}
	return live, archived, tr.manifestsAddUp(ctx, len(archived))
}

// manifestsAddUp tells whether any row is named by two manifests, whether the
// catalogue knows each of them, and whether all is intact.
func (tr *trail) manifestsAddUp(ctx context.Context, rows int) error {
	periods, err := tr.bucket.Periods(ctx)
	if err != nil {
		return err
	}
	named := 0
	for _, p := range periods {
		known, err := tr.store.Archived(ctx, p.Suffix())
		if err != nil {
			return err
		}
		manifests, err := tr.bucket.Manifests(ctx, p.Suffix())
		if err != nil {
			return err
		}
		if len(known) != len(manifests) {
			return fmt.Errorf("of %s the catalogue knows %d manifests, the bucket %d", p.Suffix(), len(known), len(manifests))
		}
		for _, m := range manifests {
			named += int(m.Rows)
		}
		finding, err := tr.bucket.Verify(ctx, p.Suffix(), known, func(int64) {})
		if err != nil {
			return err
		}
		if finding.Verdict != audit.Intact {
			return fmt.Errorf("%s is %s: %s", p.Suffix(), finding.Verdict, strings.Join(finding.Faults, "; "))
		}
	}
	if named != rows {
		return fmt.Errorf("manifests name %d rows, there are %d", named, rows)
	}
	return nil
}

// nothingLeft tells of what a step that died has left behind.
func (tr *trail) nothingLeft(ctx context.Context) error {
	const find = `
		SELECT 'table ' || relname FROM pg_class WHERE relkind = 'r' AND relname ~ '_(moving|moved)$'
		UNION ALL SELECT 'trigger ' || tgname FROM pg_trigger WHERE tgname = 'auditflow_mirror'
		UNION ALL SELECT 'check of ' || conrelid::regclass FROM pg_constraint WHERE conname = 'auditflow_moving'
		UNION ALL SELECT 'move of ' || table_name FROM auditflow_move
		UNION ALL SELECT 'detached ' || table_name FROM auditflow_detached
		UNION ALL SELECT 'detaching ' || inhrelid::regclass FROM pg_inherits WHERE inhdetachpending
		UNION ALL SELECT 'table without a parent: ' || c.relname FROM pg_class c WHERE c.relkind = 'r'
			AND c.relname ~ '^kubernetes_execution_audit_(\d|w\d)' AND NOT c.relispartition`
	rows, err := tr.owner.Query(ctx, find)
	if err != nil {
		return err
	}
	defer rows.Close()
	var left []string
	for rows.Next() {
		var what string
		if err := rows.Scan(&what); err != nil {
			return err
		}
		left = append(left, what)
	}
	if len(left) > 0 {
		return fmt.Errorf("left behind: %s", strings.Join(left, ", "))
	}
	return rows.Err()
}

// tombstonesAddUp compares what tombstones tell of with what is gone.
func (tr *trail) tombstonesAddUp(ctx context.Context, live map[[16]byte][32]byte) error {
	all, err := tr.store.Tombstones(ctx, 0)
	if err != nil {
		return err
	}
	told := 0
	for _, t := range all {
		if t.What != audit.DeletedArchive {
			told += int(t.Rows)
		}
	}
	if gone := len(tr.records) - len(live); told != gone {
		return fmt.Errorf("tombstones tell of %d rows, %d have left the database", told, gone)
	}
	return nil
}

// partitionsAre tells whether every partition is where its age belongs, and which
// should be there no longer.
func (tr *trail) partitionsAre(ctx context.Context, rules rules) error {
	all, err := tr.store.Partitions(ctx)
	if err != nil {
		return err
	}
	for _, p := range all {
		switch ended := rules.began.Sub(p.Period.End); {
		case ended >= rules.retention:
			return fmt.Errorf("%s is still there", p.Name)
		case ended >= 7*lifecycle.Day && rules.tier != "" && p.Tablespace != rules.tier:
			return fmt.Errorf("%s is in tablespace %q", p.Name, p.Tablespace)
		}
	}
	return nil
}
