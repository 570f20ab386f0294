package controller

import (
	"cmp"
	"context"
	"errors"
	"fmt"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	v1 "github.com/auditflow/auditflow/api/v1"
)

// Release takes our finalizer off objects, for when nobody will do so any more:
// a finalizer that no process looks after keeps an object from being deleted for
// ever. Doing it twice is harmless. It must not run beside a controller that
// records the same objects, which would hold them again.
type Release struct {
	Client client.Client
	// Spare, unless nil, tells which objects keep their finalizer.
	Spare func(client.Object) bool
	// Unpersisted lets go of objects without a row, too. What becomes of them is
	// then not recorded, or recorded only when a controller comes back in time.
	Unpersisted bool
	// DryRun counts and changes nothing.
	DryRun bool
	// Progress, unless nil, is told the count after every page.
	Progress func(Released)
}

// Released counts the objects of one source.
type Released struct {
	Source string `json:"source"`
	// Absent tells that the cluster does not know the kind.
	Absent bool `json:"absent,omitempty"`
	Looked int  `json:"objects"`
	Held   int  `json:"held"`
	// Unpersisted of those held had no row yet.
	Unpersisted int `json:"unpersisted"`
	// Released is how many were let go, or would be.
	Released int `json:"released"`
	// Kept is how many were left as they are because they have no row yet.
	Kept   int `json:"kept"`
	Failed int `json:"failed"`
}

// releasePage is how many objects are listed at once, metadata only: a few
// megabytes at most.
const releasePage = 500

// Run looks at every object of the source's kind. What fails for one object is
// counted, and the others are gone on with; the error is the first of these, or
// that the objects cannot be listed. It holds no names.
func (r Release) Run(ctx context.Context, s Source) (done Released, first error) {
	done.Source = s.Kind().Kind
	for token := ""; ; {
		page := &metav1.PartialObjectMetadataList{}
		page.SetGroupVersionKind(s.Kind().GroupVersion().WithKind(s.Kind().Kind + "List"))
		err := r.Client.List(ctx, page, client.Limit(releasePage), client.Continue(token))
		if meta.IsNoMatchError(err) {
			done.Absent = true
			return done, nil
		}
		if err != nil {
			return done, errors.Join(first, &apiError{doing: fmt.Sprintf("list %ss", s.Noun()), err: err})
		}
		for i := range page.Items {
			o := &page.Items[i]
			o.SetGroupVersionKind(s.Kind()) // items of a list come without
			if err := r.one(ctx, s, o, &done); err != nil {
				done.Failed++
				first = cmp.Or(first, err)
			}
		}
		if r.Progress != nil {
			r.Progress(done)
		}
		if token = page.Continue; token == "" || ctx.Err() != nil {
			return done, errors.Join(first, ctx.Err())
		}
	}
}

// one decides about an object and lets it go.
func (r Release) one(ctx context.Context, s Source, o *metav1.PartialObjectMetadata, done *Released) error {
	done.Looked++
	if !isHeld(o) || r.Spare != nil && r.Spare(o) {
		return nil
	}
	done.Held++
	if o.GetAnnotations()[v1.PersistedAnnotation] == "" {
		done.Unpersisted++
		if !r.Unpersisted {
			done.Kept++
			return nil
		}
	}
	if !r.DryRun {
		if err := r.letGo(ctx, o); err != nil {
			return &apiError{"release " + s.Noun(), o.GetUID(), err}
		}
	}
	done.Released++
	return nil
}

// letGo tries again with the object as it is now if somebody else changed it.
func (r Release) letGo(ctx context.Context, o *metav1.PartialObjectMetadata) error {
	const tries = 5
	uid := o.GetUID()
	for try := 1; ; try++ {
		err := patch(ctx, r.Client, o, released(o, nil))
		if !apierrors.IsConflict(err) || try == tries {
			return client.IgnoreNotFound(err)
		}
		if err := r.Client.Get(ctx, client.ObjectKeyFromObject(o), o); err != nil {
			return client.IgnoreNotFound(err)
		}
		if o.GetUID() != uid || !isHeld(o) {
			return nil
		}
	}
}
