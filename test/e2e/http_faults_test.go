package e2e

import (
	"context"
	"fmt"
	"net/http"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/types"

	"github.com/auditflow/auditflow/test/load/fire"
)

// These tests kill programs that all tests share, so they are not parallel.

// With no worker the rows are not there yet when the door dies: what it had said
// must be Temporal's by then.
func TestWhatWasAnswered201OutlivesTheDoor(t *testing.T) {
	t.Cleanup(mend)
	if err := stage.product.Worker.Stop(t.Context()); err != nil {
		t.Fatal(err)
	}
	var uids []string
	for i := range 3 {
		r := posted(t, fields{"execution_id": fmt.Sprintf("%s-%d", t.Name(), i)})
		client8085().post(t, "", r.json()).want(http.StatusCreated)
		stage.product.API.Kill()
		uids = append(uids, r.uid())
		if err := stage.product.API.Start(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	if err := stage.product.Worker.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	for _, uid := range uids {
		theRow(t, healed, types.UID(uid))
	}
}

// make bench-http is the same for longer, and without the race detector.
func TestUnderFireEvery201HasExactlyOneRow(t *testing.T) {
	t.Cleanup(mend)
	ctx, cancel := context.WithTimeout(t.Context(), 3*time.Minute)
	defer cancel()
	const kills = 2
	r, err := fire.Ordeal{
		Fire: fire.Fire{URL: stage.product.API.URL, Token: stage.product.Token, Run: t.Name(), Connections: 32},
		Door: stage.product.API, Worker: stage.product.Worker, Lasts: 10 * time.Second, Kills: kills, Seed: uint64(time.Now().UnixNano()),
	}.Run(ctx)
	if err != nil {
		t.Fatal(err)
	}
	if r.Accepted() == 0 || r.Door.Times != kills || r.Worker.Times != kills {
		t.Fatalf("%d accepted, %d and %d kills: that was no fire", r.Accepted(), r.Door.Times, r.Worker.Times)
	}
	o, err := r.Settle(ctx, stage.db, healed)
	if err != nil {
		t.Fatal(err)
	}
	if o.Lost > 0 || o.Duplicates > 0 {
		t.Errorf("%d accepted, %d rows: %d lost, %d more than once", r.Accepted(), o.Rows, o.Lost, o.Duplicates)
	}
	t.Logf("answers %v, %d rows, the last %.1f s after the load", r.Answers, o.Rows, o.Drained.Seconds())
}
