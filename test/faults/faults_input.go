package main

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os/exec"
	"strings"
	"sync/atomic"
	"time"

	"github.com/google/uuid"
	"golang.org/x/sync/errgroup"

	"github.com/auditflow/auditflow/test/faults/judge"
)

// Faults of what comes in, and of a release that is another one.
func inputFaults() []fault {
	return []fault{
		{
			number: 22, name: "worker upgraded in the middle of a workflow", expectation: "every history of a released workflow replays", load: today(),
			injection: "the recorded histories of all releases, on the code as it is",
			inject: func(ctx context.Context, t *trial) error {
				replay := exec.CommandContext(ctx, "go", "test", "-count=1", "-run", "^TestEveryReleasedHistoryReplays$", "-v", "./workflows")
				said, err := replay.CombinedOutput()
				n := strings.Count(string(said), "    --- PASS")
				t.runs.Add(int64(n))
				if err != nil || n == 0 {
					t.complain("%d histories replay: %v", n, err)
				}
				return nil
			},
		},
		{
			number: 29, name: "input made to be slow or to slip through", expectation: "redacted or refused, in bounded time; raw leaked 0", load: today(),
			injection: "1 MB of the worst cases for each kind of rule with secrets behind them, 64 MiB in one request",
			inject:    worstCases,
		},
		{
			number: 30, name: "too much at once", expectation: "refused with 429 or 503 and taken later; crashes 0; the door below 256 MiB", load: today(),
			injection: "1000 outputs of 0.9 MB over 64 connections",
			inject:    flood,
		},
	}
}

// letterOf is a record of an execution, as it is posted.
func (t *trial) letterOf(x judge.Execution, age time.Duration, parameters json.RawMessage) (letter, error) {
	t.books.Attempt(x)
	if parameters == nil {
		parameters = json.RawMessage(`{"replicas":3}`)
	}
	body, err := json.Marshal(map[string]any{
		"execution_id": x.Name, "execution_uid": x.UID, "workflow_ref": t.name, "action_type": x.Action, "action_parameters": parameters,
		"target_namespace": "shop", "target_resource_kind": "Deployment", "target_resource_name": "web",
		"success": x.Success, "output": x.Output, "created_at": time.Now().Add(-age).UTC().Truncate(time.Microsecond),
	})
	return letter{uid: x.UID, name: x.Name, body: body}, err
}

// pathological are texts that a careless search takes very long for.
func pathological() map[string]string {
	const size = 900 << 10
	repeat := func(s string) string { // as much as fits into the door when it is JSON
		written, err := json.Marshal(s)
		if err != nil {
			panic(err) // a string always can be
		}
		return strings.Repeat(s, size/(len(written)-2))
	}
	nested := "the innermost"
	for len(nested) < size/2 {
		nested = base64.StdEncoding.EncodeToString([]byte(nested))
	}
	return map[string]string{
		"one-letter": repeat("a") + "=", "jwt-heads": repeat("eyJ"), "assignments": repeat("password="), "quotes": repeat(`"\`),
		"pem-heads": repeat("-----BEGIN PRIVATE KEY-----\n"), "urls": repeat("https://u:p@"), "nested-base64": nested, "braces": repeat("{[("),
		"hex": repeat("deadbeef"), "escapes": repeat(`\u0041`), "newlines": repeat("\n"), "zero-width": repeat("\u200b"), "entropy-words": repeat("Aa0/ "),
	}
}

func worstCases(ctx context.Context, t *trial) error {
	poster := newPoster(load{wait: true}, t, 0, &atomic.Int64{})
	group, grouped := errgroup.WithContext(ctx)
	group.SetLimit(3)
	for kind, text := range pathological() {
		group.Go(func() error {
			secret, _ := t.secrets.text(0, t.name+"-"+kind)
			x := judge.Execution{UID: uuid.NewString(), Name: t.name + "-" + kind, Action: "scale-deployment", Output: text + "\n" + secret, Secret: true}
			l, err := t.letterOf(x, 0, json.RawMessage(strings.Repeat(`[`, 500)+strings.Repeat(`]`, 500)))
			if err != nil {
				return err
			}
			began := time.Now()
			err = persist(grouped, make(chan struct{}), kind, func(ctx context.Context) error {
				_, err := poster.postOne(ctx, []letter{l})
				return err
			})
			t.runs.Add(1)
			if took := time.Since(began); took > 2*time.Minute {
				t.complain("%s took %.0f s", kind, took.Seconds())
			}
			return err
		})
	}
	if err := group.Wait(); err != nil {
		return err
	}
	status, _, err := poster.send(ctx, pathRecords, []byte(`{"output":"`+strings.Repeat("x", 64<<20)+`"}`), "")
	if err == nil && status != http.StatusRequestEntityTooLarge {
		t.complain("64 MiB were answered %d", status)
	}
	return nil // a connection that is closed on somebody who does not stop is an answer, too
}

func flood(ctx context.Context, t *trial) error {
	before := t.product.API.PID()
	worker := t.product.Worker.PID()
	group, grouped := errgroup.WithContext(ctx)
	group.SetLimit(64)
	poster := newPoster(load{}, t, 0, &atomic.Int64{})
	for n := range sooner(t, 1000, 60) {
		group.Go(func() error {
			name := fmt.Sprintf("%s-flood-%d", t.name, n)
			line := fmt.Sprintf("%s reconciled deployment web in namespace shop, generation %d\n", name, n)
			l, err := t.letterOf(judge.Execution{
				UID: uuid.NewString(), Name: name, Action: "scale-deployment", Output: strings.Repeat(line, (900<<10)/len(line)),
			}, 0, nil)
			if err != nil {
				return err
			}
			t.runs.Add(1)
			return persist(grouped, make(chan struct{}), "post a large record", func(ctx context.Context) error {
				open, err := poster.post(ctx, []letter{l})
				if err == nil && len(open) > 0 {
					err = errors.New("it was not taken")
				}
				return err
			})
		})
	}
	err := group.Wait()
	if t.product.API.PID() != before || !t.product.API.Running() || t.product.Worker.PID() != worker || !t.product.Worker.Running() {
		t.complain("a program has died")
		return err
	}
	peak, memoryErr := t.product.API.PeakMemory()
	t.figure("api_peak_mib", float64(peak>>20))
	if peak > 256<<20 {
		t.complain("the door had %d MiB", peak>>20)
	}
	return errors.Join(err, memoryErr)
}
