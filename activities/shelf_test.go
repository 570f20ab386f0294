package activities_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"slices"
	"testing"
	"time"

	"github.com/auditflow/auditflow/activities"
	"github.com/auditflow/auditflow/audit"
)

var january = audit.PeriodOf(audit.Monthly, time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC))

// shelf is a database with one partition, in memory; the real one is in package
// worker's tests. What it is not asked for here it does not have.
type shelf struct {
	rest

	rows       []*audit.Persisted
	read       int // rows exported, by all attempts
	catalogue  []audit.Archived
	tombstones []audit.Tombstone
	holds      []audit.Hold
	// stop ends an export after so many rows, once.
	stop int
	fail map[string]error // by method
}

type rest interface{ activities.Partitions }

func newShelf(t *testing.T, n int) *shelf {
	t.Helper()
	s := &shelf{fail: map[string]error{}}
	for i := range n {
		created := january.Start.Add(time.Duration(i) * time.Minute)
		r := audit.Record{
			ID: audit.ID("prod", fmt.Sprint(i)), ExecutionID: "scale-web", WorkflowRef: "w", ActionType: "scale",
			ActionParameters: json.RawMessage(`{}`), TargetNamespace: "prod", CreatedAt: created, CompletedAt: created,
			Phase: "Completed", Cluster: "prod", ExecutionNamespace: "k", ExecutionUID: fmt.Sprint(i), Source: "KubernetesExecution", Policy: "p1",
		}.Normalise()
		r.RecordSHA256 = r.Digest()
		s.rows = append(s.rows, &audit.Persisted{Record: r, PersistedAt: created})
	}
	return s
}

func (s *shelf) Partitions(context.Context) ([]audit.Partition, error) {
	return []audit.Partition{{Name: "p", Period: january, Rows: int64(len(s.rows)), Bytes: 4096, State: audit.PartitionAttached}}, s.fail["Partitions"]
}

func (s *shelf) Count(context.Context, string, time.Time) (int64, error) {
	return int64(len(s.rows)), s.fail["Count"]
}
func (s *shelf) SchemaVersion(context.Context) (int64, error) { return 7, nil }

func (s *shelf) Entries(_ context.Context, _ string, before time.Time) iter.Seq2[audit.Entry, error] {
	return func(yield func(audit.Entry, error) bool) {
		for _, r := range s.rows {
			if !before.IsZero() && !r.CreatedAt.Before(before) {
				return
			}
			e, err := r.Entry()
			if !yield(e, err) {
				return
			}
		}
	}
}

func (s *shelf) Export(_ context.Context, _ string, after audit.Key, _ time.Time) iter.Seq2[*audit.Persisted, error] {
	return func(yield func(*audit.Persisted, error) bool) {
		for _, r := range s.rows {
			if key := (audit.Key{CreatedAt: r.CreatedAt, ID: r.ID}); key.Compare(after) <= 0 {
				continue
			}
			s.read++
			if s.stop > 0 && s.read > s.stop {
				s.stop = 0
				yield(nil, errors.New("connection reset"))
				return
			}
			if !yield(r, nil) {
				return
			}
		}
	}
}

func (s *shelf) NoteArchived(_ context.Context, a audit.Archived) error {
	if err := s.fail["NoteArchived"]; err != nil {
		return err
	}
	if !slices.ContainsFunc(s.catalogue, func(o audit.Archived) bool { return o.SHA256 == a.SHA256 }) {
		s.catalogue = append(s.catalogue, a)
	}
	return nil
}

func (s *shelf) Archived(_ context.Context, period string) ([]audit.Archived, error) {
	return slices.DeleteFunc(slices.Clone(s.catalogue), func(a audit.Archived) bool { return period != "" && a.Period != period }), s.fail["Archived"]
}
func (s *shelf) NoteVerified(context.Context, string, time.Time) error { return nil }
func (s *shelf) Tombstones(context.Context, int) ([]audit.Tombstone, error) {
	return s.tombstones, nil
}

func (s *shelf) WriteTombstone(_ context.Context, t audit.Tombstone) error {
	s.tombstones = append(s.tombstones, t)
	return s.fail["WriteTombstone"]
}

// NoteDeleted makes the catalogue forget a period, as the store does.
func (s *shelf) NoteDeleted(_ context.Context, period string) error {
	s.catalogue = slices.DeleteFunc(s.catalogue, func(a audit.Archived) bool { return a.Period == period })
	return s.fail["NoteDeleted"]
}

func (s *shelf) Holds(context.Context, bool) ([]audit.Hold, error) { return s.holds, s.fail["Holds"] }
func (s *shelf) Holding(context.Context, string) ([]audit.Hold, error) {
	return s.holds, s.fail["Holding"]
}

// emptied is a database whose partition was dropped.
type emptied struct{ *shelf }

func (*emptied) Partitions(context.Context) ([]audit.Partition, error) { return nil, nil }
