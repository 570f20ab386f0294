package world

import (
	"context"
	"fmt"
)

// Compact has etcd forget all but the present state of the cluster. Who wants to
// watch from an earlier version is told that it is gone (410), once the API server
// has forgotten what it remembers itself; KillAPIServer sees to that.
func (k *Kube) Compact(ctx context.Context) error {
	var now struct {
		Header struct {
			Revision string `json:"revision"` // a number, as etcd's gateway has it
		} `json:"header"`
	}
	if err := k.etcd(ctx, "/v3/kv/range", keyValue{Key: []byte("/")}, &now); err != nil {
		return fmt.Errorf("kubernetes: compact: %w", err)
	}
	if err := k.etcd(ctx, "/v3/kv/compaction", map[string]any{"revision": now.Header.Revision, "physical": true}, &struct{}{}); err != nil {
		return fmt.Errorf("kubernetes: compact: %w", err)
	}
	return nil
}
