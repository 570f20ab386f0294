package postgres_test

import (
	"context"
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/auditflow/auditflow/audit"
	"github.com/auditflow/auditflow/store/postgres"
)

const canary = "canary-3f9a"

func TestErrorsNameTheRecordAndQuoteNothingOfIt(t *testing.T) {
	t.Parallel()
	address := database(t)
	store, conn := open(t, postgres.Config{URL: address}), connect(t, address)
	execute(t, conn, `ALTER TABLE kubernetes_execution_audit ADD CONSTRAINT step_is_small CHECK (step_index < 1000)`)

	cases := map[string]struct {
		change           func(*audit.Record) // after Normalise, which would mend it
		code, constraint string
	}{
		"a name is too long":        {func(r *audit.Record) { r.ExecutionID = strings.Repeat(canary, 30) }, "22001", ""},
		"text has a NUL":            {func(r *audit.Record) { r.Output = canary + "\x00" }, "22021", ""},
		"text is not UTF-8":         {func(r *audit.Record) { r.Output = canary + "\xff" }, "22021", ""},
		"parameters are not JSON":   {func(r *audit.Record) { r.ActionParameters = json.RawMessage(canary) }, "22P02", ""},
		"parameters have a \\u0000": {func(r *audit.Record) { r.ActionParameters = json.RawMessage(`["` + canary + `\u0000"]`) }, "22P05", ""},
		"a number is out of range":  {func(r *audit.Record) { r.ActionParameters = json.RawMessage(`{"` + canary + `":1e400000}`) }, "22003", ""},
		"a constraint fails":        {func(r *audit.Record) { r.Output, r.StepIndex = canary, 1000 }, "23514", "step_is_small"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			r := complete("canary", january)
			c.change(&r)
			_, err := store.Append(t.Context(), []audit.Record{r})
			e, ok := errors.AsType[*postgres.Error](err)
			if !ok {
				t.Fatalf("got %v, want an Error", err)
			}
			equal(t, "code", e.Code, c.code)
			equal(t, "constraint", e.Constraint, c.constraint)
			equal(t, "class", postgres.Class(err), postgres.ClassData)
			if !strings.Contains(err.Error(), r.ID) || strings.Contains(err.Error(), "canary") {
				t.Errorf("the id must be there and content must not: %v", err)
			}
			if _, ok := errors.AsType[*pgconn.PgError](err); ok {
				t.Error("the server's message can be unwrapped")
			}
		})
	}
	equal(t, "rows", column[int64](t, conn, `SELECT count(*) FROM kubernetes_execution_audit`)[0], 0)
}

func TestOneBadRowFailsTheSliceAndStoresNothing(t *testing.T) {
	t.Parallel()
	address := database(t)
	records := many(10, january)
	records[7].ExecutionID = strings.Repeat("x", 300)
	_, err := open(t, postgres.Config{URL: address}).Append(t.Context(), records)
	equal(t, "class", postgres.Class(err), postgres.ClassData)
	equal(t, "rows", column[int64](t, connect(t, address), `SELECT count(*) FROM kubernetes_execution_audit`)[0], 0)
}

func TestALockThatIsHeldEndsWithTheCallersDeadline(t *testing.T) {
	t.Parallel()
	address := database(t)
	store, conn := open(t, postgres.Config{URL: address}), connect(t, address)
	execute(t, conn, `BEGIN; LOCK TABLE kubernetes_execution_audit`)

	ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
	defer cancel()
	_, err := store.Append(ctx, many(1, january))
	equal(t, "is a deadline", errors.Is(err, context.DeadlineExceeded), true)
	equal(t, "class", postgres.Class(err), postgres.ClassTimeout)

	ctx, cancel = context.WithCancel(t.Context())
	cancel()
	_, err = store.Append(ctx, many(1, january))
	equal(t, "class", postgres.Class(err), postgres.ClassCanceled)

	execute(t, conn, `ROLLBACK`)
	_, err = store.Append(t.Context(), many(1, january))
	must(t, err)
}

func TestAServerThatIsAwayFailsTheCallAndNotTheStore(t *testing.T) {
	t.Parallel()
	store := open(t, postgres.Config{URL: "postgres://user:" + canary + "@127.0.0.1:1/db?sslmode=disable"})
	for what, call := range map[string]func() error{
		"ping":    func() error { return store.Ping(t.Context()) },
		"migrate": func() error { return store.Migrate(t.Context()) },
		"append":  func() error { _, err := store.Append(t.Context(), many(1, january)); return err },
	} {
		err := call()
		equal(t, "class of "+what, postgres.Class(err), postgres.ClassConnection)
		if _, ok := errors.AsType[*pgconn.ConnectError](err); !ok || strings.Contains(err.Error(), canary) {
			t.Errorf("%s: want a connection error without the password, got: %v", what, err)
		}
	}
}

func TestAReadOnlyServerIsNotTheRecordsFault(t *testing.T) {
	t.Parallel()
	store := open(t, postgres.Config{URL: database(t)}, "default_transaction_read_only=on")
	_, err := store.Append(t.Context(), many(1, january))
	equal(t, "class of "+err.Error(), postgres.Class(err), postgres.ClassDatabase)
}

func TestAClosedStoreSaysSo(t *testing.T) {
	t.Parallel()
	store := open(t, postgres.Config{URL: database(t)})
	store.Close()
	equal(t, "class", postgres.Class(store.Ping(t.Context())), postgres.ClassConnection)
}

// Not parallel: it stops the server that all tests share.
func TestAStoreOutlivesARestartOfTheServer(t *testing.T) {
	store := open(t, postgres.Config{URL: database(t)})
	records := many(3, january)
	_, err := store.Append(t.Context(), records[:1])
	must(t, err)

	must(t, server.Stop(t.Context()))
	_, err = store.Append(t.Context(), records[1:2])
	equal(t, "class while it is away", postgres.Class(err), postgres.ClassConnection)
	must(t, server.Start(t.Context()))

	receipts, err := store.Append(t.Context(), records)
	must(t, err)
	equal(t, "the one stored before", receipts[0].Outcome, audit.OutcomeDuplicate)
	equal(t, "the one that failed", receipts[1].Outcome, audit.OutcomeStored)

	// Restarted between two calls, nobody needs to notice: the pool tests
	// connections that have been idle, and the one call that may fail on a
	// connection just used is repeated by its caller.
	must(t, server.Kill())
	must(t, server.Start(t.Context()))
	for range 3 {
		if receipts, err = store.Append(t.Context(), records); err == nil {
			break
		}
		equal(t, "class", postgres.Class(err), postgres.ClassConnection)
	}
	must(t, err)
	equal(t, "after a crash", receipts[1].Outcome, audit.OutcomeDuplicate)
}
