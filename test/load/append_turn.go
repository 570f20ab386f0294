package main

import (
	"context"
	"fmt"
	"sync"
	"time"
)

// cell is a writer with a number of callers, and what it did in all its turns.
type cell struct {
	writer  writer
	callers int
	rows    int
	took    time.Duration
	cpu     spent
}

func (c *cell) rate() float64 { return float64(c.rows) / c.took.Seconds() }

func (c *cell) run(ctx context.Context, with *writers, from *source, cpu meter, limit time.Duration) (err error) {
	if _, err := with.db.Exec(ctx, `CHECKPOINT`); err != nil {
		return err
	}
	before := cpu.read()
	c.rows, c.took, err = race(ctx, c.writer, with, from, c.callers, limit)
	c.cpu = cpu.read().since(before)
	return err
}

// race runs one writer with that many callers for a while and returns the rows
// that were committed and how long it took until all had their answers.
func race(ctx context.Context, w writer, with *writers, from *source, callers int, limit time.Duration) (rows int, took time.Duration, err error) {
	deadline, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	var wait sync.WaitGroup
	var mu sync.Mutex
	began := time.Now()
	for range callers {
		wait.Go(func() {
			n, failed := w.write(deadline, with, from)
			mu.Lock()
			defer mu.Unlock()
			rows += n
			if failed != nil && err == nil {
				err = fmt.Errorf("%s with %d callers: %w", w.name, callers, failed)
			}
		})
	}
	wait.Wait()
	return rows, time.Since(began), err
}
