package controller

import (
	"context"
	"fmt"
	"time"

	"github.com/go-logr/logr"
	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// censusEvery is how old the counts of a census may be.
const censusEvery = 15 * time.Second

// census counts the objects whose executions have ended by what has become of
// their records. It looks at the cache and at nothing this process remembers of
// its past, so what it tells is as right after a restart as before.
type census struct {
	cache      client.Reader
	scheme     *runtime.Scheme
	watched    []Watched
	deliveries *Deliveries
	log        logr.Logger
}

// count is what a census finds of one source. Completed is not less than
// persisted and pending together; what is left is in nobody's hands.
type count struct {
	completed int
	persisted int // marked
	pending   int // not marked, and this process delivers it
	oldest    time.Time
}

// Start counts until ctx ends. It is the leader's: nobody else delivers, and
// to anybody else everything pending would look lost.
func (c *census) Start(ctx context.Context) error {
	tick := time.NewTicker(censusEvery)
	defer tick.Stop()
	for {
		for _, w := range c.watched {
			c.tell(ctx, w.Source)
		}
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
	}
}

func (c *census) tell(ctx context.Context, s Source) {
	kind := s.Kind().Kind
	found, err := c.count(ctx, s)
	if err != nil {
		c.deliveries.metrics.forgetObjects(kind) // what is not known has no sample
		if ctx.Err() == nil {
			c.log.Error(err, "objects not counted", "source", kind)
		}
		return
	}
	c.deliveries.metrics.objects(kind, found, time.Now())
}

func (c *census) count(ctx context.Context, s Source) (found count, err error) {
	list, err := c.listOf(s)
	if err != nil {
		return count{}, err
	}
	// The objects are only looked at, and there may be a hundred thousand.
	if err := c.cache.List(ctx, list, client.UnsafeDisableDeepCopy); err != nil {
		return count{}, fmt.Errorf("list the %ss of the cache: %w", s.Noun(), err)
	}
	err = meta.EachListItem(list, func(item runtime.Object) error {
		if o, ok := item.(client.Object); ok && s.Records(o) && s.Ended(o) {
			found.add(s, o, c.deliveries)
		}
		return nil
	})
	return found, err
}

func (c *census) listOf(s Source) (client.ObjectList, error) {
	kind := s.Kind()
	made, err := c.scheme.New(kind.GroupVersion().WithKind(kind.Kind + "List"))
	if err != nil {
		return nil, fmt.Errorf("make a list of %ss: %w", s.Noun(), err)
	}
	list, ok := made.(client.ObjectList)
	if !ok {
		return nil, fmt.Errorf("make a list of %ss: %T is none", s.Noun(), made)
	}
	return list, nil
}

func (n *count) add(s Source, o client.Object, d *Deliveries) {
	n.completed++
	if isMarked(o, d.row(o)) {
		n.persisted++
		return
	}
	at := s.CompletedAt(o)
	if known := d.look(o.GetUID()); known.stage != stageUnknown {
		n.pending++
		if at.IsZero() {
			at = known.submitted
		}
	}
	if !at.IsZero() && (n.oldest.IsZero() || at.Before(n.oldest)) {
		n.oldest = at
	}
}
