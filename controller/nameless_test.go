package controller

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/url"
	"strings"
	"sync"
	"testing"
	"testing/synctest"

	"github.com/go-logr/logr"
	"go.temporal.io/api/serviceerror"
	"go.temporal.io/sdk/temporal"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	v1 "github.com/auditflow/auditflow/api/v1"
	"github.com/auditflow/auditflow/audit"
)

// planted is a secret, as it may be found in the name of an execution, of its
// namespace and of its Job.
const planted = "hunter-2-glpat-9dk2mqx7rtyw4vbz1cnp"

// transcript is a log at the lowest level that can be configured. It may be read
// while it is written.
type transcript struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (l *transcript) Write(line []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(line)
}

func (l *transcript) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

func (l *transcript) logger() logr.Logger {
	return logr.FromSlogHandler(slog.NewTextHandler(l, &slog.HandlerOptions{Level: slog.LevelDebug}))
}

// has checks that the log says what an operator needs, and no name.
func (l *transcript) has(t *testing.T, wanted ...string) {
	t.Helper()
	for _, want := range wanted {
		if !strings.Contains(l.String(), want) {
			t.Errorf("the log does not say %q:\n%s", want, l)
		}
	}
	if strings.Contains(l.String(), planted) {
		t.Errorf("a name is in the log:\n%s", l)
	}
}

// faulty is a cluster whose executions have Jobs, and that fails as the API
// server does: quoting names.
type faulty struct {
	cluster
	kind string // which it does not give
	err  error
}

func (f faulty) Get(ctx context.Context, name client.ObjectKey, o client.Object, _ ...client.GetOption) error {
	if fmt.Sprintf("%T", o) == f.kind {
		return f.err
	}
	ex, ok := o.(*v1.KubernetesExecution)
	if !ok {
		return apierrors.NewNotFound(schema.GroupResource{Resource: "jobs"}, name.Name)
	}
	err := f.cluster.Get(ctx, name, o)
	ex.Status.JobRef = &v1.JobReference{Namespace: name.Namespace, Name: name.Name}
	return err
}

func (f faulty) List(_ context.Context, list client.ObjectList, _ ...client.ListOption) error {
	if fmt.Sprintf("%T", list) == f.kind {
		return f.err
	}
	return nil
}

func TestADeliveryThatIsNotWellIsLoggedWithoutItsName(t *testing.T) {
	t.Parallel()
	name := types.NamespacedName{Namespace: "ns-" + planted, Name: "ex-" + planted}
	forbidden := apierrors.NewForbidden(schema.GroupResource{Resource: "things"}, name.Name, errors.New("not you in "+name.Namespace))
	unreachable := &url.Error{Op: "Get", URL: "https://cluster/" + name.String(), Err: errors.New("connection refused")}
	refused := func(context.Context, int, audit.Record) (run, error) {
		return run{}, errors.New("start audit/KubernetesExecution/uid-0: refused")
	}
	ends := func(err error) func(context.Context, int, audit.Record) (run, error) {
		return func(context.Context, int, audit.Record) (run, error) {
			return run{end: func(context.Context) error { return err }}, nil
		}
	}
	for what, tc := range map[string]struct {
		api   faulty
		start func(context.Context, int, audit.Record) (run, error)
		says  string
	}{
		"Temporal refuses":           {faulty{}, refused, "start audit/KubernetesExecution/uid-0: refused"},
		"reading is forbidden":       {faulty{kind: "*v1.KubernetesExecution", err: forbidden}, committed, "get execution uid-0: the API server answers 403 Forbidden"},
		"the API server is away":     {faulty{kind: "*v1.KubernetesExecution", err: fmt.Errorf("%s: %w", name, unreachable)}, committed, "the API server cannot be asked: connection refused"},
		"it does not answer in time": {faulty{kind: "*v1.Job", err: fmt.Errorf("%s: %w", name, context.DeadlineExceeded)}, committed, "get the job of execution uid-0: context deadline exceeded"},
		"its answer is not readable": {faulty{kind: "*v1.PodList", err: errors.New("unexpected " + name.Name)}, committed, "list the pods of execution uid-0: an error of type *errors.errorString"},
		"the workflow was ended":     {faulty{}, ends(&temporal.WorkflowExecutionError{}), "delivery ended without its row"},
		"waiting is interrupted":     {faulty{}, ends(serviceerror.NewUnavailable("frontend is away")), "waiting for the delivery was interrupted"},
	} {
		t.Run(what, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				tc.api.cluster = cluster{name: "uid-0"}
				var log transcript
				d := openLogged(t, Config{}, tc.api, tc.start, log.logger())
				d.submit(context.Background(), executionAt(name, "uid-0"))
				synctest.Wait()
				log.has(t, tc.says, "uid=uid-0")
				for _, note := range d.notes.list {
					if _, text, _ := strings.Cut(note, ": "); strings.Contains(text, planted) {
						t.Errorf("a name is in the text of an event: %s", text)
					}
				}
			})
		})
	}
}

func TestADeliveryThatIsAbandonedIsLoggedWithoutItsName(t *testing.T) {
	bubble(t, func(t *testing.T) {
		name := types.NamespacedName{Namespace: "ns-" + planted, Name: "ex-" + planted}
		api := cluster{name: "uid-0"}
		var log transcript
		d := openLogged(t, Config{}, api, func(context.Context, int, audit.Record) (run, error) {
			delete(api, name)
			return run{end: func(context.Context) error { return &temporal.WorkflowExecutionError{} }}, nil
		}, log.logger())
		d.submit(context.Background(), executionAt(name, "uid-0"))
		d.until(t, executionAt(name, "uid-0"), stageUnknown)
		log.has(t, "the execution is gone and somebody ended its delivery", "uid=uid-0")
	})
}
