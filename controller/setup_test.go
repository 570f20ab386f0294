package controller

import (
	"context"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/rest"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/config"
	"sigs.k8s.io/controller-runtime/pkg/manager"
	metricsserver "sigs.k8s.io/controller-runtime/pkg/metrics/server"

	v1 "github.com/auditflow/auditflow/api/v1"
	"github.com/auditflow/auditflow/audit"
)

var watched = []Watched{{Source: executions}}

// refusing is an API server that shows two executions, of which one is to be
// held and one to be delivered, and forbids everything else, quoting names. The
// real one cannot be had to refuse just this.
func refusing(t *testing.T) *rest.Config {
	t.Helper()
	list := v1.KubernetesExecutionList{
		TypeMeta: metav1.TypeMeta{APIVersion: v1.GroupVersion.String(), Kind: v1.Kind + "List"},
		ListMeta: metav1.ListMeta{ResourceVersion: "1"},
	}
	for uid, finalizers := range map[types.UID][]string{"uid-hold": nil, "uid-deliver": {v1.DeliveryFinalizer}} {
		ex := v1.KubernetesExecution{Status: v1.KubernetesExecutionStatus{Phase: v1.PhaseCompleted}}
		ex.Namespace, ex.Name, ex.UID = "ns-"+planted, string(uid)+"-"+planted, uid
		ex.ResourceVersion, ex.Finalizers = "1", finalizers
		list.Items = append(list.Items, ex)
	}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked := r.URL.Query()
		w.Header().Set("Content-Type", "application/json")
		switch collection := strings.HasSuffix(r.URL.Path, "/v1/kubernetesexecutions"); {
		case collection && asked.Get("watch") == "":
			_ = json.NewEncoder(w).Encode(list)
		case collection && asked.Get("sendInitialEvents") == "":
			w.WriteHeader(http.StatusOK)
			_ = http.NewResponseController(w).Flush()
			<-r.Context().Done() // nothing ever changes
		case collection:
			answer(w, apierrors.NewInvalid(schema.GroupKind{}, "", nil)) // it is an old one, which is to be listed first
		default:
			answer(w, apierrors.NewForbidden(schema.GroupResource{Resource: "things"}, r.URL.Path, nil))
		}
	}))
	t.Cleanup(server.Close)
	return &rest.Config{Host: server.URL}
}

func answer(w http.ResponseWriter, err *apierrors.StatusError) {
	err.ErrStatus.TypeMeta = metav1.TypeMeta{APIVersion: "v1", Kind: "Status"}
	w.WriteHeader(int(err.ErrStatus.Code))
	_ = json.NewEncoder(w).Encode(err.ErrStatus)
}

// logged runs what setup adds to a manager until the log says all that is wanted.
func logged(t *testing.T, setup func(manager.Manager) error, wanted ...string) {
	t.Helper()
	scheme, err := Scheme()
	if err != nil {
		t.Fatal(err)
	}
	mapper := meta.NewDefaultRESTMapper(nil)
	mapper.Add(v1.GroupVersion.WithKind(v1.Kind), meta.RESTScopeNamespace)
	var log transcript
	anyName := true
	mgr, err := ctrl.NewManager(refusing(t), ctrl.Options{
		Scheme: scheme, Cache: Cache(watched), Logger: log.logger(),
		MapperProvider: func(*rest.Config, *http.Client) (meta.RESTMapper, error) { return mapper, nil },
		Metrics:        metricsserver.Options{BindAddress: "0"},
		Controller:     config.Controller{SkipNameValidation: &anyName}, // the tests of a process share its metrics
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := setup(mgr); err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithTimeout(t.Context(), 30*time.Second)
	defer stop()
	stopped := make(chan error, 1)
	go func() { stopped <- mgr.Start(ctx) }()
	for _, want := range wanted {
		for !strings.Contains(log.String(), want) && ctx.Err() == nil {
			time.Sleep(time.Millisecond)
		}
	}
	stop()
	if err := <-stopped; err != nil {
		t.Error(err)
	}
	log.has(t, wanted...)
}

func TestNothingThatIsSetUpLogsANameWhenTheAPIServerRefuses(t *testing.T) {
	t.Parallel()
	t.Run("with auditing", func(t *testing.T) {
		t.Parallel()
		temporal := &starts{start: func(context.Context, int, audit.Record) (run, error) { return run{}, nil }}
		logged(t, func(mgr manager.Manager) error {
			return Setup(mgr, Config{}, watched, temporal, prometheus.NewRegistry())
		},
			`"Reconciler error"`, `hold execution uid-hold: the API server answers 403 Forbidden`,
			`"delivery not started; will try again"`, `get execution uid-deliver: the API server answers 403 Forbidden`,
			`"Server rejected event (will not retry!)"`, `record event: the API server answers 403 Forbidden`)
	})
	t.Run("without", func(t *testing.T) {
		t.Parallel()
		logged(t, func(mgr manager.Manager) error { return SetupDisabled(mgr, watched) }, `"Reconciler error"`, `let go execution uid-deliver: the API server answers 403 Forbidden`)
	})
}
