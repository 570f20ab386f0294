package e2e

import (
	"bytes"
	"encoding/json"
	"testing"
	"time"

	"github.com/auditflow/auditflow/audit"
	"github.com/auditflow/auditflow/store/archive"
	"github.com/auditflow/auditflow/store/postgres"
	"github.com/auditflow/auditflow/test/leak"
)

// searchArchive archives every partition there is, as the workflow does once they
// are old enough, and searches the files, and what is in them: they are compressed.
func searchArchive(t *testing.T, found *leak.Search) {
	t.Helper()
	ctx, dir := t.Context(), t.TempDir()
	store, err := postgres.Open(ctx, postgres.Config{URL: stage.product.DatabaseURL})
	if err != nil {
		t.Fatal(err)
	}
	defer store.Close()
	bucket, err := archive.Open(ctx, archive.Config{URL: "file://" + dir})
	if err != nil {
		t.Fatal(err)
	}
	defer bucket.Close()
	partitions, err := store.Partitions(ctx)
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range partitions {
		archivePartition(t, store, bucket, p)
	}
	if err := found.Dir(dir, func(string) string { return leak.PlaceArchive }); err != nil {
		t.Fatal(err)
	}
	for row, err := range bucket.Read(ctx, time.Time{}, time.Time{}, "") {
		if err != nil {
			t.Fatal(err)
		}
		text, err := json.Marshal(row)
		if err != nil {
			t.Fatal(err)
		}
		if err := found.Read(leak.PlaceArchive, "row "+row.ID, bytes.NewReader(text)); err != nil {
			t.Fatal(err)
		}
	}
}

func archivePartition(t *testing.T, store *postgres.Store, bucket *archive.Archive, p audit.Partition) {
	t.Helper()
	ctx := t.Context()
	segments, err := bucket.Write(ctx, p.Period, store.Export(ctx, p.Name, audit.Key{}, time.Time{}), nil, func(audit.Segment) {})
	if err != nil {
		t.Fatalf("archive %s: %v", p.Name, err)
	}
	if _, err := bucket.Publish(ctx, audit.Manifest{
		Period: p.Period.Suffix(), Start: p.Period.Start, End: p.Period.End, Segments: segments, ArchivedAt: time.Now(),
	}); err != nil {
		t.Fatalf("publish %s: %v", p.Name, err)
	}
}
