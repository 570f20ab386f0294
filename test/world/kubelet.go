package world

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"sync"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/informers"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/cache"
)

// NodeName is a value for spec.nodeName; the Kubelet acts for any node but
// [ProcessNode], whose pods are somebody else's: package pods runs them.
const (
	NodeName    = "world"
	ProcessNode = "world-processes"
)

// Kubelet stands in for the kubelets of nodes. It moves every pod that has
// a spec.nodeName from Pending to Running to Succeeded or Failed as the pod's
// annotations ask (see [AnnotationExitCodes] and the others), and lets deleted
// pods go. It restarts no containers: restartPolicy OnFailure is Never here.
//
// Which entry of a list annotation a pod takes is decided when the pod is first
// seen, in the order the apiserver stored the pods of its Job.
type Kubelet struct {
	client  kubernetes.Interface
	ctx     context.Context
	cancel  context.CancelFunc
	stopped chan struct{} // closed when the informer has ended
	slots   chan struct{} // bounds the requests in flight
	running sync.WaitGroup

	mu   sync.Mutex
	runs map[types.UID]*run // by pod, until the pod is gone
	pods map[types.UID]int  // pods seen, by Job
}

// run is what the kubelet knows about one pod.
type run struct {
	pod       *corev1.Pod
	outcome   outcome
	terminate chan struct{} // closed when the pod has to go
	going     bool          // terminate is closed
	finished  bool          // the last status is written
}

// StartKubelet returns when it watches pods. It ends with ctx or Stop.
func StartKubelet(ctx context.Context, config *rest.Config) (*Kubelet, error) {
	client, err := kubernetes.NewForConfig(config)
	if err != nil {
		return nil, fmt.Errorf("kubelet: %w", err)
	}
	k := &Kubelet{
		client:  client,
		stopped: make(chan struct{}),
		slots:   make(chan struct{}, 32),
		runs:    map[types.UID]*run{},
		pods:    map[types.UID]int{},
	}
	k.ctx, k.cancel = context.WithCancel(ctx)

	informer := informers.NewSharedInformerFactory(client, 0).Core().V1().Pods().Informer()
	_, err = informer.AddEventHandler(cache.ResourceEventHandlerFuncs{
		AddFunc:    func(obj any) { k.observe(obj.(*corev1.Pod)) },
		UpdateFunc: func(_, obj any) { k.observe(obj.(*corev1.Pod)) },
		DeleteFunc: k.forget,
	})
	if err != nil {
		return nil, fmt.Errorf("kubelet: %w", err)
	}
	go func() {
		defer close(k.stopped)
		informer.RunWithContext(k.ctx)
	}()
	if !cache.WaitForCacheSync(k.ctx.Done(), informer.HasSynced) {
		k.Stop()
		return nil, fmt.Errorf("kubelet: list pods: %w", k.ctx.Err())
	}
	return k, nil
}

// Stop ends the kubelet; pods stay as they are. It returns when nothing of it
// runs any more.
func (k *Kubelet) Stop() {
	k.cancel()
	<-k.stopped
	k.running.Wait()
}

// observe is called by the informer, one pod at a time, in the order of the
// apiserver's events.
func (k *Kubelet) observe(pod *corev1.Pod) {
	if pod.Spec.NodeName == "" || pod.Spec.NodeName == ProcessNode {
		return
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	r := k.runs[pod.UID]
	if r == nil {
		r = k.admit(pod)
	}
	if pod.DeletionTimestamp == nil || r.going {
		return
	}
	r.going = true
	close(r.terminate)
	if r.finished {
		k.running.Go(func() { k.remove(r.pod) })
	}
}

// admit gives the pod its outcome and starts it.
func (k *Kubelet) admit(pod *corev1.Pod) *run {
	nth := 0
	if owner := metav1.GetControllerOf(pod); owner != nil {
		nth = k.pods[owner.UID]
		k.pods[owner.UID]++
	}
	r := &run{pod: pod, outcome: outcomeOf(pod, nth), terminate: make(chan struct{})}
	k.runs[pod.UID] = r
	if pod.Status.Phase == corev1.PodSucceeded || pod.Status.Phase == corev1.PodFailed {
		r.finished = true
		return r
	}
	k.running.Go(func() { k.live(r) })
	return r
}

func (k *Kubelet) forget(obj any) {
	if unknown, ok := obj.(cache.DeletedFinalStateUnknown); ok {
		obj = unknown.Obj
	}
	pod, ok := obj.(*corev1.Pod)
	if !ok {
		return
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	if r := k.runs[pod.UID]; r != nil && !r.going {
		r.going = true
		close(r.terminate)
	}
	delete(k.runs, pod.UID)
}

// live takes a pod from its start to its end.
func (k *Kubelet) live(r *run) {
	started := metav1.Now()
	if r.outcome.duration > 0 {
		k.writeStatus(r.pod, runningStatus(r.pod, started))
		select {
		case <-time.After(r.outcome.duration):
		case <-r.terminate:
			r.outcome = terminated
		case <-k.ctx.Done():
			return
		}
	}
	k.writeStatus(r.pod, finalStatus(r.pod, r.outcome, started, metav1.Now()))

	k.mu.Lock()
	r.finished = true
	going := r.going
	k.mu.Unlock()
	if going {
		k.remove(r.pod)
	}
}

func (k *Kubelet) writeStatus(pod *corev1.Pod, status corev1.PodStatus) {
	// With the uid, the apiserver refuses the patch if the name has passed to
	// another pod.
	patch, err := json.Marshal(map[string]any{"metadata": map[string]any{"uid": pod.UID}, "status": status})
	if err != nil {
		panic(fmt.Sprintf("kubelet: encode a pod's status: %v", err))
	}
	k.insist(func() error {
		_, err := k.client.CoreV1().Pods(pod.Namespace).
			Patch(k.ctx, pod.Name, types.MergePatchType, patch, metav1.PatchOptions{}, "status")
		return err
	})
}

// remove confirms a deletion, which is what really ends a pod bound to a node.
func (k *Kubelet) remove(pod *corev1.Pod) {
	now := int64(0)
	options := metav1.DeleteOptions{GracePeriodSeconds: &now, Preconditions: metav1.NewUIDPreconditions(string(pod.UID))}
	k.insist(func() error { return k.client.CoreV1().Pods(pod.Namespace).Delete(k.ctx, pod.Name, options) })
}

// insist repeats a request while the apiserver is away or busy. That the pod is
// gone, or is another, is as good as success.
func (k *Kubelet) insist(request func() error) {
	k.slots <- struct{}{}
	defer func() { <-k.slots }()
	for wait := 50 * time.Millisecond; ; wait = min(2*wait, 2*time.Second) {
		err := request()
		if err == nil || errors.Is(err, context.Canceled) || apierrors.IsNotFound(err) ||
			apierrors.IsConflict(err) || apierrors.IsInvalid(err) {
			return
		}
		select {
		case <-time.After(wait):
		case <-k.ctx.Done():
			return
		}
	}
}
