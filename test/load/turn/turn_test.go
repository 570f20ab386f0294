package turn

import (
	"context"
	"errors"
	"io"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/auditflow/auditflow/audit"
)

func template(name string) audit.Record {
	return audit.Record{ExecutionID: name, ActionType: "scale", Cluster: "bench", Source: "Backup", Phase: "Completed"}
}

func TestEachNumberIsHandedOutOnceAndHasItsOwnTime(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "records")
	if err := Write(file, []audit.Record{template("a"), template("b")}); err != nil {
		t.Fatal(err)
	}
	base := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	records, err := Read(Order{File: file, Base: base, First: 7, Records: 5})
	if err != nil {
		t.Fatal(err)
	}
	ids := map[string]bool{}
	var last audit.Record
	for part := records.Next(2); len(part) > 0; part = records.Next(2) {
		for _, r := range part {
			ids[r.ID], last = true, r
			if err := r.Validate(); err != nil {
				t.Error(err)
			}
		}
	}
	if len(ids) != 5 {
		t.Errorf("%d different records, want 5", len(ids))
	}
	if last.ExecutionID != "b" || !last.CreatedAt.Equal(base.Add(11*time.Microsecond)) {
		t.Errorf("number 11 is of %s, created %s", last.ExecutionID, last.CreatedAt)
	}
}

func TestWhoeverFailsSaysWhyAndGoesOn(t *testing.T) {
	t.Parallel()
	works := map[string]Work{
		"fail": func(context.Context, Order) (Answer, error) { return Answer{}, errors.New("no disk") },
		"wait": func(ctx context.Context, _ Order) (Answer, error) { <-ctx.Done(); return Answer{}, ctx.Err() },
		"work": func(_ context.Context, o Order) (Answer, error) { return Answer{Accepted: o.Records}, nil },
	}
	orders := strings.NewReader(`{"work":"fail"}
{"work":"wait","patience":0.01}
{"work":"sleep"}
{"work":"work","records":3}
`)
	var said strings.Builder
	if err := Serve(t.Context(), works, orders, &said); err != nil {
		t.Fatal(err)
	}
	for i, want := range []string{`"error":"no disk"`, "deadline exceeded", `nobody here knows how`, `"accepted":3`} {
		if line := strings.Split(said.String(), "\n")[i]; !strings.Contains(line, want) {
			t.Errorf("answer %d is %s, want %s", i, line, want)
		}
	}
}

func TestAProcessThatDoesNotAnswerIsAnError(t *testing.T) {
	t.Parallel()
	if _, err := Start(t.Context(), "mute", io.Discard, "true"); err == nil {
		t.Error("a process that ended at once was taken for one that works")
	}
}
