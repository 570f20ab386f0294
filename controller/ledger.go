package controller

import (
	"context"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/event"

	"github.com/auditflow/auditflow/audit"
)

// The ledger half of Deliveries: what is known of which object.

// submit hands an object over, in the trace of ctx if it has one. It never blocks;
// doing it twice is harmless.
func (d *Deliveries) submit(ctx context.Context, t target) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.byUID[t.uid] != nil {
		return
	}
	d.byUID[t.uid] = &delivery{target: t, stage: stageSubmitted, submitted: time.Now(), trace: journeyOf(ctx)}
	if d.byName[t.place()] == nil {
		d.byName[t.place()] = map[types.UID]bool{}
	}
	d.byName[t.place()][t.uid] = true
	d.pending++
	d.countPending()
	d.starts.Add(t)
}

// look returns what is known of an object; the zero value when nothing is.
func (d *Deliveries) look(uid types.UID) delivery {
	d.mu.Lock()
	defer d.mu.Unlock()
	if x := d.byUID[uid]; x != nil {
		return *x
	}
	return delivery{}
}

// update changes what is known and has the object reconciled.
func (d *Deliveries) update(ctx context.Context, t target, change func(*delivery)) {
	d.mu.Lock()
	x := d.byUID[t.uid]
	if x != nil {
		change(x)
		d.countPending()
	}
	d.mu.Unlock()
	if x == nil {
		return
	}
	select {
	case d.changed <- event.GenericEvent{Object: reference(t)}:
	case <-ctx.Done():
	}
}

// row is the id of an object's row, whoever delivers it.
func (d *Deliveries) row(o client.Object) string { return audit.ID(d.cfg.Cluster, string(o.GetUID())) }

// drop forgets one object: it is marked, or it cannot be delivered any more.
func (d *Deliveries) drop(uid types.UID) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if x := d.byUID[uid]; x != nil {
		d.remove(x)
	}
}

// forget drops the settled deliveries of objects that were here and are gone.
func (d *Deliveries) forget(here place, except types.UID) {
	d.mu.Lock()
	defer d.mu.Unlock()
	for uid := range d.byName[here] {
		if x := d.byUID[uid]; uid != except && x.stage == stagePersisted {
			d.remove(x)
		}
	}
}

func (d *Deliveries) remove(x *delivery) {
	delete(d.byUID, x.target.uid)
	here := x.target.place()
	delete(d.byName[here], x.target.uid)
	if len(d.byName[here]) == 0 {
		delete(d.byName, here)
	}
	if x.stage != stagePersisted {
		d.pending--
	}
	d.countPending()
}

func (d *Deliveries) countPending() { d.metrics.pending.Set(float64(d.pending)) }

// announce tells once on the object that its delivery takes long.
func (d *Deliveries) announce(t target, reason, note string) {
	d.mu.Lock()
	x := d.byUID[t.uid]
	first := x != nil && !x.announced
	if first {
		x.announced = true
	}
	d.mu.Unlock()
	if first {
		d.events.Eventf(reference(t), nil, corev1.EventTypeWarning, reason, "Deliver", "%s", note)
	}
}

// reference is as much of an object as it takes to find it and to tell of it.
func reference(t target) *metav1.PartialObjectMetadata {
	o := &metav1.PartialObjectMetadata{ObjectMeta: metav1.ObjectMeta{Namespace: t.name.Namespace, Name: t.name.Name, UID: t.uid}}
	o.SetGroupVersionKind(t.source.Kind())
	return o
}
