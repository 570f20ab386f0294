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

func TestReasonsOfTheQuarantineNameWhatIsWrongAndQuoteNothing(t *testing.T) {
	t.Parallel()
	address := database(t)
	store, conn := open(t, postgres.Config{URL: address}), connect(t, address)
	execute(t, conn, `ALTER TABLE kubernetes_execution_audit ADD CONSTRAINT step_is_small CHECK (step_index < 1000)`)
	const table = ", table kubernetes_execution_audit_2025_01"
	for name, c := range canaries() {
		t.Run(name, func(t *testing.T) {
			r, fine := complete("canary "+name, january), minimal("fine "+name, january)
			c.change(&r)
			receipts, err := store.Append(t.Context(), []audit.Record{r, fine})
			must(t, err)
			equal(t, "outcome", receipts[0].Outcome, audit.OutcomeQuarantined)
			equal(t, "outcome of the other", receipts[1].Outcome, audit.OutcomeStored)
			var reason string
			for q, err := range store.Quarantine(t.Context(), 0) { // the last one
				must(t, err)
				reason = q.Reason
			}
			equal(t, "reason", reason, strings.ReplaceAll(c.reason, "TABLE", table))
		})
	}
}

func TestErrorsOnTheWayToQuarantineAndBackQuoteNothing(t *testing.T) {
	t.Parallel()
	for name, c := range canaries() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			address := database(t)
			store, conn := open(t, postgres.Config{URL: address}), connect(t, address)
			execute(t, conn, `ALTER TABLE kubernetes_execution_audit ADD CONSTRAINT step_is_small CHECK (step_index < 1000)`)
			r := complete("canary", january)
			c.change(&r)
			_, err := store.Append(t.Context(), []audit.Record{r})
			must(t, err)
			execute(t, conn, `
				ALTER TABLE kubernetes_execution_audit_quarantine ADD CONSTRAINT closed CHECK (false) NOT VALID;
				CREATE FUNCTION keep() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
					RAISE EXCEPTION '%', convert_from(OLD.record, 'UTF8');
				END $$;
				CREATE TRIGGER keep BEFORE DELETE ON kubernetes_execution_audit_quarantine
					FOR EACH ROW EXECUTE FUNCTION keep()`)
			other := r
			other.Error = canary
			_, err = store.Append(t.Context(), []audit.Record{minimal("fine", january), other})
			quotesNothing(t, "append", err, minimal("fine", january).ID)
			_, err = store.Replay(t.Context(), r.ID)
			quotesNothing(t, "replay", err, r.ID)
		})
	}
}

func quotesNothing(t *testing.T, what string, err error, id string) {
	t.Helper()
	if _, ok := errors.AsType[*postgres.Error](err); !ok {
		t.Fatalf("%s: got %v, want an Error", what, err)
	}
	if !strings.Contains(err.Error(), id) || strings.Contains(err.Error(), "canary-") {
		t.Errorf("%s: the id must be there and content must not: %v", what, err)
	}
	if _, ok := errors.AsType[*pgconn.PgError](err); ok {
		t.Errorf("%s: the server's message can be unwrapped", what)
	}
}

type canaryCase struct {
	change func(*audit.Record) // after Normalise, which would mend it
	reason string
}

func canaries() map[string]canaryCase {
	return map[string]canaryCase{
		"a name is too long": {func(r *audit.Record) { r.ExecutionID = strings.Repeat(canary, 30) },
			"string_data_right_truncation (SQLSTATE 22001)"},
		"text has a NUL": {func(r *audit.Record) { r.Output = canary + "\x00" },
			"character_not_in_repertoire (SQLSTATE 22021)"},
		"text is not UTF-8": {func(r *audit.Record) { r.Output = canary + "\xff" },
			"character_not_in_repertoire (SQLSTATE 22021)"},
		"parameters are not JSON": {func(r *audit.Record) { r.ActionParameters = json.RawMessage(canary) },
			"invalid_text_representation (SQLSTATE 22P02)"},
		"parameters have a \\u0000": {func(r *audit.Record) { r.ActionParameters = json.RawMessage(`["` + canary + `\u0000"]`) },
			"untranslatable_character (SQLSTATE 22P05)"},
		"a number is out of range": {func(r *audit.Record) { r.ActionParameters = json.RawMessage(`{"` + canary + `":1e400000}`) },
			"numeric_value_out_of_range (SQLSTATE 22003)"},
		"a constraint fails": {func(r *audit.Record) { r.Output, r.StepIndex = canary, 1000 },
			"check_violation (SQLSTATE 23514)TABLE, constraint step_is_small"},
		"the digest is none": {func(r *audit.Record) { r.RecordSHA256 = canary },
			"record_sha256 must be set, 64 hexadecimal digits"},
	}
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
