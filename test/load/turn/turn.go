package turn

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"time"
)

// Order is one turn of work.
type Order struct {
	// Work names what to do; Hello, which everybody knows, does nothing.
	Work string `json:"work"`
	// Records is how many, from number First on: no two turns share a number.
	Records int   `json:"records"`
	First   int64 `json:"first"`
	// File has the records that those of the turn are made of, and Base is the
	// created_at of number 0.
	File string    `json:"file"`
	Base time.Time `json:"base"`
	// Callers is how many hand over at once, Batch how many records go together.
	Callers int `json:"callers"`
	Batch   int `json:"batch"`
	// Rate is how many complete in a second, on a clock; 0 is as fast as can be.
	Rate float64 `json:"rate"`
	// Patience is after how many seconds the turn has failed.
	Patience float64 `json:"patience"`
}

// Hello is the work of being there.
const Hello = "hello"

// Answer is how a turn went.
type Answer struct {
	Error string `json:"error,omitempty"`
	// Seconds is how long it took, HandedOver until all were handed over.
	Seconds    float64 `json:"seconds"`
	HandedOver float64 `json:"handed_over"`
	// Workflows is how many there were, and Sample the ids of some.
	Workflows int      `json:"workflows"`
	Sample    []string `json:"sample,omitempty"`
	// Waits are, in milliseconds, from each completion to the answer that it is
	// persisted.
	Waits []float64 `json:"waits,omitempty"`
	// Accepted is how many were taken, Refused how many were not and are given up,
	// which is what the design says that is measured.
	Accepted int `json:"accepted"`
	Refused  int `json:"refused"`
}

// Work carries out an order.
type Work func(ctx context.Context, o Order) (Answer, error)

// Serve carries out one order after the other until there are no more.
func Serve(ctx context.Context, works map[string]Work, in io.Reader, out io.Writer) error {
	answers := json.NewEncoder(out)
	for orders := bufio.NewScanner(in); orders.Scan(); {
		var o Order
		if err := json.Unmarshal(orders.Bytes(), &o); err != nil {
			return fmt.Errorf("read an order: %w", err)
		}
		if err := answers.Encode(carryOut(ctx, works, o)); err != nil {
			return fmt.Errorf("answer: %w", err)
		}
	}
	return nil
}

func carryOut(ctx context.Context, works map[string]Work, o Order) (a Answer) {
	work, known := works[o.Work]
	switch {
	case o.Work == Hello:
		return a
	case !known:
		a.Error = fmt.Sprintf("nobody here knows how to do %q", o.Work)
		return a
	}
	if o.Patience > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, time.Duration(o.Patience*float64(time.Second)))
		defer cancel()
	}
	began := time.Now()
	a, err := work(ctx, o)
	a.Seconds = time.Since(began).Seconds()
	if err != nil {
		a.Error = err.Error()
	}
	return a
}
