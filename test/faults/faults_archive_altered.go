package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/jackc/pgx/v5"
	enumspb "go.temporal.io/api/enums/v1"

	"github.com/auditflow/auditflow/test/faults/judge"
)

// What somebody does to rows and files who may, and must not go unnoticed.

func alterations(ctx context.Context, t *trial) error {
	for n, m := range []mood{{flipUp: true}, {flipDown: true}, {shorten: true}} {
		if err := t.harmStore(ctx, fmt.Sprintf("a%d-", n), m); err != nil {
			return err
		}
	}
	return t.refusesAltered(ctx, "in the store", func(path string, content []byte) error {
		content[len(content)/2] ^= 1
		return os.WriteFile(path, content, 0o600)
	})
}

func vandals(ctx context.Context, t *trial) error {
	if err := t.refusesAltered(ctx, "deleted", func(path string, _ []byte) error { return os.Remove(path) }); err != nil {
		return err
	}
	if err := t.refusesAltered(ctx, "overwritten", func(path string, _ []byte) error {
		return os.WriteFile(path, []byte("PAR1 this is another file PAR1"), 0o600)
	}); err != nil {
		return err
	}
	return t.lockHolds(ctx)
}

// lockHolds asks the store, with all rights, to delete what is archived: it must
// refuse.
func (t *trial) lockHolds(ctx context.Context) error {
	store := t.S3.Client()
	list, err := store.ListObjectVersions(ctx, &s3.ListObjectVersionsInput{Bucket: &t.S3.Locked})
	if err != nil {
		return fmt.Errorf("list what is archived: %w", err)
	}
	asked := 0
	for _, o := range list.Versions {
		if !isObject(*o.Key) || asked == 10 {
			continue
		}
		asked++
		_, err := store.DeleteObject(ctx, &s3.DeleteObjectInput{Bucket: &t.S3.Locked, Key: o.Key, VersionId: o.VersionId})
		if refusal, ok := errors.AsType[*awshttp.ResponseError](err); !ok || refusal.HTTPStatusCode() != http.StatusForbidden {
			t.complain("%s is locked, and to delete it is answered: %v", *o.Key, err)
		}
		t.runs.Add(1)
	}
	if t.figure("locked_objects_asked_to_be_deleted", float64(asked)); asked == 0 {
		return errors.New("nothing is archived that could be locked")
	}
	return nil
}

// refusesAltered archives, does harm to a file that was just written, and has
// retention run: it must drop nothing. Then the file is as it was.
func (t *trial) refusesAltered(ctx context.Context, what string, harm func(path string, content []byte) error) error {
	known, err := t.files()
	if err != nil {
		return err
	}
	if err := t.postOld(ctx, "f"+what[:3]+"-"); err != nil {
		return err
	}
	if err := t.maintain(ctx, scheduleArchive); err != nil {
		return err
	}
	all, err := t.files()
	if err != nil {
		return err
	}
	victim := ""
	for path := range all {
		if !known[path] {
			victim = path
		}
	}
	if victim == "" {
		return fmt.Errorf("no file was archived that could be harmed (%s)", what)
	}
	before, err := t.live(ctx)
	if err != nil {
		return err
	}
	content, err := os.ReadFile(victim)
	if err != nil {
		return err
	}
	if err := harm(victim, append([]byte(nil), content...)); err != nil {
		return err
	}
	t.runs.Add(1)
	err = t.maintain(ctx, scheduleRetention)
	after, liveErr := t.live(ctx)
	if after != before || before == 0 {
		t.complain("a file was %s, and of %d rows in the database %d are left", what, before, after)
	}
	return errors.Join(err, liveErr, os.WriteFile(victim, content, 0o600))
}

// files are the Parquet files in the store.
func (t *trial) files() (map[string]bool, error) {
	paths, err := filepath.Glob(filepath.Join(t.archive, "kubernetes_execution_audit", "period=*", "*.parquet"))
	found := map[string]bool{}
	for _, path := range paths {
		found[path] = true
	}
	return found, err
}

// inManifest tells whether a manifest of its period names a file.
func inManifest(file string) (bool, error) {
	manifests, err := filepath.Glob(filepath.Join(filepath.Dir(file), "manifest-*.json"))
	for _, m := range manifests {
		text, err := os.ReadFile(m)
		if err != nil {
			return false, err
		}
		if strings.Contains(string(text), filepath.Base(file)) {
			return true, nil
		}
	}
	return false, err
}

