package main

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
)

// Faults of those who configure it.
func configFaults() []fault {
	return []fault{
		{
			number: 14, name: "detaching a partition is broken off", expectation: "finished by the next run: stuck partitions 0", load: today(),
			injection: "a reader holds the table until a partition is half detached, and the sessions of maintenance are ended, 3 times",
			inject:    brokenDetach, settled: nothingStuck,
		},
		{
			number: 27, name: "retention misconfigured", expectation: "refused before anything starts; what is under legal hold stays: rows deleted 0", quick: true, load: today(),
			injection: "retention of 0, of less than nothing, of a second, shorter than what is archived; unknown words; then archive and retention run with a hold on a period that is due, and without",
			inject:    misconfigure, settled: dropsWhatNobodyHolds,
		},
		{
			number: 31, name: "password of the database rotated", expectation: "connects anew by itself: errors for less than a minute", load: usual(),
			injection: "ALTER ROLE and a new password file while records come, all sessions ended, 8 times",
			inject:    rotate, heal: trust,
			settled: func(ctx context.Context, t *trial) error {
				return errors.Join(inTime(t, time.Minute), rightlyClassified(ctx, t))
			},
		},
	}
}

func brokenDetach(ctx context.Context, t *trial) error {
	if err := t.postOld(ctx, "d-"); err != nil {
		return err
	}
	if err := t.maintain(ctx, scheduleArchive); err != nil {
		return err
	}
	return t.connected(ctx, func(reader *pgx.Conn) error {
		tx, err := reader.Begin(ctx)
		if err != nil {
			return err
		}
		var n int
		if err := tx.QueryRow(ctx, `SELECT count(*) FROM kubernetes_execution_audit`).Scan(&n); err != nil {
			return err
		}
		running, stop := context.WithCancel(ctx)
		ran := make(chan error, 1)
		go func() { ran <- t.maintain(running, scheduleRetention) }()
		for range 3 {
			if err = until(ctx, time.Minute, "a partition that is half detached", t.breakDetaching); err != nil {
				break
			}
			t.runs.Add(1)
			if err = rest(ctx, 2*time.Second); err != nil {
				break
			}
		}
		stop()
		if maintained := <-ran; errors.Is(maintained, errDied) {
			err = errors.Join(err, maintained)
		}
		return errors.Join(err, tx.Rollback(context.WithoutCancel(ctx)))
	})
}

// breakDetaching ends the sessions of maintenance when a partition is half detached.
func (t *trial) breakDetaching(ctx context.Context) error {
	return t.connected(ctx, func(conn *pgx.Conn) error {
		var pending int
		if err := conn.QueryRow(ctx, `SELECT count(*) FROM pg_inherits WHERE inhdetachpending`).Scan(&pending); err != nil {
			return err
		}
		if pending == 0 {
			return errors.New("there is none")
		}
		_, err := conn.Exec(ctx, `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'maintainer'`)
		return err
	})
}

func nothingStuck(ctx context.Context, t *trial) error {
	if err := t.archived(ctx); err != nil {
		return err
	}
	return t.connected(ctx, func(conn *pgx.Conn) error {
		var pending, left int
		err := conn.QueryRow(ctx, `SELECT (SELECT count(*) FROM pg_inherits WHERE inhdetachpending), (SELECT count(*) FROM auditflow_detached)`).Scan(&pending, &left)
		if pending+left > 0 {
			t.complain("%d partitions are half detached, %d are detached and not dropped", pending, left)
		}
		return err
	})
}

