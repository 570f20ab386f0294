package world

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
)

// Workers are a binary of the worker, of which any number can run, each for a
// database and a Temporal namespace of its own.
type Workers struct {
	world   *World
	options ProductOptions
	dir     string
	keyset  string
}

// NewWorkers builds the binary, with Race and Failpoints of the options.
func (w *World) NewWorkers(ctx context.Context, o ProductOptions) (*Workers, error) {
	dir := w.workspace.path("workers")
	if err := buildProduct(ctx, dir, o, "worker"); err != nil {
		return nil, err
	}
	keyset := filepath.Join(dir, "keyset.json")
	return &Workers{w, o, dir, keyset}, writeKeyset(keyset)
}

// New configures a worker. Its name is also that of its files and of its namespace,
// which has to be there.
func (s *Workers) New(ctx context.Context, name, databaseURL, bucketURL string) (*Program, error) {
	port, err := freePort()
	if err != nil {
		return nil, err
	}
	writerURL, maintainerURL, err := prepareDatabase(ctx, databaseURL)
	if err != nil {
		return nil, err
	}
	o := s.options
	o.BucketURL = bucketURL
	config := fmt.Sprintf("listen: %q\nkeyset_file: %s\ntemporal: {address: %q, namespace: %q}\n",
		loopback(port), s.keyset, s.world.Temporal.Address, name) + maintenance(maintainerURL, o)
	p := &Program{
		Name: "worker-" + name, URL: "http://" + loopback(port), Config: filepath.Join(s.dir, name+".yaml"),
		workspace: s.world.workspace, path: filepath.Join(s.dir, "worker"), env: []string{"AUDITFLOW_DATABASE_URL=" + writerURL},
	}
	return p, os.WriteFile(p.Config, []byte(config), 0o600)
}

// With returns workers of the same binary with other settings of maintenance; see
// [ProductOptions.Archive] and [ProductOptions.Maintenance].
func (s *Workers) With(archive string, maintenance ...string) *Workers {
	other := *s
	other.options.Archive, other.options.Maintenance = archive, maintenance
	return &other
}
