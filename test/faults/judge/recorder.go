package judge

import (
	"context"
	"slices"
	"sync/atomic"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/watch"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/rest"
)

// What users were promised to find on an object.
const (
	finalizer  = "audit.kubernaut.io/delivery"
	annotation = "audit.kubernaut.io/persisted"
)

// Recorder watches the executions of a namespace and enters into the books what
// the API server tells of them: that they completed, that they are let go, that
// they are marked as persisted, that they are gone. It has a client of its own,
// lists anew when a watch ends, and so misses nothing that lasts.
type Recorder struct {
	// Relists is how often the watch had to begin anew.
	Relists atomic.Int64

	books     *Books
	client    dynamic.ResourceInterface
	namespace string
	seen      map[string]*object // by UID
}

type object struct {
	looks     // when it was last seen
	name      string
	letGo     bool // it was held, and then was not
	completed bool
}

// NewRecorder connects to the API server.
func NewRecorder(config *rest.Config, namespace string, books *Books) (*Recorder, error) {
	c, err := dynamic.NewForConfig(config)
	if err != nil {
		return nil, err
	}
	executions := schema.GroupVersionResource{Group: "execution.kubernaut.io", Version: "v1", Resource: "kubernetesexecutions"}
	return &Recorder{books: books, client: c.Resource(executions).Namespace(namespace), namespace: namespace, seen: map[string]*object{}}, nil
}

// Run records until ctx ends. While there is no API server it tries again.
func (r *Recorder) Run(ctx context.Context) {
	for ctx.Err() == nil {
		if version, err := r.list(ctx); err == nil {
			r.follow(ctx, version)
		}
		r.Relists.Add(1)
		select {
		case <-time.After(100 * time.Millisecond):
		case <-ctx.Done():
		}
	}
}

// list reads everything there is. What was seen before and is there no more was
// deleted meanwhile.
func (r *Recorder) list(ctx context.Context) (version string, err error) {
	there := map[string]bool{}
	for token := ""; ; {
		page, err := r.client.List(ctx, metav1.ListOptions{Limit: 500, Continue: token})
		if err != nil {
			return "", err
		}
		for i := range page.Items {
			there[string(page.Items[i].GetUID())] = true
			r.note(&page.Items[i])
		}
		if token = page.GetContinue(); token == "" {
			version = page.GetResourceVersion()
			break
		}
	}
	for uid := range r.seen {
		if !there[uid] {
			r.gone(uid)
		}
	}
	return version, nil
}

// follow watches until the watch ends, for whatever reason.
func (r *Recorder) follow(ctx context.Context, version string) {
	w, err := r.client.Watch(ctx, metav1.ListOptions{ResourceVersion: version, AllowWatchBookmarks: true})
	if err != nil {
		return
	}
	defer w.Stop()
	for e := range w.ResultChan() {
		o, is := e.Object.(*unstructured.Unstructured)
		switch {
		case e.Type == watch.Error || !is:
			_ = apierrors.FromObject(e.Object) // 410 Gone, as a rule: list anew
			return
		case e.Type == watch.Deleted:
			r.note(o)
			r.gone(string(o.GetUID()))
		case e.Type == watch.Added, e.Type == watch.Modified:
			r.note(o)
		}
	}
}

func (r *Recorder) note(o *unstructured.Unstructured) {
	now, uid := time.Now(), string(o.GetUID())
	seen := r.seen[uid]
	if seen == nil {
		seen = &object{name: o.GetName()}
		r.seen[uid] = seen
	}
	phase, _, _ := unstructured.NestedString(o.Object, "status", "phase")
	if phase == "Completed" || phase == "Failed" || phase == "Cancelled" {
		seen.completed = true
		r.books.Complete(uid, seen.name, now)
	}
	is := looks{slices.Contains(o.GetFinalizers(), finalizer), o.GetAnnotations()[annotation], o.GetDeletionTimestamp() != nil}
	if is.mark != "" {
		r.books.Acknowledge(uid, seen.name, Persisted, now)
	} else if seen.held && !is.held {
		r.books.Acknowledge(uid, seen.name, Durable, now)
	}
	if wrong := seen.next(is); wrong != "" {
		r.books.Disorder(seen.name, wrong)
	}
}

// gone: whoever let an object go that had completed, or that was held, has its
// record. One that was never held may have been deleted before anybody saw it.
func (r *Recorder) gone(uid string) {
	if seen := r.seen[uid]; seen.held || seen.completed {
		r.books.Acknowledge(uid, seen.name, Durable, time.Now())
	}
	delete(r.seen, uid)
}
