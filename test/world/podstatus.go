package world

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// Annotations of a pod (for a Job: of its pod template) that say how it ends.
// Lists are separated by commas; the n-th pod of a Job takes the n-th entry,
// and those after the end of the list take the last.
const (
	// AnnotationExitCodes lists exit codes; absent means 0. Every container of
	// the pod ends with it; 0 makes the pod Succeeded, others Failed.
	AnnotationExitCodes = "world.auditflow/exit-codes"

	// AnnotationReason lists the reasons of the terminated state. Absent or
	// empty means Completed for 0, OOMKilled for 137 and Error for the rest.
	AnnotationReason = "world.auditflow/reason"

	// AnnotationMessage is the message of the terminated state, one for all.
	AnnotationMessage = "world.auditflow/message"

	// AnnotationDuration is how long the pod is Running (a Go duration), 50ms
	// when absent. 0s takes it straight from Pending to its end, with one write
	// to the apiserver instead of two.
	AnnotationDuration = "world.auditflow/duration"
)

const defaultDuration = 50 * time.Millisecond

// outcome is how a pod ends.
type outcome struct {
	exitCode int32
	reason   string
	message  string
	duration time.Duration
}

// terminated is the end of a pod that is deleted while it runs: SIGTERM.
var terminated = outcome{exitCode: 143, reason: "Error"}

// outcomeOf reads the annotations of a Job's nth pod, from 0. An annotation that
// cannot be read makes the pod fail with the reason in its status: whoever
// wrote the test will look there.
func outcomeOf(pod *corev1.Pod, nth int) outcome {
	o := outcome{message: pod.Annotations[AnnotationMessage], duration: defaultDuration}
	if text := pod.Annotations[AnnotationDuration]; text != "" {
		d, err := time.ParseDuration(text)
		if err != nil {
			return unreadable(AnnotationDuration, err)
		}
		o.duration = d
	}
	if text := entry(pod.Annotations[AnnotationExitCodes], nth); text != "" {
		code, err := strconv.ParseInt(text, 10, 32)
		if err != nil {
			return unreadable(AnnotationExitCodes, err)
		}
		o.exitCode = int32(code)
	}
	if o.reason = entry(pod.Annotations[AnnotationReason], nth); o.reason == "" {
		o.reason = usualReason(o.exitCode)
	}
	return o
}

func unreadable(annotation string, err error) outcome {
	return outcome{exitCode: 128, reason: "ContainerCannotRun", message: fmt.Sprintf("annotation %s: %v", annotation, err)}
}

func entry(list string, nth int) string {
	entries := strings.Split(list, ",")
	return strings.TrimSpace(entries[min(nth, len(entries)-1)])
}

func usualReason(exitCode int32) string {
	switch exitCode {
	case 0:
		return "Completed"
	case 137:
		return "OOMKilled"
	default:
		return "Error"
	}
}

func runningStatus(pod *corev1.Pod, started metav1.Time) corev1.PodStatus {
	status := baseStatus(pod, corev1.PodRunning, started)
	status.Conditions = conditions(corev1.ConditionTrue, "", started)
	for i := range status.ContainerStatuses {
		c, yes := &status.ContainerStatuses[i], true
		c.Ready, c.Started = true, &yes
		c.State.Running = &corev1.ContainerStateRunning{StartedAt: started}
	}
	return status
}

func finalStatus(pod *corev1.Pod, o outcome, started, finished metav1.Time) corev1.PodStatus {
	phase, why := corev1.PodSucceeded, "PodCompleted"
	if o.exitCode != 0 {
		phase, why = corev1.PodFailed, "PodFailed"
	}
	status := baseStatus(pod, phase, started)
	status.Conditions = conditions(corev1.ConditionFalse, why, finished)
	for i := range status.ContainerStatuses {
		c, no := &status.ContainerStatuses[i], false
		c.Started = &no
		c.State.Terminated = &corev1.ContainerStateTerminated{
			ExitCode: o.exitCode, Reason: o.reason, Message: o.message,
			StartedAt: started, FinishedAt: finished, ContainerID: c.ContainerID,
		}
	}
	return status
}

// baseStatus is what a status says in every phase. Init containers are done.
func baseStatus(pod *corev1.Pod, phase corev1.PodPhase, started metav1.Time) corev1.PodStatus {
	status := corev1.PodStatus{
		ObservedGeneration: pod.Generation,
		Phase:              phase,
		QOSClass:           pod.Status.QOSClass,
		HostIP:             "127.0.0.1",
		StartTime:          &started,
	}
	for _, c := range pod.Spec.InitContainers {
		s := containerStatus(pod, c)
		s.Ready = true
		s.State.Terminated = &corev1.ContainerStateTerminated{
			Reason: "Completed", StartedAt: started, FinishedAt: started, ContainerID: s.ContainerID,
		}
		status.InitContainerStatuses = append(status.InitContainerStatuses, s)
	}
	for _, c := range pod.Spec.Containers {
		status.ContainerStatuses = append(status.ContainerStatuses, containerStatus(pod, c))
	}
	return status
}

func containerStatus(pod *corev1.Pod, c corev1.Container) corev1.ContainerStatus {
	return corev1.ContainerStatus{
		Name:        c.Name,
		Image:       c.Image,
		ImageID:     c.Image,
		ContainerID: fmt.Sprintf("world://%s/%s", pod.UID, c.Name),
	}
}

func conditions(ready corev1.ConditionStatus, why string, since metav1.Time) []corev1.PodCondition {
	condition := func(t corev1.PodConditionType, status corev1.ConditionStatus, reason string) corev1.PodCondition {
		return corev1.PodCondition{Type: t, Status: status, Reason: reason, LastTransitionTime: since}
	}
	return []corev1.PodCondition{
		condition(corev1.PodScheduled, corev1.ConditionTrue, ""),
		condition(corev1.PodReadyToStartContainers, ready, ""),
		condition(corev1.PodInitialized, corev1.ConditionTrue, ""),
		condition(corev1.ContainersReady, ready, why),
		condition(corev1.PodReady, ready, why),
	}
}