// misconfigure starts workers with retentions that must be refused.
func misconfigure(ctx context.Context, t *trial) error {
	if err := t.postOld(ctx, "m-"); err != nil {
		return err
	}
	before, err := t.live(ctx)
	if err != nil {
		return err
	}
	for n, wrong := range []string{
		"{mode: partitions, after: 0}", "{mode: partitions, after: 0d}", "{mode: partitions, after: -1d}", "{mode: rows, after: 1s}",
		"{mode: rows, after: 23h}", "{mode: partitions, after: 30d}", "{mode: everything, after: 90d}", "{mode: partitions, after: 90d, archive_after: 1d}",
		"{mode: partitions, after: \"30\"}", "{mode: partitions, after: 90d, force: true}",
	} {
		w, err := t.product.Worker.Replica(fmt.Sprintf("worker-wrong-%d", n))
		if err != nil {
			return err
		}
		if err := t.reconfigure(w, retention, "retention: "+wrong); err != nil {
			return err
		}
		if err := w.Launch(); err != nil {
			return err
		}
		t.runs.Add(1)
		if err := until(ctx, 15*time.Second, "the worker to refuse", func(context.Context) error {
			if w.Running() {
				return errors.New("it runs")
			}
			return nil
		}); err != nil {
			t.kill(w)
			t.complain("retention %s: %v", wrong, err)
		} else if w.Ended() != "exit status 2" {
			t.complain("retention %s: the worker ended with %q", wrong, w.Ended())
		}
	}
	after, err := t.live(ctx)
	if after != before {
		t.complain("of %d rows %d are left", before, after)
	}
	return errors.Join(err, t.holdPeriods(ctx, after))
}

func (t *trial) passwordFile() string { return filepath.Join(t.Dir, "password") }

const hashed = "host all worker 127.0.0.1/32 scram-sha-256\n"

// rotate makes the server ask the worker for a password, and changes that.
func rotate(ctx context.Context, t *trial) error {
	if err := t.newPassword(ctx); err != nil {
		return err
	}
	w := t.product.Worker
	t.kill(w)
	if err := t.reconfigure(w, "keyset_file:", fmt.Sprintf("database: {password_file: %q}\nkeyset_file:", t.passwordFile())); err != nil {
		return err
	}
	if err := t.authenticate(ctx, func(rules string) string { return hashed + rules }); err != nil {
		return err
	}
	if err := w.Start(ctx); err != nil {
		return err
	}
	for range sooner(t, 8, 3) {
		if err := rest(ctx, t.between(2*time.Second, 6*time.Second)); err != nil {
			return err
		}
		if err := t.newPassword(ctx); err != nil {
			return err
		}
		t.runs.Add(1)
	}
	return rest(ctx, 3*time.Second)
}

// newPassword changes it where it is asked for, then where it is looked up, and
// ends all sessions in between: for a moment the worker has the old one only.
func (t *trial) newPassword(ctx context.Context) error {
	password := rand.Text()
	if err := t.sql(ctx, `ALTER ROLE worker PASSWORD '`+password+`'`, sendAway); err != nil {
		return errors.New("change the password of the worker: refused")
	}
	if err := rest(ctx, t.between(0, time.Second)); err != nil {
		return err
	}
	fresh := t.passwordFile() + ".new"
	if err := os.WriteFile(fresh, []byte(password+"\n"), 0o600); err != nil {
		return err
	}
	return os.Rename(fresh, t.passwordFile())
}

// authenticate changes the rules by which the server lets people in.
func (t *trial) authenticate(ctx context.Context, change func(rules string) string) error {
	path := filepath.Join(t.Postgres.DataDir, "pg_hba.conf")
	text, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	if err := os.WriteFile(path, []byte(change(string(text))), 0o600); err != nil { // its owner stays
		return err
	}
	return t.sql(ctx, `SELECT pg_reload_conf()`, sendAway)
}

// trust undoes what rotate has done.
func trust(ctx context.Context, t *trial) error {
	if err := t.authenticate(ctx, func(rules string) string { return strings.TrimPrefix(rules, hashed) }); err != nil {
		return err
	}
	return t.reconfigure(t.product.Worker, fmt.Sprintf("database: {password_file: %q}\n", t.passwordFile()), "")
}
