package main

import (
	"bytes"
	"context"
	"strings"
	"time"

	"github.com/auditflow/auditflow/cmd/internal/status"
)

// Sequences of ECMA-48, as all terminals know them.
const (
	eraseScreen = "\x1b[2J"
	cursorHome  = "\x1b[H"
	eraseLine   = "\x1b[K" // from the cursor on
	eraseBelow  = "\x1b[J"
)

// watchStatus tells it again and again until ctx ends, which is how it is meant to
// end. That a part cannot be read is no reason to stop: it is what is watched for.
func (p *program) watchStatus(ctx context.Context, interval time.Duration, read func() *status.Status) error {
	screen := p.out.person && p.out.forPeople()
	for first := true; ; first = false {
		s := read()
		if ctx.Err() != nil {
			return nil //nolint:nilerr // to be interrupted is how it ends, and what was says nothing
		}
		if err := p.refresh(s, screen, first); err != nil {
			return err
		}
		if pause(ctx, interval) != nil {
			return unread(s)
		}
	}
}

func (p *program) refresh(s *status.Status, screen, first bool) error {
	if screen {
		if err := p.redraw(s, first); err != nil {
			return err
		}
		return p.out.to.Flush()
	}
	if !first && p.out.forPeople() {
		if _, err := p.out.to.WriteString("\n"); err != nil {
			return err
		}
	}
	if err := p.single(s, func(page *page) { tellStatus(page, s) }); err != nil {
		return err
	}
	return p.out.to.Flush()
}

// redraw writes over what is on the screen, in one piece and without erasing it
// first, so that nothing flickers.
func (p *program) redraw(s *status.Status, first bool) error {
	var text bytes.Buffer
	hidden := *p.out
	hidden.to = newStream(&text, false)
	page := newPage(&hidden)
	tellStatus(page, s)
	if err := page.finish(); err != nil {
		return err
	}
	if err := hidden.to.Flush(); err != nil {
		return err
	}
	before := cursorHome
	if first {
		before = eraseScreen + cursorHome
	}
	_, err := p.out.to.WriteString(before + strings.ReplaceAll(text.String(), "\n", eraseLine+"\n") + eraseBelow)
	return err
}