func edits(ctx context.Context, t *trial) error {
	if err := t.postOld(ctx, "edited-"); err != nil {
		return err
	}
	row, err := t.editOldRow(ctx, `output || 'x'`, "")
	if err != nil {
		return fmt.Errorf("edit a row: %w", err)
	}
	t.runs.Add(1)
	before, err := t.live(ctx)
	if err != nil {
		return err
	}
	named, err := t.namedBy(ctx, scheduleArchive, row)
	if err != nil {
		return err
	}
	if !named {
		t.complain("a row was edited, and audit-archive does not name it")
	}
	if err := t.maintain(ctx, scheduleRetention); err != nil {
		return err
	}
	if after, err := t.live(ctx); err != nil || after != before {
		t.complain("with an edited row among them %d of %d rows are left (%v)", after, before, err)
	}
	if _, err := t.editOldRow(ctx, `left(output, -1)`, row); err != nil {
		return fmt.Errorf("undo the edit: %w", err)
	}
	if err := t.maintain(ctx, scheduleArchive); err != nil {
		return err
	}
	return t.verifyNames(ctx)
}

// editOldRow changes what a row says, the first one or that of an id, in its
// partition or in what is left of that, and returns its id.
func (t *trial) editOldRow(ctx context.Context, change, id string) (edited string, err error) {
	err = t.connected(ctx, func(conn *pgx.Conn) error {
		names, err := judge.DetachedTables(ctx, conn)
		if err != nil {
			return err
		}
		for _, name := range append([]string{"kubernetes_execution_audit"}, names...) {
			err = conn.QueryRow(ctx, `UPDATE `+name+` SET output = `+change+` WHERE id = (SELECT id FROM `+name+`
				WHERE workflow_ref = $1 AND created_at < now() - interval '100 days' AND ($2 = '' OR id::text = $2) ORDER BY execution_id LIMIT 1)
				RETURNING id::text`, t.name, id).Scan(&edited)
			if !errors.Is(err, pgx.ErrNoRows) {
				return err
			}
		}
		return err
	})
	return edited, err
}

// namedBy tells whether a run of a schedule, which goes on trying, says an id.
func (t *trial) namedBy(ctx context.Context, schedule, id string) (bool, error) {
	ctx, cancel := context.WithTimeout(ctx, 90*time.Second)
	defer cancel()
	run, err := t.begin(ctx, schedule, enumspb.SCHEDULE_OVERLAP_POLICY_TERMINATE_OTHER)
	if err != nil {
		return false, err
	}
	for rest(ctx, 200*time.Millisecond) == nil {
		d, err := t.temporal.DescribeWorkflowExecution(ctx, run.GetID(), run.GetRunID())
		if err != nil {
			return false, err
		}
		for _, a := range d.GetPendingActivities() {
			if strings.Contains(a.GetLastFailure().GetMessage(), id) {
				return true, nil
			}
		}
		if d.GetWorkflowExecutionInfo().GetStatus() != enumspb.WORKFLOW_EXECUTION_STATUS_RUNNING {
			var report any
			err := run.Get(ctx, &report)
			return strings.Contains(fmt.Sprint(report, err), id), nil
		}
	}
	return false, nil
}

// verifyNames changes a byte of a file and asks auditctl.
func (t *trial) verifyNames(ctx context.Context) error {
	all, err := t.files()
	if err != nil {
		return err
	}
	for victim := range all {
		if named, err := inManifest(victim); err != nil || !named {
			continue // an earlier run has left it behind
		}
		content, err := os.ReadFile(victim)
		if err != nil {
			return err
		}
		altered := append([]byte(nil), content...)
		altered[len(altered)/3] ^= 4
		if err := os.WriteFile(victim, altered, 0o600); err != nil {
			return err
		}
		t.runs.Add(1)
		verify := exec.CommandContext(ctx, "go", "run", "./cmd/auditctl", "verify", "--bucket-url", t.S3.URL(t.S3.Locked))
		said, verdict := verify.CombinedOutput()
		if verdict == nil || !strings.Contains(string(said), filepath.Base(victim)) {
			t.complain("a file was edited, and auditctl verify does not name it: %v", verdict)
		}
		return os.WriteFile(victim, content, 0o600) // one is enough
	}
	return errors.New("there is no file to be edited")
}
