package main

import (
	"net"
	"strings"
	"time"

	"github.com/auditflow/auditflow/cmd/internal/secrecy"
	"github.com/auditflow/auditflow/httpapi"
	"github.com/auditflow/auditflow/internal/config"
	"github.com/auditflow/auditflow/internal/daemon"
	"github.com/auditflow/auditflow/store/postgres"
	"github.com/auditflow/auditflow/workflows"
)

const help = `Takes audit records over HTTP and starts a durable delivery for each one. Run as
many as you like; they share nothing. With a database it answers questions, too.

Configuration (YAML; cluster and keyset_file are required):

  cluster: prod-eu-1          # of all records posted here, part of their identity; never change it
  listen: 127.0.0.1:8085      # of the API, /healthz, /readyz and /metrics
  insecure_no_auth: false     # true: without auth, listen beyond loopback though everybody may post
  tls:                        # files in PEM, followed
    cert_file: ""             # certificate of the API; default: HTTP without TLS
    key_file: ""              # its key
  auth:                       # without any of these everybody may do everything, from loopback
    tokens_file: ""           # a name and a token of 16 characters or more in each line, followed;
                              # clusters=NAME,… and namespaces=NAME,… behind them limit the token
    client_ca_file: ""        # vouches for certificates of clients; needs tls
    kubernetes: false         # tokens of the cluster; its RBAC says who may create,
                              # get and list audits.auditflow.io, in which namespace and,
                              # by resourceNames, of which clusters
    kubernetes_audience: ""   # that tokens must be for; default: the API server's own
` + daemon.CommonHelp + `  database:                   # to answer questions, too; without it the API only takes
    url: ""                   # of a login that may do what role auditflow_reader may, or
                              # environment AUDITFLOW_DATABASE_URL
    password_file: ""         # a file with the password, if the URL has none; read
                              # for every new connection, so that it may change
    max_connections: 8        # 1 to 1000
  console:                    # pages for people, at /; with a database only
    enabled: true             # who may read through the API may read there, with the same token
    temporal_ui_url: ""       # of Temporal's web UI, for links to workflows; default: no links
    session: 8h               # how long a login lasts, 5m to 24h
  audit_batch_size: 100       # most records in one workflow when they come fast or as a batch,
                              # 1 to 150; 1: each gets its own, as does one with an Idempotency-Key
  audit_flush_interval: 30s   # longest that a record waits for company, 0s to 10m; 0s: none waits.
                              # A lone record never does
  limits:
    record_bytes: 1048576     # JSON of one record, 1 to 1572864
    batch_bytes: 8388608      # body of a batch, record_bytes to 1073741824
    batch_records: 1000       # in one batch, 1 to 100000
    in_flight_bytes: 33554432 # bodies in memory at once, batch_bytes to 17179869184
    rate: 2000                # records a second over all clients, 1 to 1000000
    burst: 4000               # records at once, batch_records to 10000000
    starts: 64                # workflows being started at once, 1 to 10000
    start_timeout: 4s         # for Temporal to confirm a record, 100ms to 1m
    wait_timeout: 30s         # of ?wait=persisted, 1s to 10m
  timeouts:
    header: 5s                # for the header of a request, 100ms to 10m
    read: 30s                 # for header and body, 100ms to 10m
    idle: 2m                  # of a connection without requests, 1s to 1h
    drain: 20s                # what requests in hand get after SIGTERM, 0s to 10m

Exit codes: 0 stopped in good order, 1 could not go on, 2 flags or configuration wrong.`

type file struct {
	daemon.CommonFile `json:",inline"`

	Cluster        config.Scalar `json:"cluster"`
	InsecureNoAuth config.Scalar `json:"insecure_no_auth"`
	TLS            struct {
		CertFile config.Scalar `json:"cert_file"`
		KeyFile  config.Scalar `json:"key_file"`
	} `json:"tls"`
	Auth struct {
		TokensFile         config.Scalar `json:"tokens_file"`
		ClientCAFile       config.Scalar `json:"client_ca_file"`
		Kubernetes         config.Scalar `json:"kubernetes"`
		KubernetesAudience config.Scalar `json:"kubernetes_audience"`
	} `json:"auth"`
	Database struct {
		URL            config.Scalar `json:"url"`
		PasswordFile   config.Scalar `json:"password_file"`
		MaxConnections config.Scalar `json:"max_connections"`
	} `json:"database"`
	Console            consoleFile   `json:"console"`
	AuditBatchSize     config.Scalar `json:"audit_batch_size"`
	AuditFlushInterval config.Scalar `json:"audit_flush_interval"`

	Limits   limitsFile `json:"limits"`
	Timeouts struct {
		Header config.Scalar `json:"header"`
		Read   config.Scalar `json:"read"`
		Idle   config.Scalar `json:"idle"`
		Drain  config.Scalar `json:"drain"`
	} `json:"timeouts"`
}

