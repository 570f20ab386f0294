package main

import (
	"context"
	"fmt"
	"time"

	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/wait"
	"sigs.k8s.io/controller-runtime/pkg/client"

	v1 "github.com/auditflow/auditflow/api/v1"
	"github.com/auditflow/auditflow/test/world"
)

// await asks every few milliseconds until the answer is yes.
func await(ctx context.Context, what string, condition wait.ConditionWithContextFunc) error {
	if err := wait.PollUntilContextTimeout(ctx, 20*time.Millisecond, 30*time.Second, true, condition); err != nil {
		return fmt.Errorf("wait for %s: %w", what, err)
	}
	return nil
}

// deleteWhileRunning deletes the execution once its pod runs. It is complete
// when the API server has acknowledged that.
func deleteWhileRunning(ctx context.Context, e *world.Executor, ex *v1.KubernetesExecution, p world.Plan) (world.Completion, error) {
	job, err := e.Begin(ctx, ex, p)
	if err != nil {
		return world.Completion{}, err
	}
	err = await(ctx, "the pod to run", func(ctx context.Context) (bool, error) {
		pods, err := podsOf(ctx, e.Client, job)
		return len(pods) == 1 && pods[0].Status.Phase == corev1.PodRunning, err
	})
	if err != nil {
		return world.Completion{}, err
	}
	if err := e.Client.Delete(ctx, ex); err != nil {
		return world.Completion{}, fmt.Errorf("delete execution %s: %w", ex.Name, err)
	}
	return world.Completion{Name: client.ObjectKeyFromObject(ex), UID: ex.UID, Phase: v1.PhaseExecuting, At: time.Now()}, nil
}

// deleteAtItsEnd deletes the execution as soon as it has ended.
func deleteAtItsEnd(ctx context.Context, e *world.Executor, ex *v1.KubernetesExecution, p world.Plan) (world.Completion, error) {
	done, err := e.Execute(ctx, ex, p)
	if err != nil {
		return world.Completion{}, err
	}
	return done, client.IgnoreNotFound(e.Client.Delete(ctx, ex))
}

// pointToJobOf lets the status name the Job that was made for another execution.
func pointToJobOf(other string) play {
	return func(ctx context.Context, e *world.Executor, ex *v1.KubernetesExecution, p world.Plan) (world.Completion, error) {
		err := await(ctx, "the other's job", func(ctx context.Context) (bool, error) {
			err := e.Client.Get(ctx, client.ObjectKey{Namespace: ex.Namespace, Name: other}, &batchv1.Job{})
			return err == nil, client.IgnoreNotFound(err)
		})
		if err != nil {
			return world.Completion{}, err
		}
		p.JobRef = &v1.JobReference{Namespace: ex.Namespace, Name: other}
		return e.Execute(ctx, ex, p)
	}
}

// beforeEnd is what happens between the end of a Job and the status that says so.
type beforeEnd = func(context.Context, *batchv1.Job) error

// deleteJob deletes the Job, and the garbage collector its pods.
func deleteJob(c client.Client) beforeEnd {
	return func(ctx context.Context, job *batchv1.Job) error {
		if err := c.Delete(ctx, job, client.PropagationPolicy(metav1.DeletePropagationBackground)); err != nil {
			return fmt.Errorf("delete job: %w", err)
		}
		return podsAreGone(c)(ctx, job)
	}
}

// deletePods deletes the pods and leaves the Job.
func deletePods(c client.Client) beforeEnd {
	return func(ctx context.Context, job *batchv1.Job) error {
		err := c.DeleteAllOf(ctx, &corev1.Pod{}, client.InNamespace(job.Namespace), client.MatchingLabels{batchv1.JobNameLabel: job.Name})
		if err != nil {
			return fmt.Errorf("delete pods: %w", err)
		}
		return podsAreGone(c)(ctx, job)
	}
}

func podsAreGone(c client.Client) beforeEnd {
	return func(ctx context.Context, job *batchv1.Job) error {
		return await(ctx, "the pods to be gone", func(ctx context.Context) (bool, error) {
			pods, err := podsOf(ctx, c, job)
			return len(pods) == 0, err
		})
	}
}

func podsOf(ctx context.Context, c client.Client, job *batchv1.Job) ([]corev1.Pod, error) {
	var pods corev1.PodList
	err := c.List(ctx, &pods, client.InNamespace(job.Namespace), client.MatchingLabels{batchv1.JobNameLabel: job.Name})
	return pods.Items, err
}
