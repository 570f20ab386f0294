package world

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"os"
	"os/exec"
	"slices"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/api/serviceerror"
	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/log"
	"google.golang.org/protobuf/types/known/durationpb"
)

// TemporalStore is where Temporal keeps its state.
type TemporalStore string

const (
	// TemporalOnSQLite is the development server, up in a second.
	TemporalOnSQLite TemporalStore = ""
	// TemporalOnPostgreSQL is the server of production in databases beside those of
	// the audit, which want Options.PostgreSQL too: one server to measure.
	TemporalOnPostgreSQL TemporalStore = "postgresql"
	// TemporalOnItsOwnPostgreSQL is the same with a PostgreSQL that nobody else
	// uses, so that the one of the audit can be away while Temporal is not.
	TemporalOnItsOwnPostgreSQL TemporalStore = "postgresql of its own"
)

func (o Options) validate() error {
	switch {
	case o.TemporalStore == TemporalOnSQLite:
		return nil
	case o.TemporalStore != TemporalOnPostgreSQL && o.TemporalStore != TemporalOnItsOwnPostgreSQL:
		return fmt.Errorf("TemporalStore: there is no %q", o.TemporalStore)
	case o.TemporalUI:
		return errors.New("TemporalUI: only the development server has it")
	case o.TemporalStore == TemporalOnPostgreSQL && !o.PostgreSQL:
		return errors.New("TemporalStore: PostgreSQL is needed for it and not asked for")
	}
	return nil
}

// keepIn says where the state is to be; others is the PostgreSQL of the world.
func (t *Temporal) keepIn(store TemporalStore, others *Postgres) {
	switch store {
	case TemporalOnSQLite:
		return
	case TemporalOnPostgreSQL:
		t.Store = others
	case TemporalOnItsOwnPostgreSQL:
		t.Store, t.ownStore = newPostgres(t.workspace, "temporal-postgres", nil), true
	}
	t.DBFile = ""
}

// The databases of the server, and where its tool has their tables.
var temporalDatabases = map[string]string{
	"temporal":            "postgresql/v12/temporal",
	"temporal_visibility": "postgresql/v12/visibility",
}

// prepareStore brings the databases up to the version of the server.
func (t *Temporal) prepareStore(ctx context.Context) error {
	if t.Store == nil {
		return nil
	}
	if t.ownStore {
		if err := t.Store.start(ctx); err != nil {
			return err
		}
	}
	tool, err := built("temporal-sql-tool")
	if err != nil {
		return fmt.Errorf("%w (this program: \"tools/build.sh temporal-server\")", err)
	}
	for database, tables := range temporalDatabases {
		if err := t.Store.ensureDatabase(ctx, database); err != nil {
			return err
		}
		steps := [][]string{{"update-schema", "--schema-name", tables}}
		if fresh, err := t.isFresh(ctx, database); err != nil {
			return err
		} else if fresh {
			steps = append([][]string{{"setup-schema", "--version", "0.0"}}, steps...)
		}
		for _, step := range steps {
			args := append([]string{
				"--plugin", "postgres12_pgx", "--endpoint", "127.0.0.1", "--port", fmt.Sprint(t.Store.port),
				"--user", "postgres", "--database", database,
			}, step...)
			if out, err := exec.CommandContext(ctx, tool, args...).CombinedOutput(); err != nil {
				return fmt.Errorf("%s of database %s: %w\n%s", step[0], database, err, out)
			}
		}
	}
	return t.forgetMembers(ctx)
}

// forgetMembers removes the parts of a server that ran in an earlier world: it had
// other ports, and the new one would wait most of a minute for them to be given up.
func (t *Temporal) forgetMembers(ctx context.Context) error {
	conn, err := pgx.Connect(ctx, t.Store.url("temporal"))
	if err != nil {
		return err
	}
	defer conn.Close(context.WithoutCancel(ctx))
	_, err = conn.Exec(ctx, `DELETE FROM cluster_membership`)
	return err
}

// StoreURLs are those of its databases; none if its state is not in PostgreSQL.
func (t *Temporal) StoreURLs() (urls []string) {
	if t.Store == nil {
		return nil
	}
	for _, database := range slices.Sorted(maps.Keys(temporalDatabases)) {
		urls = append(urls, t.Store.url(database))
	}
	return urls
}

// isFresh tells that a database has none of the server's tables.
func (t *Temporal) isFresh(ctx context.Context, database string) (fresh bool, err error) {
	conn, err := pgx.Connect(ctx, t.Store.url(database))
	if err != nil {
		return false, err
	}
	defer conn.Close(context.WithoutCancel(ctx))
	err = conn.QueryRow(ctx, `SELECT to_regclass('schema_version') IS NULL`).Scan(&fresh)
	return fresh, err
}

