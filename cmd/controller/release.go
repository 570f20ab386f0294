package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os/signal"
	"syscall"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"
	coordinationv1 "k8s.io/api/coordination/v1"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/auditflow/auditflow/controller"
	"github.com/auditflow/auditflow/internal/daemon"
)

// leaseName is the lease that the leading controller holds.
const leaseName = "auditflow-controller"

const releaseHelp = `Takes the finalizer audit.kubernaut.io/delivery off every object of the cluster that
has it: KubernetesExecutions and Jobs, in all namespaces, watched or not. Run it
after the last controller has stopped and before you delete the CRD or the role:
nobody else would take it off, and an object with a finalizer cannot be deleted.

The cluster is found as kubectl finds it (KUBECONFIG, ~/.kube/config) or, in a pod,
from its service account; deploy/rbac is enough for it. There is no configuration
file. Running it again is harmless.

An object whose record is not persisted yet keeps its finalizer, unless you say
--unpersisted: then nobody records it any more. To have them recorded instead, let
the controller run until this command finds none:

  controller release --dry-run                  # what is held, how much of it has no row yet
  kubectl -n auditflow scale deployment/auditflow-controller --replicas=0
  controller release

It refuses to start while a controller holds the lease "auditflow-controller", which
would put the finalizers back. --force is for a lease that nobody renews any more,
or that you may not list. A controller without leader election has no lease: stop it.

Progress goes to stderr and the summary to stdout, with -o json one object:
{"dry_run", "sources": [{"source", "objects", "held", "unpersisted", "released",
"kept", "failed"}]}

Exit codes: 0 nothing is held any more (or a dry run that could list everything),
1 some objects still are, or it could not begin, 2 flags wrong.`

type releaseFlags struct {
	dryRun, unpersisted, force bool
	output                     string
}

func releaseCommand() *cobra.Command {
	var f releaseFlags
	cmd := &cobra.Command{
		Use: "release", Short: "take the finalizers off all objects, before uninstalling", Long: releaseHelp, Args: cobra.NoArgs,
		Example: "  controller release --dry-run -o json | jq '.sources[].unpersisted'",
		RunE: func(cmd *cobra.Command, _ []string) error {
			if f.output != "table" && f.output != "json" {
				return fmt.Errorf("--output: want table or json, not %q", f.output)
			}
			if err := f.run(cmd.Context(), cmd.OutOrStdout(), cmd.ErrOrStderr()); err != nil {
				return daemon.WorkError{Err: err}
			}
			return nil
		},
	}
	flags := cmd.Flags()
	flags.BoolVar(&f.dryRun, "dry-run", false, "count, and change nothing")
	flags.BoolVar(&f.unpersisted, "unpersisted", false, "let go also of objects whose record is not persisted yet; it never will be")
	flags.BoolVar(&f.force, "force", false, "do not look whether a controller holds the lease")
	flags.StringVarP(&f.output, "output", "o", "table", "summary as table or json")
	return cmd
}

func (f releaseFlags) run(ctx context.Context, stdout, stderr io.Writer) error {
	ctx, stop := signal.NotifyContext(ctx, syscall.SIGINT, syscall.SIGTERM)
	defer stop()
	api, err := releaseClient()
	if err != nil {
		return err
	}
	if !f.force && !f.dryRun {
		if err := nobodyLeads(ctx, api, time.Now()); err != nil {
			return err
		}
	}
	var all []controller.Released
	var failed error
	for _, s := range controller.Sources() {
		release := controller.Release{
			Client: api, Unpersisted: f.unpersisted, DryRun: f.dryRun,
			Progress: func(r controller.Released) {
				fmt.Fprintf(stderr, "%s: %d looked at, %d held\n", r.Source, r.Looked, r.Held)
			},
		}
		done, err := release.Run(ctx, s)
		all, failed = append(all, done), errors.Join(failed, err)
	}
	return errors.Join(f.tell(stdout, all), f.verdict(all, failed))
}

// verdict says what is left to do.
func (f releaseFlags) verdict(all []controller.Released, failed error) error {
	kept := 0
	for _, r := range all {
		kept += r.Kept
	}
	if kept > 0 && !f.dryRun {
		failed = errors.Join(failed, fmt.Errorf("%d objects are held still, for their records are not persisted yet: "+
			"let the controller persist them, or give them up with --unpersisted", kept))
	}
	return failed
}

func (f releaseFlags) tell(stdout io.Writer, all []controller.Released) error {
	if f.output == "json" {
		encoder := json.NewEncoder(stdout)
		return encoder.Encode(map[string]any{"dry_run": f.dryRun, "sources": all})
	}
	released := "RELEASED"
	if f.dryRun {
		released = "WOULD BE RELEASED"
	}
	table := tabwriter.NewWriter(stdout, 0, 0, 2, ' ', 0)
	fmt.Fprintf(table, "SOURCE\tOBJECTS\tHELD\tUNPERSISTED\t%s\tKEPT\tFAILED\n", released)
	for _, r := range all {
		fmt.Fprintf(table, "%s\t%d\t%d\t%d\t%d\t%d\t%d\n", r.Source, r.Looked, r.Held, r.Unpersisted, r.Released, r.Kept, r.Failed)
	}
	return table.Flush()
}

func releaseClient() (client.Client, error) {
	rest, err := ctrl.GetConfig()
	if err != nil {
		return nil, fmt.Errorf("find the cluster: %w", err)
	}
	rest.QPS = -1
	scheme, err := controller.Scheme()
	if err != nil {
		return nil, err
	}
	api, err := client.New(rest, client.Options{Scheme: scheme})
	if err != nil {
		return nil, fmt.Errorf("connect to the cluster: %w", err)
	}
	return api, nil
}

// nobodyLeads looks for a lease that somebody renews, in all namespaces: where
// the controller runs is no business of who uninstalls it.
func nobodyLeads(ctx context.Context, api client.Client, now time.Time) error {
	var leases coordinationv1.LeaseList
	if err := api.List(ctx, &leases, client.MatchingFields{"metadata.name": leaseName}); err != nil {
		return fmt.Errorf("look whether a controller runs (--force does not look): %w", err)
	}
	for _, lease := range leases.Items {
		if held(lease.Spec, now) {
			return fmt.Errorf("a controller holds the lease %s in namespace %s and would put the finalizers back: stop it first",
				lease.Name, lease.Namespace)
		}
	}
	return nil
}

// held tells whether somebody leads. A lease that was given back has no holder;
// one whose holder was killed runs out.
func held(lease coordinationv1.LeaseSpec, now time.Time) bool {
	if lease.HolderIdentity == nil || *lease.HolderIdentity == "" {
		return false
	}
	if lease.RenewTime == nil || lease.LeaseDurationSeconds == nil {
		return true
	}
	return now.Before(lease.RenewTime.Add(time.Duration(*lease.LeaseDurationSeconds) * time.Second))
}
