package world

import (
	"context"
	"crypto/rand"
	"fmt"
	"os"
	"path/filepath"

	"github.com/jackc/pgx/v5"
)

// APIAudience is what a token of the cluster must be for, to be taken by the HTTP
// door of a product.
const APIAudience = "auditflow"

// doors is what the HTTP doors of a product have in common: keys, Temporal, a
// token, a login that may only read, and, in a world with Kubernetes, a user that
// may only ask who somebody is.
type doors struct {
	world *World
	dir   string
	// config is the same for all; env are the credentials.
	config string
	env    []string
}

func (w *World) newDoors(ctx context.Context, dir, common, databaseURL string) (d *doors, token string, err error) {
	d = &doors{world: w, dir: dir}
	readerURL, err := readerLogin(ctx, databaseURL)
	if err != nil {
		return nil, "", err
	}
	d.env = append(d.env, "AUDITFLOW_DATABASE_URL="+readerURL)
	token, tokens := rand.Text(), filepath.Join(dir, "tokens")
	if err := os.WriteFile(tokens, []byte("world "+token+"\n"), 0o600); err != nil {
		return nil, "", err
	}
	auth := fmt.Sprintf("tokens_file: %q", tokens)
	if w.Kube != nil {
		kubeconfig, err := w.kubeconfigFor(ctx, "auditflow-api", "api.yaml")
		if err != nil {
			return nil, "", err
		}
		d.env = append(d.env, "KUBECONFIG="+kubeconfig)
		auth += ", kubernetes: true, kubernetes_audience: " + APIAudience
	}
	d.config = common + "cluster: " + Cluster + "\nauth: {" + auth + "}\n"
	return d, token, nil
}

func readerLogin(ctx context.Context, address string) (string, error) {
	conn, err := pgx.Connect(ctx, address)
	if err != nil {
		return "", fmt.Errorf("create the API's login: %w", err)
	}
	defer conn.Close(context.WithoutCancel(ctx))
	return createLogin(ctx, conn, address, "reader", "auditflow_reader")
}

// kubeconfigFor is that of a user with one of the roles we ship, and nothing else.
func (w *World) kubeconfigFor(ctx context.Context, user, role string) (string, error) {
	root, err := moduleRoot()
	if err != nil {
		return "", err
	}
	return w.Kube.KubeconfigFor(ctx, user, filepath.Join(root, "deploy", "rbac", role))
}

// configure makes a program of the binary api in a directory, with more lines of
// configuration. Its name is also that of its configuration and its log.
func (d *doors) configure(name, binaries, more string) (*Program, error) {
	p, err := d.world.program(name, d.config+more, d.env...)
	if err != nil {
		return nil, err
	}
	p.path = filepath.Join(binaries, "api")
	return p, nil
}

// NewAPI builds another HTTP door of this product, with Race of the options, and
// configures it with more lines than the one there is. It takes the same tokens,
// and what is posted to it goes the same way.
func (p *Product) NewAPI(ctx context.Context, name string, o ProductOptions, more string) (*Program, error) {
	binaries := filepath.Join(p.doors.dir, name)
	if err := buildProduct(ctx, binaries, o, "api"); err != nil {
		return nil, err
	}
	return p.doors.configure(name, binaries, more)
}
