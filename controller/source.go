package controller

import (
	"context"
	"strings"
	"time"
	"unique"

	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/cache"
	"sigs.k8s.io/controller-runtime/pkg/client"

	v1 "github.com/auditflow/auditflow/api/v1"
	"github.com/auditflow/auditflow/audit"
)

// Source is a kind of objects whose ends are recorded: where they are, when one
// has ended, and what is then to be written of it. Marks, delivery, review and
// release are the same for all of them, so a further kind is one file with these
// methods and its mapping, a line in [Sources], and the rights to it in doc.go.
//
// Its methods are called from many goroutines. Sources are compared, so they are
// pointers.
type Source interface {
	// Kind is that of the objects. Kind().Kind is the source of their records.
	Kind() schema.GroupVersionKind
	// Noun is what messages call one of them, as in "execution".
	Noun() string
	// New is an empty object, of the type that Scheme has for Kind.
	New() client.Object
	// Cache says which objects are watched, and strips what need not be
	// remembered of them: [Source.Ended], Records and the marks must do with
	// what is left. What is large or secret is read once, by Observe.
	Cache() cache.ByObject
	// Records tells from the metadata whether the object is one of those that
	// this source records. What it does not record is not held.
	Records(o client.Object) bool
	// Ended tells whether what a cached object stands for is over for good.
	Ended(o client.Object) bool
	// CompletedAt is when it ended by the cached object's own account; zero when
	// that does not say. It is asked of objects without a persisted mark only.
	CompletedAt(o client.Object) time.Time
	// Observe reads the facts, past any cache, and maps them to the record. The
	// same facts give the same record, for it may be asked any number of times.
	// An error is tried again for ever, so what somebody wrote wrongly into the
	// object is no error: it is recorded as far as possible, and noted.
	// errReplaced tells that the object is gone.
	Observe(ctx context.Context, api client.Reader, cluster string, t target) (audit.Record, error)
}

// Sources are all there are, as they are without configuration: who uninstalls
// must let go of the objects of each of them.
func Sources() []Source { return []Source{&Executions{}, &Jobs{}} }

// Watched is a source in use.
type Watched struct {
	Source Source
	// Review is how long an object stays after its record was persisted, for
	// people to look at; then it is removed. 0 means for ever.
	Review time.Duration
}

// target is one object: its name to find it, its UID because names are reused.
type target struct {
	name   types.NamespacedName
	uid    types.UID
	source Source
}

func (t target) place() place { return place{t.source, t.name} }

// place is where an object is, or was: names are unique within a kind only.
type place struct {
	source Source
	name   types.NamespacedName
}

// controllerName is what the source's reconciler is called, in metrics, too.
func controllerName(s Source) string { return strings.ToLower(s.Kind().Kind) }

// selective tells whether objects of the source's kind may exist that it does
// not watch: then one can leave the cache and still be held.
func selective(s Source) bool {
	by := s.Cache()
	return by.Label != nil || by.Field != nil || len(by.Namespaces) > 0
}

// stripMetadata drops what we neither look at nor patch. Annotations go, too,
// but for ours: kubectl repeats the whole object in one of them.
func stripMetadata(o client.Object) {
	o.SetManagedFields(nil)
	o.SetGenerateName("")
	o.GetObjectKind().SetGroupVersionKind(schema.GroupVersionKind{}) // the cache knows it
	o.SetNamespace(shared(o.GetNamespace()))
	var ours map[string]string
	for key, value := range o.GetAnnotations() {
		if !strings.HasPrefix(key, annotationPrefix) {
			continue
		}
		if ours == nil {
			ours = make(map[string]string, 2)
		}
		ours[shared(key)] = shared(value)
	}
	o.SetAnnotations(ours)
}

// awaited tells that an object does not say yet that its row is committed. Of
// the others, which are nearly all, the cache need not keep when they ended.
func awaited(o client.Object) bool { return o.GetAnnotations()[v1.PersistedAnnotation] == "" }

// shared is the one copy of a text of which every object brings its own.
func shared(s string) string {
	const long = 32 // a mark is its object's alone
	if len(s) > long {
		return s
	}
	return unique.Make(s).Value()
}

const annotationPrefix = "audit.kubernaut.io/"
