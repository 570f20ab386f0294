package main

import (
	"slices"

	"sigs.k8s.io/controller-runtime/pkg/client"

	v1 "github.com/auditflow/auditflow/api/v1"
	"github.com/auditflow/auditflow/test/world"
)

// canaryCase is the execution whose output holds the harmless word that the
// search for secrets must find.
const canaryCase = "canary-in-the-output"

// cases are the executions of the demonstration. Those that take longest come
// first: the Job controller waits ten seconds before it tries a pod again.
func cases(c client.Client, p *plants) []scenario {
	return slices.Concat(slowCases(c), secretCases(p), textCases(p), endings(), vanishings(c), parameterCases())
}

func slowCases(c client.Client) []scenario {
	retried := completes()
	retried.retries = 1
	gaveUp := fails(2, "Error")
	gaveUp.retries = 1
	return []scenario{
		{
			name: "drained-at-second-try", action: "drain-node", target: v1.Target{ResourceKind: "Node", ResourceName: "worker-3"},
			params: `{"gracePeriodSeconds":30,"ignoreDaemonSets":true}`,
			plan:   world.Plan{ExitCodes: []int{1, 0}, Retries: 1, Output: "node/worker-3 drained"}, want: retried, alone: true,
		},
		{
			name: "gave-up-after-two-pods", action: "rollback-deployment", target: deployment("prod-web", "checkout"),
			params: `{"toRevision":41}`,
			plan:   world.Plan{ExitCodes: []int{1, 2}, Retries: 1, Error: "revision 41 not found"}, want: gaveUp, alone: true,
		},
		{
			name: "over-its-deadline", action: "drain-node", target: v1.Target{ResourceKind: "Node", ResourceName: "worker-7"},
			plan: world.Plan{Duration: "30s", Deadline: 1, Error: "not drained in time", BeforeEnd: podsAreGone(c)},
			want: failsUnknown("DeadlineExceeded"),
		},
	}
}

// endings are the ways in which a Job ends.
func endings() []scenario {
	cancelled := expectation{phase: v1.PhaseCancelled, exit: new(int32(143)), reason: "Error"}
	refused := failsUnknown("JobNotCreated")
	refused.failure = "ValidationFailed: replicas must be at most 50, not 5000"
	return []scenario{
		{name: "scaled-up", action: "scale-deployment", target: deployment("prod-web", "web"), params: `{"replicas":5}`,
			plan: world.Plan{Output: "deployment.apps/web scaled"}, want: completes()},
		{name: "restarted", action: "restart-pod", target: v1.Target{Namespace: "prod-web", ResourceKind: "Pod", ResourceName: "web-5d9c7"},
			plan: world.Plan{Output: `pod "web-5d9c7" deleted`}, want: completes()},
		{name: "rolled-back", action: "rollback-deployment", target: deployment("prod-pay", "payments"), params: `{"toRevision":12}`,
			plan: world.Plan{Output: "deployment.apps/payments rolled back"}, want: completes()},
		{name: "patched", action: "patch-configmap", target: v1.Target{Namespace: "prod-web", ResourceKind: "ConfigMap", ResourceName: "features"},
			params: `{"patch":{"data":{"checkout.v2":"off"}}}`, plan: world.Plan{Output: "configmap/features patched"}, want: completes()},
		{name: "drained", action: "drain-node", target: v1.Target{ResourceKind: "Node", ResourceName: "worker-1"},
			plan: world.Plan{Output: "node/worker-1 drained", Duration: "400ms"}, want: completes()},
		{name: "cordoned", action: "cordon-node", target: v1.Target{ResourceKind: "Node", ResourceName: "worker-2"},
			plan: world.Plan{Output: "node/worker-2 cordoned"}, want: completes()},
		{name: "image-updated", action: "update-image", target: deployment("prod-api", "gateway"), params: `{"image":"registry.example/gateway:2.8.1"}`,
			plan: world.Plan{Output: "deployment.apps/gateway image updated"}, want: completes()},
		{name: "exit-1", action: "scale-deployment", target: deployment("prod-web", "wbe"), params: `{"replicas":5}`,
			plan: world.Plan{ExitCodes: []int{1}, Error: `deployments.apps "wbe" not found`}, want: fails(1, "Error")},
		{name: "exit-2", action: "patch-configmap", target: v1.Target{Namespace: "prod-web", ResourceKind: "ConfigMap", ResourceName: "features"},
			plan: world.Plan{ExitCodes: []int{2}, Error: "the patch is not valid YAML"}, want: fails(2, "Error")},
		{name: "out-of-memory", action: "compact-volume", target: v1.Target{Namespace: "prod-db", ResourceKind: "StatefulSet", ResourceName: "orders"},
			plan: world.Plan{ExitCodes: []int{137}, Output: "compacting segment 881", Error: "killed"}, want: fails(137, "OOMKilled")},
		{name: "terminated", action: "restart-pod", target: v1.Target{Namespace: "prod-db", ResourceKind: "Pod", ResourceName: "orders-0"},
			plan: world.Plan{ExitCodes: []int{143}, Error: "signal: terminated"}, want: fails(143, "Error")},
		{name: "refused", action: "scale-deployment", target: deployment("prod-web", "web"), params: `{"replicas":5000}`,
			plan: world.Plan{Refusal: "replicas must be at most 50, not 5000"}, want: refused},
		{name: "cancelled", action: "drain-node", target: v1.Target{ResourceKind: "Node", ResourceName: "worker-4"},
			plan: world.Plan{ExitCodes: []int{143}, Phase: v1.PhaseCancelled, Error: "cancelled by the operator on call"}, want: cancelled},
	}
}

