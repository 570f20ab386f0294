//go:build siege

package e2e

import (
	"context"
	"fmt"
	"net/http"
	"strconv"
	"sync"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/types"

	"github.com/auditflow/auditflow/test/world"
)

// siege is an HTTP door of a test's own, which somebody attacks. It is built
// without the race detector, which takes several times the memory.
type siege struct {
	outsider
	program *world.Program
}

// besiege starts a door with more lines of configuration. That it has lived to the
// end, and ends in good order, belongs to every test; so does its memory.
func besiege(t *testing.T, name, more string) siege {
	t.Helper()
	p, err := stage.product.NewAPI(t.Context(), "api-"+name, world.ProductOptions{}, more)
	if err != nil {
		t.Fatal(err)
	}
	if err := p.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	s := siege{outsider{p.URL, stage.product.Token}, p}
	t.Cleanup(func() {
		s.isWithinItsMemory(t)
		if err := p.Stop(context.Background()); err != nil {
			t.Error(err)
		}
	})
	return s
}

// mostMemory is what docs/http.md promises with the limits as they are.
const mostMemory = 256 << 20

func (s siege) isWithinItsMemory(t *testing.T) {
	t.Helper()
	peak, err := s.program.PeakMemory()
	if err != nil {
		t.Fatalf("it did not outlive the attack: %v", err)
	}
	t.Logf("at most %d MiB in memory", peak>>20)
	if peak > mostMemory {
		t.Errorf("it took %d MiB, want at most %d", peak>>20, mostMemory>>20)
	}
}

// during has an honest client post one record after the other while the attack
// lasts. Each must be taken in good time, and must have its row in the end.
func (s siege) during(t *testing.T, attack func()) {
	t.Helper()
	over, honest := make(chan struct{}), make(chan []string)
	go func() {
		var uids []string
		defer func() { honest <- uids }()
		for {
			select {
			case <-over:
				return
			default:
			}
			r := posted(t, fields{"execution_id": fmt.Sprintf("%s-%d", t.Name(), len(uids))})
			began := time.Now()
			if err := s.insist(t.Context(), r); err != nil {
				t.Errorf("an honest record was not taken within %s: %v", time.Since(began), err)
				return
			}
			uids = append(uids, r.uid())
		}
	}()
	attack()
	close(over)
	uids := <-honest
	if len(uids) == 0 {
		t.Error("no honest record was taken meanwhile")
	}
	t.Logf("%d honest records were taken meanwhile", len(uids))
	for _, uid := range uids {
		theRow(t, healed, types.UID(uid))
	}
}

// insist posts a record until it is taken, as a client does that can wait.
func (s siege) insist(ctx context.Context, r fields) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	for {
		a, err := s.ask(ctx, http.MethodPost, "/api/v1/audit/kubernetes-execution", r.json())
		if err != nil {
			return err
		}
		if a.status == http.StatusCreated {
			return nil
		}
		seconds, err := strconv.Atoi(a.header.Get("Retry-After"))
		if err != nil {
			return fmt.Errorf("status %d: %.300s", a.status, a.text)
		}
		select {
		case <-time.After(time.Duration(seconds) * time.Second):
		case <-ctx.Done():
			return fmt.Errorf("last status %d: %.300s", a.status, a.text)
		}
	}
}

// tally counts what attackers were answered.
type tally struct {
	mu     sync.Mutex
	counts map[string]int
}

func (c *tally) add(what string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.counts == nil {
		c.counts = map[string]int{}
	}
	c.counts[what]++
}
