package main

import (
	"context"
	"fmt"
	"maps"
	"sync"

	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/watch"
	"sigs.k8s.io/controller-runtime/pkg/client"

	v1 "github.com/auditflow/auditflow/api/v1"
)

// sighting is what the API server showed of one execution.
type sighting struct {
	object *v1.KubernetesExecution // the last seen, without its output
	ended  bool                    // a terminal phase was seen
	asked  bool                    // its deletion was asked for
	gone   bool
}

// completed tells whether there must be a row.
func (s sighting) completed() bool { return s.ended || s.asked || s.gone }

// ledger records executions as a watch shows them: the side of the books that
// does not rely on the executor. Keyed by UID, for names are used again.
type ledger struct {
	mu   sync.Mutex
	seen map[types.UID]sighting
}

func newLedger() *ledger { return &ledger{seen: map[types.UID]sighting{}} }

// follow watches until ctx ends.
func (l *ledger) follow(ctx context.Context, c client.WithWatch) error {
	for ctx.Err() == nil {
		if err := l.followOnce(ctx, c); err != nil && ctx.Err() == nil {
			return fmt.Errorf("watch executions: %w", err)
		}
	}
	return nil
}

// followOnce watches until the API server ends the watch. A watch without a
// resource version begins with what is there.
func (l *ledger) followOnce(ctx context.Context, c client.WithWatch) error {
	w, err := c.Watch(ctx, &v1.KubernetesExecutionList{}, client.InNamespace(namespace))
	if err != nil {
		return err
	}
	defer w.Stop()
	for event := range w.ResultChan() {
		if ex, ok := event.Object.(*v1.KubernetesExecution); ok {
			l.record(ex, event.Type == watch.Deleted)
		}
	}
	return nil
}

func (l *ledger) record(ex *v1.KubernetesExecution, gone bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	s := l.seen[ex.UID]
	s.ended = s.ended || ex.Status.Phase.Terminal()
	s.asked = s.asked || ex.DeletionTimestamp != nil
	s.gone = s.gone || gone
	if ex.Status.Result != nil {
		ex.Status.Result.Output = ""
	}
	s.object = ex
	l.seen[ex.UID] = s
}

func (l *ledger) sightings() map[types.UID]sighting {
	l.mu.Lock()
	defer l.mu.Unlock()
	return maps.Clone(l.seen)
}
