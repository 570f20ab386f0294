package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"time"

	"github.com/jackc/pgx/v5"
)

// auditctl runs the command with the rights of the database's owner.
func (t *trial) auditctl(ctx context.Context, args ...string) error {
	cmd := exec.CommandContext(ctx, "go", append([]string{"run", "./cmd/auditctl"}, args...)...)
	cmd.Env = append(os.Environ(), "AUDITFLOW_DATABASE_URL="+t.Postgres.URL)
	if said, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("auditctl %s: %w\n%s", args[0], err, said)
	}
	return nil
}

// holdPeriods places a hold on a year in which the old rows are, and has archive and
// retention run: all rows must stay, though they are archived and long due.
func (t *trial) holdPeriods(ctx context.Context, rows int) error {
	if rows == 0 {
		return errors.New("no row is old enough to be deleted")
	}
	day := func(age time.Duration) string { return time.Now().Add(-age).UTC().Format(time.DateOnly) }
	if err := t.auditctl(ctx, "hold", "place", "--from", day(400*days), "--to", day(100*days), "--reason", t.name, "--by", "faults"); err != nil {
		return err
	}
	for range 2 { // a first run may only detach
		if err := t.maintain(ctx, scheduleArchive, scheduleRetention); err != nil {
			return err
		}
	}
	t.runs.Add(1)
	left, err := t.live(ctx)
	if left != rows {
		t.complain("of %d rows under a hold %d are left", rows, left)
	}
	return err
}

// dropsWhatNobodyHolds lifts the hold. The same retention must then delete the rows,
// or the hold has kept nothing.
func dropsWhatNobodyHolds(ctx context.Context, t *trial) error {
	err := t.connected(ctx, func(conn *pgx.Conn) error {
		var id int64
		if err := conn.QueryRow(ctx, `SELECT id FROM auditflow_hold WHERE reason = $1 AND released_at IS NULL`, t.name).Scan(&id); err != nil {
			return fmt.Errorf("find the hold: %w", err)
		}
		return t.auditctl(ctx, "hold", "release", strconv.FormatInt(id, 10), "--reason", "over", "--by", "faults")
	})
	if err != nil {
		return err
	}
	return t.archived(ctx)
}
