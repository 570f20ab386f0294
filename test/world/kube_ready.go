package world

import (
	"context"
	"fmt"

	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
)

// startControllerManager runs the controllers that make Jobs work, expire and
// take their pods with them. The rest would want Nodes, or disk.
func (k *Kube) startControllerManager(ctx context.Context) (err error) {
	controllers := "job-controller,ttl-after-finished-controller,garbage-collector-controller,namespace-controller"
	if k.workloads {
		controllers += ",deployment-controller,replicaset-controller"
	}
	k.manager, err = k.workspace.start(command{
		name: managerName,
		path: k.assets + "/" + managerName,
		args: []string{
			"--kubeconfig=" + k.Kubeconfig,
			"--controllers=" + controllers,
			"--leader-elect=false",
			"--secure-port=0",
			"--kube-api-qps=1000",
			"--kube-api-burst=2000",
		},
	})
	if err != nil {
		return err
	}
	clients, err := kubernetes.NewForConfig(k.Config)
	if err != nil {
		return err
	}
	version, err := clients.Discovery().ServerVersion()
	if err != nil {
		return fmt.Errorf("ask for its version: %w", err)
	}
	k.Version = version.GitVersion
	return k.awaitJobController(ctx, clients)
}

// awaitJobController returns when the Job controller has answered a suspended
// Job with a condition. Such a Job creates no pods, so nothing is left of it.
func (k *Kube) awaitJobController(ctx context.Context, clients kubernetes.Interface) error {
	jobs := clients.BatchV1().Jobs(metav1.NamespaceSystem)
	suspend := true
	probe := &batchv1.Job{
		ObjectMeta: metav1.ObjectMeta{Name: "world-probe"},
		Spec: batchv1.JobSpec{
			Suspend: &suspend,
			Template: corev1.PodTemplateSpec{Spec: corev1.PodSpec{
				RestartPolicy: corev1.RestartPolicyNever,
				Containers:    []corev1.Container{{Name: "none", Image: "none"}},
			}},
		},
	}
	created := false
	return k.manager.awaitReady(ctx, func(ctx context.Context) error {
		// The namespace itself may take a moment to appear.
		if !created {
			if _, err := jobs.Create(ctx, probe, metav1.CreateOptions{}); err != nil {
				return fmt.Errorf("create a Job: %w", err)
			}
			created = true
		}
		job, err := jobs.Get(ctx, probe.Name, metav1.GetOptions{})
		if err != nil {
			return fmt.Errorf("read a Job: %w", err)
		}
		if len(job.Status.Conditions) == 0 {
			return fmt.Errorf("the Job controller has not looked at a Job yet")
		}
		return jobs.Delete(ctx, probe.Name, metav1.DeleteOptions{PropagationPolicy: new(metav1.DeletePropagationBackground)})
	})
}
