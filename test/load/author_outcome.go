package main

import (
	"github.com/auditflow/auditflow/audit"
)

// outcome decides how an execution ended: well, badly, cancelled, or refused
// before it had a Job.
func (a *author) outcome(r *audit.Record, does *action) {
	r.Phase, r.Success = "Completed", a.chance(does.success)
	if a.chance(.2) {
		r.MaxRetries = int32(a.rng.IntN(6))
	}
	if !r.Success && a.chance(.12) {
		r.Phase, r.JobExitReason = "Failed", "JobNotCreated"
		return
	}
	r.JobName = r.ExecutionID + "-job"
	r.JobPodName = r.JobName + "-" + a.suffix(5)
	a.retries(r)
	if a.chance(.85) {
		r.JobResourceUsage, r.ResourceUsageSource = a.usage(), "pod_requests"
	}
	switch {
	case r.Success:
		a.exit(r, 0, 0, "Completed")
	case a.chance(.1):
		r.Phase = "Cancelled"
		a.exit(r, 143, 15, "Error")
	default:
		r.Phase = "Failed"
		a.failure(r)
	}
	if a.chance(.01) { // the Job vanished before it was looked at
		r.JobExitCode, r.JobSignal, r.JobExitReason = nil, nil, "JobNotFound"
	}
}

func (a *author) failure(r *audit.Record) {
	switch p := a.rng.Float64(); {
	case p < .60:
		a.exit(r, 1, 0, "Error")
	case p < .70:
		a.exit(r, 2, 0, "Error")
	case p < .84:
		a.exit(r, 137, 9, "OOMKilled")
	case p < .92:
		a.exit(r, 143, 15, "Error")
	default:
		r.JobExitReason = "DeadlineExceeded" // the pod is gone, and its exit code with it
	}
}

func (a *author) exit(r *audit.Record, code, signal int32, reason string) {
	r.JobExitCode, r.JobExitReason = &code, reason
	if signal != 0 {
		r.JobSignal = &signal
	}
}

// retries: a success needs some now and then, a failure has usually used up all.
func (a *author) retries(r *audit.Record) {
	again := .08
	if !r.Success {
		again = .7
	}
	for r.RetryCount < r.MaxRetries && a.chance(again) {
		r.RetryCount++
	}
}

// usage is what the pod requested: people write round numbers.
func (a *author) usage() *audit.ResourceUsage {
	cpus := []int64{100, 50, 250, 500, 1000, 2000}
	memories := []int64{128, 64, 256, 512, 1024, 4096, 2048}
	skewed := func(n int) int { return min(n-1, int(a.rng.ExpFloat64()*1.3)) }
	return &audit.ResourceUsage{
		CPUMillicores: cpus[skewed(len(cpus))], MemoryBytes: memories[skewed(len(memories))] << 20,
	}
}

// redaction is what the redactor leaves behind where it masked something.
func (a *author) redaction() (rule, masked string) {
	rules := []string{"assignment", "bearer-token", "aws-access-token", "url-password", "private-key"}
	rule = rules[min(len(rules)-1, int(a.rng.ExpFloat64()))]
	return rule, "[REDACTED:" + rule + "]"
}
