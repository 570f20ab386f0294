package main

import (
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"github.com/auditflow/auditflow/audit"
	"github.com/auditflow/auditflow/audit/lifecycle"
)

// books are what somebody remembers who never trusts the trail.
type books struct {
	records []*remembered
	byID    map[[16]byte]*remembered
	holds   []heldUntil // not released
}

// remembered is a record that was acknowledged.
type remembered struct {
	audit.Record
	entry audit.Entry
	gone  bool // it left the archive when its time had come
}

type heldUntil struct {
	audit.Hold
	until time.Time
}

// enter notes records that were acknowledged, perhaps again.
func (b *books) enter(records []audit.Record) error {
	for _, r := range records {
		e, err := r.Entry()
		if err != nil {
			return err
		}
		if b.byID == nil {
			b.byID = map[[16]byte]*remembered{}
		}
		if known := b.byID[e.ID]; known != nil {
			known.gone = false
			continue
		}
		known := &remembered{Record: r, entry: e}
		b.byID[e.ID] = known
		b.records = append(b.records, known)
	}
	return nil
}

// within are the records of a stretch of time that are not gone.
func (b *books) within(p audit.Period) (found []*remembered) {
	for _, r := range b.records {
		if !r.gone && p.Contains(r.CreatedAt) {
			found = append(found, r)
		}
	}
	return found
}

// held tells which hold there is on a record.
func (b *books) held(r *audit.Record) (audit.Hold, bool) {
	i := slices.IndexFunc(b.holds, func(h heldUntil) bool { return h.Matches(r) })
	if i < 0 {
		return audit.Hold{}, false
	}
	return b.holds[i].Hold, true
}

// buried is the tombstone that tells why a record is gone.
func buried(r *audit.Record, tombstones []audit.Tombstone) (audit.Tombstone, bool) {
	i := slices.IndexFunc(tombstones, func(t audit.Tombstone) bool {
		return t.What == audit.DeletedArchive && audit.Period{Start: t.Start, End: t.End}.Contains(r.CreatedAt)
	})
	if i < 0 {
		return audit.Tombstone{}, false
	}
	return tombstones[i], true
}

// inTime tells whether a period left the archive no sooner than it may.
func inTime(t audit.Tombstone, kept lifecycle.Age) bool {
	return !t.DeletedAt.Before(t.End.Add(time.Duration(kept)))
}

// execution is a record of a moment.
func (s *simulation) execution(created time.Time) audit.Record {
	s.traffic.made++
	uid := fmt.Sprintf("uid-%d", s.traffic.made)
	actions := []string{"scale-deployment", "restart-pod", "rollback-deployment", "drain-node"}
	created = created.UTC().Truncate(time.Microsecond)
	r := audit.Record{
		ID: audit.ID("prod-eu-1", uid), ExecutionID: "execution-" + uid, WorkflowRef: fmt.Sprintf("workflow-%d", s.chance.IntN(5000)),
		ActionType: actions[s.chance.IntN(len(actions))], ActionParameters: json.RawMessage(`{"replicas":3}`),
		TargetNamespace: fmt.Sprintf("team-%d", s.chance.IntN(500)), TargetResourceKind: "Deployment", TargetResourceName: "web",
		Success: true, Output: "done", CreatedAt: created, CompletedAt: s.now.UTC().Truncate(time.Microsecond), Phase: "Completed",
		Cluster: "prod-eu-1", ExecutionNamespace: "kubernaut", ExecutionUID: uid, Source: "KubernetesExecution",
	}.Normalise()
	r.RecordSHA256 = r.Digest()
	return r
}
