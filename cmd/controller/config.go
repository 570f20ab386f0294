package main

import (
	"errors"
	"net/url"
	"time"

	"github.com/auditflow/auditflow/cmd/internal/secrecy"
	"github.com/auditflow/auditflow/cmd/internal/work"
	"github.com/auditflow/auditflow/controller"
	"github.com/auditflow/auditflow/internal/config"
	"github.com/auditflow/auditflow/internal/daemon"
	"github.com/auditflow/auditflow/workflows"
)

const help = `Watches KubernetesExecutions, and Jobs if that is wanted, and starts a durable
delivery for each one that ended; marks the object once its audit row is
committed. Run two for availability: one leads, the other takes over.

Before you uninstall, "controller release" takes its finalizer off every object.

The cluster is found as kubectl finds it (KUBECONFIG, ~/.kube/config) or, in a
pod, from its service account.

Configuration (YAML; cluster and keyset_file are required):

  cluster: prod-eu-1          # part of every record's identity; never change it
  listen: ":8080"             # address of /healthz, /readyz, /metrics
` + daemon.CommonHelp + `  audit_enabled: true         # false: records nothing and lets go of every object held
  audit_batch_size: 100       # most records in one workflow when they come fast, 1 to 150; 1: each gets its own
  audit_flush_interval: 30s   # longest that a record waits for company, 0s to 10m; 0s: none waits.
                              # A lone record never does
  storage_service_url: ""     # address of the HTTP door; the controller speaks to Temporal and does not use it
  jobs:                       # plain Jobs (batch/v1), beside KubernetesExecutions
    enabled: false            # false lets go of Jobs that were held
    selector: audit.kubernaut.io/record=true   # labels of the Jobs to record
    namespaces: []            # where to look; empty: everywhere
  review_window:              # recorded objects are removed so long after their row was committed; 0s: never
    executions: 24h           # for KubernetesExecutions, 0s to 366d; annotation audit.kubernaut.io/keep: "true" keeps an object
    jobs: 0s                  # for Jobs, 0s to 366d
  leader_election:
    enabled: true             # false: for one replica only
    namespace: ""             # of the lease; default: the pod's own
  delivery:
    reconcilers: 8            # objects of a kind patched at once, 1 to 1000; more where the API
                              # server takes long and a backlog is to be marked sooner
    starters: 16              # executions read from the API server at once, 1 to 1000
    waiters: 128              # workflows watched at once, 1 to 10000

Small clusters: --embedded-worker FILE runs a worker in this process, with the
configuration that "worker --help" tells, on every replica. Deliveries then skip
the way through the task queue. The controller gets the credentials that FILE has
and nothing else changes. What both files say of Temporal, keysets and redaction
must be the same; listen, log_* and traces of FILE are not used.

Exit codes: 0 stopped in good order, 1 could not go on (leadership lost, too), 2 flags or configuration wrong.`

type file struct {
	daemon.CommonFile `json:",inline"`

	Cluster            config.Scalar `json:"cluster"`
	AuditEnabled       config.Scalar `json:"audit_enabled"`
	AuditBatchSize     config.Scalar `json:"audit_batch_size"`
	AuditFlushInterval config.Scalar `json:"audit_flush_interval"`
	StorageServiceURL  config.Scalar `json:"storage_service_url"`
	Jobs               jobsFile      `json:"jobs"`
	ReviewWindow       reviewFile    `json:"review_window"`
	LeaderElection     struct {
		Enabled   config.Scalar `json:"enabled"`
		Namespace config.Scalar `json:"namespace"`
	} `json:"leader_election"`
	Delivery struct {
		Reconcilers config.Scalar `json:"reconcilers"`
		Starters    config.Scalar `json:"starters"`
		Waiters     config.Scalar `json:"waiters"`
	} `json:"delivery"`
}

type settings struct {
	common                  daemon.Common
	controller              controller.Config
	batch                   workflows.BatchConfig
	sources                 []controller.Watched
	enabled                 bool
	leaderElection          bool
	leaderElectionNamespace string
	embedded                *work.Settings // nil: no worker in this process
}

func load(path string, r *config.Reader) (settings, error) {
	var f file
	if err := config.Load(path, &f); err != nil {
		return settings{}, err
	}
	s := settings{
		common: f.Read(r, "auditflow-controller"),
		controller: controller.Config{
			Cluster:     r.Required("cluster", f.Cluster),
			Reconcilers: r.Int("delivery.reconcilers", f.Delivery.Reconcilers, 8, 1, 1000),
			Starters:    r.Int("delivery.starters", f.Delivery.Starters, 16, 1, 1000),
			Waiters:     r.Int("delivery.waiters", f.Delivery.Waiters, 128, 1, 10_000),
		},
		sources:                 readSources(r, f.Jobs, f.ReviewWindow),
		enabled:                 r.Bool("audit_enabled", f.AuditEnabled, true),
		leaderElection:          r.Bool("leader_election.enabled", f.LeaderElection.Enabled, true),
		leaderElectionNamespace: r.String("leader_election.namespace", f.LeaderElection.Namespace, ""),
	}
	if len(s.controller.Cluster) > maxClusterName {
		r.Fault("cluster", "is %d bytes long, at most %d", len(s.controller.Cluster), maxClusterName)
	}
	s.batch = workflows.BatchConfig{
		Size: r.Int("audit_batch_size", f.AuditBatchSize, workflows.DefaultBatchRecords, 1, workflows.MaxBatchRecords),
		Wait: r.Duration("audit_flush_interval", f.AuditFlushInterval, 30*time.Second, 0, 10*time.Minute),
	}
	s.controller.Company = 2 * s.batch.Size
	service := r.String("storage_service_url", f.StorageServiceURL, "")
	if u, err := url.Parse(service); err != nil || service != "" && u.Host == "" {
		r.Fault("storage_service_url", "want an address as in http://host:8085")
	}
	secrecy.Check(s.common, r)
	embedded, err := loadEmbedded(r, s.common)
	s.embedded = embedded
	return s, errors.Join(r.Err(), err)
}

// maxClusterName is what the column holds and a search attribute takes.
const maxClusterName = 253
