package main

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
)

// Faults of the network between the product and its servers.
func networkFaults() []fault {
	posting := load{clients: 3, batch: 40, rhythm: 200 * time.Millisecond, atLeast: 1000}
	return []fault{
		{
			number: 7, name: "answer of PostgreSQL lost", expectation: "idempotent: retries find their rows, duplicates 0", quick: true, load: usual(),
			injection: "commit done, connection cut before the answer (limit_data 0), 80 pulses",
			inject:    loseAnswers,
		},
		{
			number: 8, name: "PostgreSQL far away", expectation: "deliveries go on, and time-outs do not cascade", load: usual(),
			injection: "answers take 500 ± 100 ms for 60 s, then 5 s for 60 s",
			inject:    farAway, settled: func(_ context.Context, t *trial) error { return inTime(t, time.Minute) },
		},
		{
			number: 9, name: "PostgreSQL behind a thin line", expectation: "back-pressure: the worker's memory stays below 512 MiB", load: usual(),
			injection: "10 KB/s in both directions for 90 s",
			inject:    thinLine, settled: slimWorker,
		},
		{
			number: 10, name: "connection reset within a batch", expectation: "the whole batch is tried again: partial rows 0", quick: true, load: posting,
			injection: "TCP resets while batches are being written, 80 pulses",
			inject: func(ctx context.Context, t *trial) error {
				return pulses(ctx, t, t.database, toxic{Kind: "reset_peer", Stream: "upstream", Toxicity: 1, Attributes: map[string]int{"timeout": 20}}, sooner(t, 80, 10))
			},
			settled: noPartialBatch,
		},
		{
			number: 21, name: "answer of Temporal lost", expectation: "already started is success: no execution delivered by two workflows of its own", quick: true, load: usual(),
			injection: "the start arrives, the connection is cut before the answer (limit_data 0), 80 pulses",
			inject: func(ctx context.Context, t *trial) error {
				return pulses(ctx, t, t.engine, unanswered, sooner(t, 80, 10))
			},
			settled: func(ctx context.Context, t *trial) error { return t.nothingStartedTwice(ctx) },
		},
	}
}

// unanswered: what is asked arrives, and the connection is cut before the answer.
var unanswered = toxic{Kind: "limit_data", Stream: "downstream", Toxicity: 1, Attributes: map[string]int{"bytes": 0}}

// loseAnswers has commits be done of which the worker does not learn.
func loseAnswers(ctx context.Context, t *trial) error {
	before, err := outcomes(ctx, t)
	if err != nil {
		return err
	}
	if err := pulses(ctx, t, t.database, unanswered, sooner(t, 80, 10)); err != nil {
		return err
	}
	if err := rest(ctx, 25*time.Second); err != nil { // the longest pause between two attempts, and some
		return err
	}
	after, err := outcomes(ctx, t)
	if err != nil {
		return err
	}
	t.figure("retries_that_found_their_rows", after["duplicate"]-before["duplicate"])
	if after["duplicate"] == before["duplicate"] {
		t.complain("no retry found its row there: no answer was lost")
	}
	return nil
}

func farAway(ctx context.Context, t *trial) error {
	if err := slowly(ctx, t, 500, 100, sooner(t, 60*time.Second, 10*time.Second)); err != nil {
		return err
	}
	return slowly(ctx, t, 5000, 0, sooner(t, 60*time.Second, 15*time.Second))
}

func thinLine(ctx context.Context, t *trial) error {
	for _, stream := range []string{"upstream", "downstream"} {
		if err := t.database.spoil(toxic{Kind: "bandwidth", Stream: stream, Toxicity: 1, Attributes: map[string]int{"rate": 10}}); err != nil {
			return err
		}
	}
	t.runs.Add(1)
	if err := rest(ctx, sooner(t, 90*time.Second, 15*time.Second)); err != nil {
		return err
	}
	t.database.mend(ctx)
	return nil
}

func slimWorker(_ context.Context, t *trial) error {
	peak, err := t.product.Worker.PeakMemory()
	t.figure("worker_peak_mib", float64(peak>>20))
	if peak > 512<<20 {
		t.complain("the worker had %d MiB", peak>>20)
	}
	return err
}

// pulses spoil a wire for moments, with time between them to connect again.
func pulses(ctx context.Context, t *trial, w *wire, harm toxic, times int) error {
	for range times {
		if err := rest(ctx, t.between(400*time.Millisecond, 1500*time.Millisecond)); err != nil {
			return err
		}
		if err := spoiled(ctx, t, w, harm, t.between(50*time.Millisecond, 250*time.Millisecond)); err != nil {
			return err
		}
	}
	return nil
}

func slowly(ctx context.Context, t *trial, latency, jitter int, lasting time.Duration) error {
	return spoiled(ctx, t, t.database, toxic{Kind: "latency", Stream: "downstream", Toxicity: 1,
		Attributes: map[string]int{"latency": latency, "jitter": jitter}}, lasting)
}

// outcomes are what the worker says of the records that it has appended.
func outcomes(ctx context.Context, t *trial) (map[string]float64, error) {
	return labelled(ctx, t.product.Worker.URL, "auditflow_records_total", "outcome")
}

// inTime complains of a backlog that took longer than it should.
func inTime(t *trial, most time.Duration) error {
	if t.verdict.Delay > most {
		t.complain("the last row came %.0f s after all was well again", t.verdict.Delay.Seconds())
	}
	return nil
}

// noPartialBatch: what one batch has stored it has stored in one transaction.
func noPartialBatch(ctx context.Context, t *trial) error {
	return t.connected(ctx, func(conn *pgx.Conn) error {
		var batches, partial int
		err := conn.QueryRow(ctx, `
			SELECT count(*), count(*) FILTER (WHERE transactions > 1) FROM (
				SELECT count(DISTINCT xmin::text) AS transactions FROM kubernetes_execution_audit
				WHERE workflow_ref = $1 AND delivered_by LIKE 'audit/batch/%' GROUP BY delivered_by
			) AS delivered`, t.name).Scan(&batches, &partial)
		if err != nil {
			return fmt.Errorf("look for partial batches: %w", err)
		}
		t.figure("batches", float64(batches))
		if partial > 0 || batches == 0 {
			t.complain("%d of %d batches were stored in more than one transaction", partial, batches)
		}
		return nil
	})
}
