package activities

import (
	"context"

	"github.com/prometheus/client_golang/prometheus"
)

// MaintenanceMetrics tell how maintenance goes.
type MaintenanceMetrics struct {
	runs         *prometheus.CounterVec
	archivedRows prometheus.Counter
	deletedRows  prometheus.Counter
}

// Outcomes of a run: done, or failed after everything else was done.
const (
	OutcomeDone   = "done"
	OutcomeFailed = "failed"
)

// NewMaintenanceMetrics makes the metrics and registers them, with a series at 0
// for each task: one that exists can be alerted on.
func NewMaintenanceMetrics(r prometheus.Registerer, tasks ...string) *MaintenanceMetrics {
	m := &MaintenanceMetrics{
		runs: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "auditflow_maintenance_runs_total",
			Help: "Runs of maintenance workflows that came to their end, by task and outcome: done, failed",
		}, []string{"task", "outcome"}),
		archivedRows: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "auditflow_archived_rows_total",
			Help: "Rows archived: read back from the bucket and named by a manifest",
		}),
		deletedRows: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "auditflow_deleted_rows_total",
			Help: "Rows that retention took out of the database, each of which is in the archive",
		}),
	}
	r.MustRegister(m.runs, m.archivedRows, m.deletedRows)
	for _, task := range tasks {
		m.runs.WithLabelValues(task, OutcomeDone)
		m.runs.WithLabelValues(task, OutcomeFailed)
	}
	return m
}

func (m *MaintenanceMetrics) archived(rows int64) { m.archivedRows.Add(float64(rows)) }
func (m *MaintenanceMetrics) deleted(rows int64)  { m.deletedRows.Add(float64(rows)) }

// CountRun counts a run that has come to its end. A workflow cannot do that
// itself: it is replayed.
func (m *Maintain) CountRun(_ context.Context, task, outcome string) error {
	m.Metrics.runs.WithLabelValues(task, outcome).Inc()
	return nil
}
