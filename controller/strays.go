package controller

import (
	"context"
	"fmt"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/util/wait"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/manager"
)

// Strays are objects that an earlier configuration held and this one does not
// watch: their source was switched off, or chooses others now. Nobody would ever
// take the finalizer off them, so whoever becomes the leader does, once.

// addStrays looks for strays among the kinds that are not watched in full.
func addStrays(mgr manager.Manager, watched []Watched) error {
	log := mgr.GetLogger().WithName("strays")
	// The manager's own client would watch and remember what it lists.
	api, err := client.New(mgr.GetConfig(), client.Options{HTTPClient: mgr.GetHTTPClient(), Scheme: mgr.GetScheme(), Mapper: mgr.GetRESTMapper()})
	if err != nil {
		return fmt.Errorf("connect to look for strays: %w", err)
	}
	err = mgr.Add(manager.RunnableFunc(func(ctx context.Context) error {
		for s, release := range straysOf(watched) {
			release.Client = api
			again := wait.Backoff{Duration: time.Second, Factor: 2, Steps: 10, Cap: 5 * time.Minute}
			_ = wait.ExponentialBackoffWithContext(ctx, again, func(ctx context.Context) (bool, error) {
				done, err := release.Run(ctx, s)
				if done.Released > 0 {
					log.Info("let go of objects that are not watched any more", "source", done.Source, "objects", done.Released)
				}
				if err != nil && ctx.Err() == nil {
					log.Error(err, "cannot look for objects that are held and not watched any more", "source", done.Source)
				}
				// Who may not list the kind everywhere has held nothing there.
				return err == nil || apierrors.IsForbidden(err), nil
			})
		}
		return nil
	}))
	if err != nil {
		return fmt.Errorf("add strays: %w", err)
	}
	return nil
}

// straysOf says for which sources to look for strays, and how.
func straysOf(watched []Watched) map[Source]Release {
	look := map[Source]Release{}
	for _, s := range Sources() {
		look[s] = Release{Unpersisted: true}
		for _, w := range watched {
			switch {
			case w.Source.Kind() != s.Kind():
			case selective(w.Source):
				look[s] = Release{Unpersisted: true, Spare: w.Source.Records}
			default:
				delete(look, s)
			}
		}
	}
	return look
}
