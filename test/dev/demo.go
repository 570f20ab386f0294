package main

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"slices"
	"time"

	"github.com/auditflow/auditflow/test/tool"
)

// demo runs the demonstration and writes its figures. It is an error if anything
// is not as it should be.
func demo(ctx context.Context, o options, s *screen, began time.Time) error {
	if entries, err := os.ReadDir(o.keep); err == nil && len(entries) > 0 {
		return fmt.Errorf("%s is not empty: the demonstration's books begin with an empty world", o.keep)
	}
	found, err := perform(ctx, o, s)
	if err != nil {
		return err
	}
	n := found.figures()
	n.Seconds = float64(time.Since(began).Milliseconds()) / 1000
	if err := tool.WriteFigures(o.out, n); err != nil {
		return fmt.Errorf("write figures: %w", err)
	}
	s.say("\nended in good order after %.1f s; figures in %s", n.Seconds, o.out)
	if o.keep != "" {
		s.say("data and logs are kept in %s", o.keep)
	}
	if faults := len(found.faults()); faults > 0 {
		return fmt.Errorf("the demonstration found %d faults, listed above", faults)
	}
	return nil
}

// perform lets the world live as long as there is something to find out.
func perform(ctx context.Context, o options, s *screen) (found findings, err error) {
	st, err := raise(ctx, o.keep, s)
	if err != nil {
		return findings{}, err
	}
	defer func() { err = errors.Join(err, st.close(ctx)) }()
	s.say("to look at while it runs:")
	st.addresses(s)

	if found, err = st.play(ctx, s); err != nil {
		return findings{}, err
	}
	s.report(found)
	s.say("\nwhat is to be seen until this ends, and with \"make dev\" as long as you like:")
	st.addresses(s)
	return found, nil
}

// play runs the executions, compares the books and searches for leaks.
func (st *stage) play(ctx context.Context, s *screen) (findings, error) {
	watching, stop := context.WithCancel(ctx)
	defer stop()
	books := newLedger()
	watched := make(chan error, 1)
	go func() { watched <- books.follow(watching, st.executor.Client) }()

	f := findings{plants: &plants{}}
	all := cases(st.executor.Client, f.plants)
	s.say("running %d executions, %d at a time …", len(all), atOnce)
	done, err := runAll(ctx, st.executor, all, func(n int) { s.progress(n, len(all)) })
	if err != nil {
		return f, err
	}
	s.say("all have ended; comparing the books …")
	if f.books, f.verdict, err = st.settle(ctx, done, books); err != nil {
		return f, err
	}
	stop()
	if err := <-watched; err != nil {
		return f, err
	}
	s.say("searching for %d planted secrets …", len(f.plants.list))
	f.search, err = st.searchLeaks(ctx, f.plants, slices.Sorted(maps.Keys(f.books.workflows)))
	return f, err
}
