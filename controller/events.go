package controller

import (
	"context"
	"fmt"

	"github.com/go-logr/logr"
	eventsclient "k8s.io/client-go/kubernetes/typed/events/v1"
	"k8s.io/client-go/tools/events"
	"k8s.io/klog/v2"
	"sigs.k8s.io/controller-runtime/pkg/manager"
)

// newRecorder records events as the manager's own recorder does, but for the
// log: that one prints events whole, with the name of their object, when the API
// server refuses them, and always at level debug. It ends with the manager; an
// event of the last moment may be lost, the mark it tells of is not.
func newRecorder(mgr manager.Manager) (events.EventRecorder, error) {
	api, err := eventsclient.NewForConfigAndClient(mgr.GetConfig(), mgr.GetHTTPClient())
	if err != nil {
		return nil, fmt.Errorf("connect to record events: %w", err)
	}
	broadcaster := events.NewBroadcaster(&events.EventSinkImpl{Interface: api})
	err = mgr.Add(manager.RunnableFunc(func(ctx context.Context) error {
		log := logr.New(&eventLog{mgr.GetLogger().WithName("events").GetSink()})
		if err := broadcaster.StartRecordingToSinkWithContext(klog.NewContext(ctx, log)); err != nil {
			return fmt.Errorf("record events: %w", err)
		}
		<-ctx.Done()
		broadcaster.Shutdown()
		return nil
	}))
	if err != nil {
		return nil, fmt.Errorf("add recorder: %w", err)
	}
	return broadcaster.NewRecorder(mgr.GetScheme(), "auditflow"), nil
}

// eventLog keeps of what client-go has to say about an event what went wrong,
// and nothing of the event.
type eventLog struct{ logr.LogSink }

func (l *eventLog) Info(int, string, ...any) {}

func (l *eventLog) Error(err error, message string, _ ...any) {
	if err != nil {
		err = &apiError{doing: "record event", err: err}
	}
	l.LogSink.Error(err, message)
}

func (l *eventLog) WithValues(...any) logr.LogSink { return l }
func (l *eventLog) WithName(string) logr.LogSink   { return l }
