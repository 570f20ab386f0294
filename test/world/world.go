package world

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"
)

// Options chooses the servers of a world. The zero value starts none.
type Options struct {
	// Dir is where data and logs go; it is created when absent. The state in
	// it survives Stop and is found again by the next Start. Empty means a
	// temporary directory that Stop removes.
	Dir string

	Kubernetes bool
	Temporal   bool
	PostgreSQL bool
	S3         bool

	// TemporalUI serves Temporal's web interface too; only the development server has it.
	TemporalUI bool

	// TemporalStore chooses Temporal's server by where its state is. Servers on
	// PostgreSQL are not among those of "make tools": "tools/build.sh temporal-server"
	// builds them.
	TemporalStore TemporalStore

	// KubeFsync makes etcd sync its log to disk, as production does. It is off
	// by default because it costs most of a small cluster's time; tests that
	// kill etcd want it.
	KubeFsync bool

	// KubeWorkloads runs the controllers of Deployments and ReplicaSets, too. Nobody
	// runs their pods but who binds them to [ProcessNode].
	KubeWorkloads bool

	// PostgresSettings are "name=value" for PostgreSQL, as in postgresql.conf;
	// they outrank ours. The next world in the same Dir must be told again.
	PostgresSettings []string

	// Progress, when set, is told about each server that is ready. Calls come
	// one at a time.
	Progress func(format string, args ...any)
}

// World is a set of running servers. The fields of servers that Options did not
// ask for are nil.
type World struct {
	Dir      string
	Kube     *Kube
	Temporal *Temporal
	Postgres *Postgres
	S3       *S3
	// Prometheus is nil until [World.StartPrometheus].
	Prometheus *Prometheus

	workspace *workspace
	stop      sync.Once
	stopErr   error
}

// Start brings the chosen servers up in parallel and returns when all are
// ready. When one fails, the others are stopped and the error says which
// server, what it was doing and the end of its log. ctx bounds the start only:
// ending it later does not stop the world.
func Start(ctx context.Context, o Options) (*World, error) {
	if err := o.validate(); err != nil {
		return nil, fmt.Errorf("start world: %w", err)
	}
	ws, err := openWorkspace(o.Dir)
	if err != nil {
		return nil, fmt.Errorf("start world: %w", err)
	}
	w := &World{Dir: ws.dir, workspace: ws}
	if err := w.startServers(ctx, o); err != nil {
		return nil, errors.Join(err, w.Stop())
	}
	return w, nil
}

func (w *World) startServers(ctx context.Context, o Options) error {
	report := progress(o.Progress)
	group, ctx := errgroup.WithContext(ctx)
	// Each server is put into the world even when it failed half way: Stop
	// then finds what has to be stopped.
	if o.Kubernetes {
		w.Kube = newKube(w.workspace, o)
		group.Go(func() error { return report("Kubernetes", w.Kube, w.Kube.start(ctx)) })
	}
	databaseUp := make(chan struct{})
	if o.PostgreSQL {
		w.Postgres = newPostgres(w.workspace, "postgres", o.PostgresSettings)
		group.Go(func() error {
			defer close(databaseUp)
			return report("PostgreSQL", w.Postgres, w.Postgres.start(ctx))
		})
	}
	if o.Temporal {
		w.Temporal = newTemporal(w.workspace, o.TemporalUI)
		w.Temporal.keepIn(o.TemporalStore, w.Postgres)
		group.Go(func() error {
			if o.TemporalStore == TemporalOnPostgreSQL {
				<-databaseUp
			}
			return report("Temporal", w.Temporal, w.Temporal.start(ctx))
		})
	}
	if o.S3 {
		w.S3 = newS3(w.workspace)
		group.Go(func() error { return report("S3", w.S3, w.S3.start(ctx)) })
	}
	return group.Wait()
}

// progress wraps the caller's function so that calls do not overlap.
func progress(tell func(string, ...any)) func(string, fmt.Stringer, error) error {
	var mu sync.Mutex
	began := time.Now()
	return func(name string, server fmt.Stringer, err error) error {
		if err != nil {
			return fmt.Errorf("start %s: %w", name, err)
		}
		if tell != nil {
			mu.Lock()
			defer mu.Unlock()
			tell("%s ready (%.1f s)", server, time.Since(began).Seconds())
		}
		return nil
	}
}

// Stop ends the servers in parallel, each in its own order, and removes the
// directory if it was temporary. The error names what did not stop cleanly.
// Calling Stop again returns the first answer.
func (w *World) Stop() error {
	w.stop.Do(func() { w.stopErr = w.stopServers() })
	return w.stopErr
}

func (w *World) stopServers() error {
	var wait sync.WaitGroup
	errs := make([]error, 5)
	end := func(i int, name string, stop func() error) {
		wait.Go(func() {
			if err := stop(); err != nil {
				errs[i] = fmt.Errorf("stop %s: %w", name, err)
			}
		})
	}
	if w.Kube != nil {
		end(0, "Kubernetes", w.Kube.stop)
	}
	temporalGone := make(chan struct{})
	if w.Temporal != nil {
		end(1, "Temporal", func() error {
			defer close(temporalGone)
			return w.Temporal.close()
		})
	}
	if w.Postgres != nil {
		end(2, "PostgreSQL", func() error {
			if w.Temporal != nil && w.Temporal.Store == w.Postgres {
				<-temporalGone // it writes to the last
			}
			return w.Postgres.close()
		})
	}
	if w.S3 != nil {
		end(3, "S3", w.S3.close)
	}
	if w.Prometheus != nil {
		end(4, "Prometheus", w.Prometheus.close)
	}
	wait.Wait()
	return errors.Join(append(errs, w.workspace.close())...)
}

// LogDir is where each server writes <server>.log.
func (w *World) LogDir() string { return filepath.Join(w.Dir, "logs") }
