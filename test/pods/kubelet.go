package pods

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/auditflow/auditflow/test/world"
)

// Kubelet is scheduler and kubelet of one namespace: it takes every pod there that
// has no node, runs it, tells the cluster whether it is ready and how it ended, and
// ends it when it is deleted. It restarts nothing: a daemon that ends is a failed pod.
type Kubelet struct {
	node      *Node
	namespace string
	cancel    context.CancelFunc
	done      sync.WaitGroup

	mu   sync.Mutex
	runs map[types.UID]context.CancelFunc // asks a pod to end
}

// StartKubelet looks after a namespace until Stop.
func StartKubelet(ctx context.Context, node *Node, namespace string) *Kubelet {
	ctx, cancel := context.WithCancel(context.WithoutCancel(ctx))
	k := &Kubelet{node: node, namespace: namespace, cancel: cancel, runs: map[types.UID]context.CancelFunc{}}
	k.done.Go(func() {
		for ctx.Err() == nil {
			k.look(ctx)
			pause(ctx)
		}
	})
	return k
}

// Stop ends all pods, and does not tell the cluster.
func (k *Kubelet) Stop() {
	k.cancel()
	k.done.Wait()
}

// look takes what is new and ends what is to go. What cannot be read now is looked at
// again a moment later.
func (k *Kubelet) look(ctx context.Context) {
	list, err := k.node.API.CoreV1().Pods(k.namespace).List(ctx, metav1.ListOptions{})
	if err != nil {
		return
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	there := map[types.UID]bool{}
	for i := range list.Items {
		p := &list.Items[i]
		there[p.UID] = true
		end, runs := k.runs[p.UID]
		switch {
		case !runs && p.DeletionTimestamp == nil && p.Spec.NodeName == "":
			living, end := context.WithCancel(ctx)
			k.runs[p.UID] = end
			k.done.Go(func() { k.live(ctx, living, p) })
		case runs && p.DeletionTimestamp != nil:
			end()
		}
	}
	for uid, end := range k.runs {
		if !there[uid] {
			end()
			delete(k.runs, uid)
		}
	}
}

// live takes a pod from its start to its end, which comes when living ends at the latest.
func (k *Kubelet) live(ctx, living context.Context, p *corev1.Pod) {
	api := k.node.API.CoreV1().Pods(k.namespace)
	bind := &corev1.Binding{ObjectMeta: metav1.ObjectMeta{Name: p.Name, UID: p.UID}, Target: corev1.ObjectReference{Kind: "Node", Name: world.ProcessNode}}
	if err := api.Bind(ctx, bind, metav1.CreateOptions{}); err != nil {
		return
	}
	process, err := k.run(ctx, p)
	if err != nil {
		k.tell(ctx, p, corev1.PodFailed, fmt.Sprintf("it cannot be started: %v", err))
	} else {
		k.attend(ctx, living, p, process)
		_ = os.WriteFile(filepath.Join(k.node.Dir, p.Name+".log"), []byte(process.Said()), 0o600) // for whoever looks
	}
	<-living.Done()
	now := int64(0)
	for gone := false; !gone && ctx.Err() == nil; pause(ctx) {
		err := api.Delete(ctx, p.Name, metav1.DeleteOptions{GracePeriodSeconds: &now, Preconditions: metav1.NewUIDPreconditions(string(p.UID))})
		gone = err == nil || apierrors.IsNotFound(err) || apierrors.IsConflict(err)
	}
}

func (k *Kubelet) run(ctx context.Context, p *corev1.Pod) (*Process, error) {
	of, err := k.node.pod(ctx, k.namespace, p.Name, p.Spec)
	if err != nil {
		return nil, err
	}
	return of.start(ctx)
}

// attend tells of a process until it has ended, which it is asked to when living ends.
func (k *Kubelet) attend(ctx, living context.Context, p *corev1.Pod, process *Process) {
	k.tell(ctx, p, corev1.PodRunning, "")
	for ready := false; !process.Ended(); pause(living) {
		if living.Err() != nil {
			_ = process.Stop(context.WithoutCancel(ctx)) // how it ends nobody asks who has deleted it
			return
		}
		if now := process.address != "" && process.Ready(ctx); now != ready {
			ready = now
			k.tell(ctx, p, corev1.PodRunning, "", ready)
		}
	}
	if err := process.Wait(ctx); err != nil {
		k.tell(ctx, p, corev1.PodFailed, err.Error())
		return
	}
	k.tell(ctx, p, corev1.PodSucceeded, "")
}

// tell writes a pod's status. Who is away is told with the next change.
func (k *Kubelet) tell(ctx context.Context, p *corev1.Pod, phase corev1.PodPhase, message string, ready ...bool) {
	is := corev1.ConditionFalse
	if len(ready) > 0 && ready[0] {
		is = corev1.ConditionTrue
	}
	now := metav1.Now()
	status := corev1.PodStatus{Phase: phase, Message: message, StartTime: &now}
	for _, t := range []corev1.PodConditionType{corev1.ContainersReady, corev1.PodReady} {
		status.Conditions = append(status.Conditions, corev1.PodCondition{Type: t, Status: is, LastTransitionTime: now})
	}
	patch, err := json.Marshal(map[string]any{"metadata": map[string]any{"uid": p.UID}, "status": status})
	if err != nil {
		panic(err) // it is a status
	}
	for try := 0; try < 20 && ctx.Err() == nil; try++ {
		_, err = k.node.API.CoreV1().Pods(k.namespace).Patch(ctx, p.Name, types.MergePatchType, patch, metav1.PatchOptions{}, "status")
		if err == nil || apierrors.IsNotFound(err) || apierrors.IsConflict(err) || errors.Is(err, context.Canceled) {
			return
		}
		pause(ctx)
	}
}

// pause is between two looks.
func pause(ctx context.Context) {
	select {
	case <-time.After(100 * time.Millisecond):
	case <-ctx.Done():
	}
}