type limitsFile struct {
	RecordBytes   config.Scalar `json:"record_bytes"`
	BatchBytes    config.Scalar `json:"batch_bytes"`
	BatchRecords  config.Scalar `json:"batch_records"`
	InFlightBytes config.Scalar `json:"in_flight_bytes"`
	Rate          config.Scalar `json:"rate"`
	Burst         config.Scalar `json:"burst"`
	Starts        config.Scalar `json:"starts"`
	StartTimeout  config.Scalar `json:"start_timeout"`
	WaitTimeout   config.Scalar `json:"wait_timeout"`
}

type settings struct {
	common   daemon.Common
	cluster  string
	auth     auth
	database postgres.Config // without URL: none
	console  pages
	batch    workflows.BatchConfig
	limits   httpapi.Limits
	timeouts timeouts
}

type timeouts struct{ header, read, idle, drain time.Duration }

func load(path string, r *config.Reader) (settings, error) {
	var f file
	if err := config.Load(path, &f); err != nil {
		return settings{}, err
	}
	if f.Listen == (config.Scalar{}) {
		f.Listen = config.Text("127.0.0.1:8085") // without a word about who may post, nobody from outside can
	}
	s := settings{
		common:  f.Read(r, "auditflow-api"),
		cluster: r.Required("cluster", f.Cluster),
		limits:  f.Limits.read(r),
		batch: workflows.BatchConfig{
			Size: r.Int("audit_batch_size", f.AuditBatchSize, workflows.DefaultBatchRecords, 1, workflows.MaxBatchRecords),
			Wait: r.Duration("audit_flush_interval", f.AuditFlushInterval, 30*time.Second, 0, 10*time.Minute),
		},
		timeouts: timeouts{
			header: r.Duration("timeouts.header", f.Timeouts.Header, 5*time.Second, 100*time.Millisecond, 10*time.Minute),
			read:   r.Duration("timeouts.read", f.Timeouts.Read, 30*time.Second, 100*time.Millisecond, 10*time.Minute),
			idle:   r.Duration("timeouts.idle", f.Timeouts.Idle, 2*time.Minute, time.Second, time.Hour),
			drain:  r.Duration("timeouts.drain", f.Timeouts.Drain, 20*time.Second, 0, 10*time.Minute),
		},
	}
	if len(s.cluster) > maxClusterName {
		r.Fault("cluster", "is %d bytes long, at most %d", len(s.cluster), maxClusterName)
	}
	s.auth = f.auth(r)
	s.console = f.Console.read(r)
	s.database = postgres.Config{
		URL:          r.OptionalSecret("database.url", f.Database.URL, "AUDITFLOW_DATABASE_URL", ""),
		PasswordFile: r.String("database.password_file", f.Database.PasswordFile, ""),
		MaxConns:     int32(r.Int("database.max_connections", f.Database.MaxConnections, 8, 1, 1000)), //nolint:gosec // bounded
	}
	if err := s.database.Validate(); err != nil && s.database.URL != "" {
		for fault := range strings.Lines(err.Error()) {
			r.Fault("database", "%s", strings.TrimSpace(fault))
		}
	}
	if !r.Bool("insecure_no_auth", f.InsecureNoAuth, false) && !s.auth.asks() && !loopback(s.common.Listen) {
		r.Fault("listen", "everybody who reaches %s could post records: say who may (auth), name a loopback address, or say insecure_no_auth: true", s.common.Listen)
	}
	secrecy.Check(s.common, r)
	return s, r.Err()
}

func (f limitsFile) read(r *config.Reader) httpapi.Limits {
	d := httpapi.DefaultLimits()
	l := httpapi.Limits{
		RecordBytes:   int64(r.Int("limits.record_bytes", f.RecordBytes, int(d.RecordBytes), 1, httpapi.MaxRecordBytes)),
		BatchBytes:    int64(r.Int("limits.batch_bytes", f.BatchBytes, int(d.BatchBytes), 1, 1<<30)),
		BatchRecords:  r.Int("limits.batch_records", f.BatchRecords, d.BatchRecords, 1, 100_000),
		InFlightBytes: int64(r.Int("limits.in_flight_bytes", f.InFlightBytes, int(d.InFlightBytes), 1, 16<<30)),
		Rate:          float64(r.Int("limits.rate", f.Rate, int(d.Rate), 1, 1_000_000)),
		Burst:         r.Int("limits.burst", f.Burst, d.Burst, 1, 10_000_000),
		Starts:        r.Int("limits.starts", f.Starts, d.Starts, 1, 10_000),
		StartTimeout:  r.Duration("limits.start_timeout", f.StartTimeout, d.StartTimeout, 100*time.Millisecond, time.Minute),
		WaitTimeout:   r.Duration("limits.wait_timeout", f.WaitTimeout, d.WaitTimeout, time.Second, 10*time.Minute),
	}
	for _, fault := range l.Faults() {
		r.Fault("limits."+fault.Field, "%s", fault.Rule)
	}
	return l
}

// loopback tells that nobody from another machine reaches an address.
func loopback(address string) bool {
	host, _, err := net.SplitHostPort(address)
	if err != nil {
		return true // whoever read the address has told
	}
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}

// maxClusterName is what the column holds and a search attribute takes.
const maxClusterName = 253
