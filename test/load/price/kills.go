package price

import (
	"context"
	"fmt"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/auditflow/auditflow/test/load/turn"
)

// Kill is what became of records while a process was killed (SIGKILL) in the
// middle, and started again two seconds later. Those who hand over do what their
// design says: the starter holds on to a record until Temporal has it, since its
// object stays unmarked; the others give up what was refused.
type Kill struct {
	Way     string `json:"way"`
	Victim  string `json:"victim"`
	Offered int    `json:"offered"`
	Refused int    `json:"refused"` // and given up
	Rows    int    `json:"rows"`    // in the end
	// Lost have no row, Betrayed are those among them that were accepted.
	Lost     int `json:"lost"`
	Betrayed int `json:"accepted_and_lost"`
	// Seconds is when the last row came, after the last record was offered.
	Seconds float64 `json:"seconds"`
}

// victim is who is killed, and how it comes back.
type victim struct {
	name   string
	kill   func(*scene, contender) error
	revive func(context.Context, *scene, contender) error
}

func victims() map[string]victim {
	all := map[string]victim{}
	for _, v := range []victim{
		{"worker", func(s *scene, _ contender) error { s.product.Worker.Kill(); return nil },
			func(ctx context.Context, s *scene, _ contender) error { return s.product.Worker.Start(ctx) }},
		{"temporal", func(s *scene, _ contender) error { s.Temporal.Kill(); return nil },
			func(ctx context.Context, s *scene, _ contender) error { return s.Temporal.Start(ctx) }},
		{"postgresql", func(s *scene, _ contender) error { return s.Postgres.Kill() },
			func(ctx context.Context, s *scene, _ contender) error { return s.Postgres.Start(ctx) }},
		{"service", func(s *scene, c contender) error { s.kill(c.worker); return nil },
			func(ctx context.Context, s *scene, c contender) error { _, err := s.process(ctx, c.worker); return err }},
	} {
		all[v.name] = v
	}
	return all
}

// kill ends one of our processes.
func (s *scene) kill(role string) {
	if p := s.processes[role]; p != nil {
		p.Kill()
		delete(s.processes, role)
	}
}

// measureKills kills whom each way relies on, one after the other.
func measureKills(ctx context.Context, b *Bench, s *scene, f *Figures) error {
	ours := contender{name: "auditflow", work: workBatched, size: 2048, batch: 100, client: roleStarter, workflow: typeDeliver}
	ways := map[string]contender{ours.name: ours}
	for _, c := range peers(0, 0) {
		ways[c.name] = c
	}
	noPeers := s.buildPeers(ctx)
	for _, k := range []struct{ way, victim string }{
		{ours.name, "worker"}, {ours.name, "temporal"}, {ours.name, "postgresql"},
		{"river_single", "service"}, {"river_single", "postgresql"},
		{WorkSeed, "service"}, {WorkSeed, "postgresql"}, {WorkInsert, "postgresql"}, {WorkCopy, "postgresql"},
	} {
		c := ways[k.way]
		if c.client == rolePeerProducer && noPeers != nil {
			continue
		}
		c.rate, c.records, c.callers = killRate, int(killRate*b.plan.kill.Seconds()), 64
		found, err := b.murder(ctx, s, c, victims()[k.victim])
		if err != nil {
			return fmt.Errorf("%s, %s killed: %w", k.way, k.victim, err)
		}
		f.Kills = append(f.Kills, found)
		b.say("    %-16s %-11s killed: %d of %d lost, %d of those had been accepted", found.Way, found.Victim, found.Lost, found.Offered, found.Betrayed)
	}
	return noPeers
}

const (
	killRate = 100.0           // records a second
	absence  = 2 * time.Second // of whoever was killed
	calm     = 45 * time.Second
)

// murder offers records on a clock and kills the victim after a third of the time.
func (b *Bench) murder(ctx context.Context, s *scene, c contender, v victim) (k Kill, err error) {
	file, err := b.file(s, c.size)
	if err != nil {
		return k, err
	}
	team, err := s.assemble(ctx, c)
	if err != nil {
		return k, err
	}
	o := turn.Order{
		Work: c.work, Records: c.records, First: s.numbers, File: file, Base: s.base, Callers: c.callers, Batch: c.batch, Rate: c.rate, Patience: patience.Seconds(),
	}
	s.numbers += int64(c.records)
	var answer turn.Answer
	group, together := errgroup.WithContext(ctx)
	group.Go(func() (err error) {
		answer, err = team.client.Do(together, o)
		return err
	})
	group.Go(func() error {
		if err := sleep(together, time.Duration(float64(c.records)/c.rate/3*float64(time.Second))); err != nil {
			return err
		}
		if err := v.kill(s, c); err != nil {
			return err
		}
		if err := sleep(together, absence); err != nil {
			return err
		}
		return v.revive(together, s, c)
	})
	began := time.Now()
	if err := group.Wait(); err != nil {
		return k, err
	}
	offered := time.Duration(float64(c.records) / c.rate * float64(time.Second))
	k = Kill{Way: c.name, Victim: v.name, Offered: c.records, Refused: answer.Refused}
	if k.Rows, err = s.inTheEnd(ctx, o, answer.Accepted); err != nil {
		return k, err
	}
	k.Seconds = rounded(max(0, (time.Since(began) - offered).Seconds()))
	k.Lost, k.Betrayed = k.Offered-k.Rows, max(0, answer.Accepted-k.Rows)
	return k, nil
}

// inTheEnd waits for the rows that were promised, as long as there is hope.
func (s *scene) inTheEnd(ctx context.Context, o turn.Order, promised int) (rows int, err error) {
	for deadline := time.Now().Add(calm); ; {
		s.audit.Reset() // connections to a server that was killed
		if rows, err = s.rows(ctx, o); err == nil && rows >= promised || time.Now().After(deadline) {
			return rows, err
		}
		if err := sleep(ctx, 250*time.Millisecond); err != nil {
			return rows, err
		}
	}
}

func sleep(ctx context.Context, d time.Duration) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(d):
		return nil
	}
}
