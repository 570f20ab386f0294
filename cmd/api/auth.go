package main

import (
	"crypto/tls"
	"fmt"
	"log/slog"
	"time"

	"k8s.io/client-go/kubernetes"
	ctrl "sigs.k8s.io/controller-runtime"

	"github.com/auditflow/auditflow/httpapi"
	"github.com/auditflow/auditflow/internal/config"
)

// auth says how clients are known.
type auth struct {
	files      httpapi.TLSFiles
	tokensFile string
	kubernetes bool
	audience   string
}

// asks tells that somebody has to say who he is.
func (a auth) asks() bool { return a.tokensFile != "" || a.files.ClientCA != "" || a.kubernetes }

// auth reads the two sections, and the files they name.
func (f file) auth(r *config.Reader) auth {
	a := auth{
		files: httpapi.TLSFiles{
			Cert: r.String("tls.cert_file", f.TLS.CertFile, ""), Key: r.String("tls.key_file", f.TLS.KeyFile, ""),
			ClientCA: r.String("auth.client_ca_file", f.Auth.ClientCAFile, ""),
		},
		tokensFile: r.String("auth.tokens_file", f.Auth.TokensFile, ""),
		kubernetes: r.Bool("auth.kubernetes", f.Auth.Kubernetes, false),
		audience:   r.String("auth.kubernetes_audience", f.Auth.KubernetesAudience, ""),
	}
	switch {
	case (a.files.Cert == "") != (a.files.Key == ""):
		r.Fault("tls", "cert_file and key_file go together")
	case a.files.ClientCA != "" && a.files.Cert == "":
		r.Fault("auth.client_ca_file", "needs tls.cert_file and tls.key_file")
	case a.files.Cert != "":
		if _, err := a.files.Config(slog.New(slog.DiscardHandler)); err != nil {
			r.Fault("tls", "%v", err)
		}
	}
	if a.tokensFile != "" {
		if _, err := httpapi.OpenTokens(a.tokensFile, slog.New(slog.DiscardHandler)); err != nil {
			r.Fault("auth.tokens_file", "%v", err)
		}
	}
	if a.audience != "" && !a.kubernetes {
		r.Fault("auth.kubernetes_audience", "is for auth.kubernetes, which is off")
	}
	return a
}

// open makes what the configuration says; no TLS is nil.
func (a auth) open(log *slog.Logger) (access httpapi.Access, speaks *tls.Config, err error) {
	access = httpapi.Access{Certificates: a.files.ClientCA != "", Everybody: !a.asks()}
	if access.Everybody {
		log.Warn("everybody who reaches this address may post records")
	}
	if a.files.Cert != "" {
		if speaks, err = a.files.Config(log); err != nil {
			return access, nil, fmt.Errorf("tls: %w", err)
		}
	}
	if a.tokensFile != "" {
		if access.Tokens, err = httpapi.OpenTokens(a.tokensFile, log); err != nil {
			return access, nil, fmt.Errorf("auth.tokens_file: %w", err)
		}
	}
	if a.kubernetes {
		access.Cluster, err = a.cluster()
	}
	return access, speaks, err
}

// review is how long the API server may take to say who somebody is.
const review = 3 * time.Second

func (a auth) cluster() (*httpapi.Cluster, error) {
	rest, err := ctrl.GetConfig()
	if err != nil {
		return nil, fmt.Errorf("find the cluster: %w", err)
	}
	rest.QPS, rest.Burst = 100, 200 // answers are remembered; what is left are strangers
	clients, err := kubernetes.NewForConfig(rest)
	if err != nil {
		return nil, fmt.Errorf("connect to the cluster: %w", err)
	}
	c := &httpapi.Cluster{
		Tokens: clients.AuthenticationV1().TokenReviews(), Access: clients.AuthorizationV1().SubjectAccessReviews(), Timeout: review,
	}
	if a.audience != "" {
		c.Audiences = []string{a.audience}
	}
	return c, nil
}
