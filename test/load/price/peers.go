package price

import (
	"context"
	"errors"
	"fmt"
	"os/exec"
	"path/filepath"
)

// What is done by processes of this program that price does not know, see
// cmd process: writing straight into the table, and the seed's design.
const (
	RoleWriter      = "writer"
	RoleSeedClient  = "seed-client"
	RoleSeedService = "seed-service"

	WorkInsert = "insert_1_row"
	WorkAppend = "append_100_rows"
	WorkCopy   = "copy_100_rows"
	WorkSeed   = "seed_http"
)

// Roles of the program in test/load/peers.
const (
	rolePeerProducer = "producer"
	rolePeerWorker   = "worker"
)

// peers are what one would use instead. All leave a row for each record; none
// redacts or seals.
func peers(one, many int) []contender {
	direct := contender{size: 2048, callers: closed, client: RoleWriter, worker: nobody, leavesRows: true}
	with := func(name, client, worker string, records int) contender {
		c := direct
		c.name, c.work, c.client, c.worker, c.records = name, name, client, worker, records
		c.awaited = worker == rolePeerWorker
		return c
	}
	return []contender{
		with(WorkSeed, RoleSeedClient, RoleSeedService, 2*one),
		with("river_single", rolePeerProducer, rolePeerWorker, 2*one),
		with("river_insert_100", rolePeerProducer, rolePeerWorker, many/4),
		with("river_100_in_a_job", rolePeerProducer, rolePeerWorker, many),
		with(WorkInsert, RoleWriter, nobody, 2*one),
		with(WorkAppend, RoleWriter, nobody, many),
		with(WorkCopy, RoleWriter, nobody, many),
	}
}

// measurePeers compares them. Our own batches take turns with them, to be compared
// in the same rounds.
func measurePeers(ctx context.Context, b *Bench, s *scene, f *Figures) error {
	contenders := peers(b.plan.one, b.plan.many)
	var faults []error
	if err := s.buildPeers(ctx); err != nil {
		faults = append(faults, err)
		contenders = without(contenders, rolePeerProducer)
	}
	results, err := b.compare(ctx, s, contenders, b.plan.rounds)
	for _, c := range contenders {
		if len(results[c.name]) > 0 {
			f.Ways[c.name] = wayOf(c, results[c.name])
		}
	}
	return errors.Join(append(faults, err)...)
}

func without(contenders []contender, client string) (rest []contender) {
	for _, c := range contenders {
		if c.client != client {
			rest = append(rest, c)
		}
	}
	return rest
}

// buildPeers builds their program, which is a module of its own.
func (s *scene) buildPeers(ctx context.Context) error {
	s.peers = filepath.Join(s.Dir, "peers")
	cmd := exec.CommandContext(ctx, "go", "build", "-o", s.peers, ".")
	cmd.Dir = filepath.Join("test", "load", "peers")
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("build the peers: %w\n%s", err, out)
	}
	return nil
}