func (t *Temporal) serverArgs() []string {
	return []string{"--config-file", t.workspace.path("temporal.yaml"), "--allow-no-auth", "start"}
}

// writeServerConfig chooses the ports of the server's parts, which find each other
// through the database: they stay the same as long as the world lives.
func (t *Temporal) writeServerConfig() error {
	var services strings.Builder
	for _, service := range []string{"frontend", "history", "matching", "worker"} {
		port, err := freePort()
		if err != nil {
			return err
		}
		if service == "frontend" {
			port = t.port
		}
		membership, err := freePort()
		if err != nil {
			return err
		}
		fmt.Fprintf(&services, "  %s: {rpc: {grpcPort: %d, membershipPort: %d, bindOnLocalHost: true}}\n", service, port, membership)
	}
	dynamic := t.workspace.path("temporal-dynamic.yaml")
	if err := os.WriteFile(dynamic, []byte(serverDynamicConfig), 0o600); err != nil {
		return err
	}
	config := fmt.Sprintf(serverConfig, loopback(t.Store.port), &services, t.Address, dynamic)
	return os.WriteFile(t.workspace.path("temporal.yaml"), []byte(config), 0o600)
}

// serverConfig wants the address of PostgreSQL, the services, the address of the
// frontend and the file of the dynamic configuration. Four shards are what two
// cores are best served with. Each of the four services has its own connections
// to both databases: 80 of the 200 that PostgreSQL has.
const serverConfig = `
log: {stdout: true, level: warn, format: json}
persistence:
  numHistoryShards: 4
  defaultStore: default
  visibilityStore: visibility
  datastores:
    default: {sql: &sql {pluginName: postgres12_pgx, databaseName: temporal, connectAddr: "%[1]s", connectProtocol: tcp,
      user: postgres, maxConns: 10, maxIdleConns: 10, maxConnLifetime: 1h}}
    visibility: {sql: {<<: *sql, databaseName: temporal_visibility}}
global:
  membership: {maxJoinDuration: 30s, broadcastAddress: 127.0.0.1}
services:
%[2]s
clusterMetadata:
  failoverVersionIncrement: 10
  masterClusterName: active
  currentClusterName: active
  clusterInformation:
    active: {enabled: true, initialFailoverVersion: 1, rpcName: frontend, rpcAddress: "%[3]s"}
publicClient: {hostPort: "%[3]s"}
dcRedirectionPolicy: {policy: noop}
archival: {history: {state: disabled}, visibility: {state: disabled}}
dynamicConfigClient: {filepath: "%[4]s", pollInterval: 10s}
`

// serverDynamicConfig has the one setting that we ask of operators, see
// [Temporal.args]. What the development server sets besides is for its own
// convenience, and what production does not have either.
const serverDynamicConfig = `
frontend.enableCancelWorkerPollsOnShutdown: [{value: true}]
`

var errNamespaceIsNew = errors.New("its namespace was just registered")

// serverAnswers asks for the namespace, which it registers if need be, and for
// something of history and of matching, which join later than the frontend.
func (t *Temporal) serverAnswers(ctx context.Context) error {
	c, err := client.DialContext(ctx, client.Options{
		HostPort: t.Address,
		Logger:   log.NewStructuredLogger(slog.New(slog.DiscardHandler)),
	})
	if err != nil {
		return err
	}
	defer c.Close()
	service := c.WorkflowService()
	_, err = service.DescribeNamespace(ctx, &workflowservice.DescribeNamespaceRequest{Namespace: t.Namespace})
	if _, missing := errors.AsType[*serviceerror.NamespaceNotFound](err); missing {
		if _, err := service.RegisterNamespace(ctx, &workflowservice.RegisterNamespaceRequest{
			Namespace: t.Namespace, WorkflowExecutionRetentionPeriod: durationpb.New(72 * time.Hour),
		}); err != nil {
			return err
		}
		return errNamespaceIsNew
	}
	if err != nil {
		return err
	}
	_, err = c.DescribeWorkflowExecution(ctx, "nobody", "")
	if _, answered := errors.AsType[*serviceerror.NotFound](err); !answered {
		return fmt.Errorf("history does not answer: %w", err)
	}
	_, err = c.DescribeTaskQueue(ctx, "nobody", enumspb.TASK_QUEUE_TYPE_WORKFLOW)
	return err
}