// vanishings are executions of which something is gone or is not theirs when
// they are recorded.
func vanishings(c client.Client) []scenario {
	job := v1.Target{Namespace: "batch", ResourceKind: "CronJob", ResourceName: "reports"}
	running := expectation{phase: v1.PhaseExecuting, reason: "PodNotTerminated", deleted: true,
		failure: "deleted before it completed, in phase Executing"}
	ended := completes()
	ended.deleted = true
	unknown := func(reason string) expectation {
		return expectation{phase: v1.PhaseCompleted, success: true, reason: reason}
	}
	return []scenario{
		{name: "deleted-while-running", action: "drain-node", target: v1.Target{ResourceKind: "Node", ResourceName: "worker-5"},
			plan: world.Plan{Duration: "20s"}, play: deleteWhileRunning, want: running},
		{name: "deleted-at-its-end", action: "trigger-cronjob", target: job,
			plan: world.Plan{Output: "job.batch/reports created"}, play: deleteAtItsEnd, want: ended},
		{name: "job-already-gone", action: "trigger-cronjob", target: job,
			plan: world.Plan{Output: "cleaned up by its TTL", BeforeEnd: deleteJob(c)}, want: unknown("JobNotFound")},
		{name: "pods-already-gone", action: "trigger-cronjob", target: job,
			plan: world.Plan{Output: "its node was drained", BeforeEnd: deletePods(c)}, want: unknown("PodNotFound")},
		{name: "failed-and-pods-gone", action: "trigger-cronjob", target: job,
			plan: world.Plan{ExitCodes: []int{1}, Error: "nobody knows why any more", BeforeEnd: deletePods(c)}, want: failsUnknown("BackoffLimitExceeded")},
		{name: "somebody-elses-job", action: "restart-pod", target: v1.Target{Namespace: "prod-web", ResourceKind: "Pod", ResourceName: "web-77b1"},
			plan: world.Plan{Output: "its jobRef names the Job of another"}, play: pointToJobOf("restarted"), want: unknown("JobNotOwned"), alone: true},
	}
}

// parameterCases have parameters of every form, and none.
func parameterCases() []scenario {
	of := func(name, params string) scenario {
		return scenario{name: name, action: "annotate", target: deployment("prod-web", "web"), params: params,
			plan: world.Plan{Output: "deployment.apps/web annotated"}, want: completes()}
	}
	return []scenario{
		of("parameters-in-a-list", `["--all-namespaces",2,null,true,{"dryRun":"server"}]`),
		of("parameters-deep-down", `{"a":{"b":{"c":{"d":{"e":[[[[{"f":"ground"}]]]]}}}},"empty":{},"none":[]}`),
		of("parameters-said-twice", `{"replicas":3,"mode":"slow","replicas":4}`),
		of("parameters-huge", `{"big":123456789012345678901234567890,"bigger":1e300,"small":-2.5e-12,"max":9223372036854775807}`),
		of("parameters-a-single-word", `"web"`),
		{name: "nothing-asked", action: "noop", plan: world.Plan{}, want: completes()},
	}
}
