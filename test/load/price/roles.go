package price

import (
	"context"

	"github.com/auditflow/auditflow/test/load/turn"
)

// Serve carries out orders with what a process can do, until there are no more.
type Serve func(ctx context.Context, works map[string]turn.Work) error

// Roles are what a process of this program can be.
func Roles() map[string]func(context.Context, Place, Serve) error {
	return map[string]func(context.Context, Place, Serve) error{
		roleStarter: func(ctx context.Context, p Place, serve Serve) error {
			s, err := NewStarter(p)
			if err != nil {
				return err
			}
			defer s.Close()
			return serve(ctx, s.Works())
		},
		roleFloor: func(ctx context.Context, p Place, serve Serve) error {
			return RunFloor(ctx, p, func(ctx context.Context) error { return serve(ctx, nil) })
		},
		roleEmbedded: func(ctx context.Context, p Place, serve Serve) error {
			return RunEmbedded(ctx, p, func(ctx context.Context, s *Starter) error { return serve(ctx, s.Works()) })
		},
	}
}
