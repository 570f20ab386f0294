package main

import (
	"time"

	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/util/validation"

	"github.com/auditflow/auditflow/controller"
	"github.com/auditflow/auditflow/internal/config"
)

// jobsFile and reviewFile are the parts of the configuration that say what is
// watched and how long it stays.
type jobsFile struct {
	Enabled    config.Scalar   `json:"enabled"`
	Selector   config.Scalar   `json:"selector"`
	Namespaces []config.Scalar `json:"namespaces"`
}

type reviewFile struct {
	Executions config.Scalar `json:"executions"`
	Jobs       config.Scalar `json:"jobs"`
}

const (
	defaultSelector = "audit.kubernaut.io/record=true"
	maxReview       = 366 * 24 * time.Hour
)

func readSources(r *config.Reader, jobs jobsFile, review reviewFile) []controller.Watched {
	watched := []controller.Watched{{
		Source: &controller.Executions{},
		Review: r.Age("review_window.executions", review.Executions, 24*time.Hour, 0, maxReview),
	}}
	job := controller.Watched{
		Source: readJobs(r, jobs),
		Review: r.Age("review_window.jobs", review.Jobs, 0, 0, maxReview),
	}
	if r.Bool("jobs.enabled", jobs.Enabled, false) {
		watched = append(watched, job)
	}
	return watched
}

func readJobs(r *config.Reader, f jobsFile) *controller.Jobs {
	jobs := &controller.Jobs{}
	text := r.String("jobs.selector", f.Selector, defaultSelector)
	selector, err := labels.Parse(text)
	switch {
	case err != nil:
		r.Fault("jobs.selector", "want a label selector, as in %s", defaultSelector)
	case selector.Empty():
		r.Fault("jobs.selector", "would choose every Job of the cluster; want a label selector, as in %s", defaultSelector)
	}
	jobs.Selector = selector
	for _, name := range f.Namespaces {
		namespace := r.String("jobs.namespaces", name, "")
		if len(validation.IsDNS1123Label(namespace)) > 0 {
			r.Fault("jobs.namespaces", "%q cannot be the name of a namespace", namespace)
		}
		jobs.Namespaces = append(jobs.Namespaces, namespace)
	}
	return jobs
}
