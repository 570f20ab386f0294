package main

import (
	"context"
	"crypto/rand"
	"fmt"
	"net/http"
	"os"
	"strings"
	"time"

	"github.com/google/uuid"
	rbacv1 "k8s.io/api/rbac/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/yaml"

	"github.com/auditflow/auditflow/httpapi"
)

func (s *stage) unattended() trial {
	return trial{
		alerts: []string{"AuditRecordsUnattended"},
		also:   []string{"AuditDeliverySlow"},
		fault:  "the controller's role loses the right to patch executions",
		cure:   "deploy/rbac is applied again",
		inject: func(ctx context.Context) error {
			role, err := shippedRole()
			if err != nil {
				return err
			}
			patched := 0
			for i := range role.Rules {
				rule := &role.Rules[i]
				if len(rule.Resources) == 1 && rule.Resources[0] == "kubernetesexecutions" {
					rule.Verbs = []string{"get", "list", "watch", "delete"}
					patched++
				}
			}
			if patched != 1 {
				return fmt.Errorf("%s has %d rules for executions", roleFile, patched)
			}
			return s.apply(ctx, role)
		},
		mend: func(ctx context.Context) error {
			role, err := shippedRole()
			if err != nil {
				return err
			}
			return s.apply(ctx, role)
		},
	}
}

func shippedRole() (*rbacv1.ClusterRole, error) {
	text, err := os.ReadFile(roleFile)
	if err != nil {
		return nil, err
	}
	role := &rbacv1.ClusterRole{}
	return role, yaml.UnmarshalStrict(text, role)
}

// apply has the rules of a role be those.
func (s *stage) apply(ctx context.Context, role *rbacv1.ClusterRole) error {
	there := &rbacv1.ClusterRole{}
	if err := s.executor.Client.Get(ctx, types.NamespacedName{Name: role.Name}, there); err != nil {
		return err
	}
	before := there.DeepCopy()
	there.Rules = role.Rules
	return s.executor.Client.Patch(ctx, there, client.MergeFrom(before))
}

func (s *stage) flood() trial {
	var stop context.CancelFunc
	ended := make(chan struct{})
	tokens := s.tokensFile()
	var before []byte
	return trial{
		alerts: []string{"AuditDoorRefuses"},
		fault:  "a client with a token of its own posts many more records than limits.rate",
		cure:   "its token is taken away",
		inject: func(ctx context.Context) (err error) {
			var flooding context.Context
			flooding, stop = context.WithCancel(ctx)
			token := rand.Text()
			if before, err = os.ReadFile(tokens); err != nil {
				return err
			}
			if err := extend(tokens, "flood "+token+"\n"); err != nil {
				return err
			}
			go func() { defer close(ended); s.pour(flooding, token) }()
			return nil
		},
		mend: func(context.Context) error {
			err := os.WriteFile(tokens, before, 0o600)
			defer func() { stop(); <-ended }()
			for deadline := time.Now().Add(30 * time.Second); time.Now().Before(deadline); time.Sleep(time.Second / 4) {
				select {
				case <-ended: // it was shown the door
					return err
				default:
				}
			}
			return fmt.Errorf("the client without a token is not turned away: %w", err)
		},
	}
}

// pour posts batches until ctx ends or the token is not taken any more.
func (s *stage) pour(ctx context.Context, token string) {
	known := false
	for ctx.Err() == nil {
		batch := make([]any, 10)
		for i := range batch {
			batch[i] = record(uuid.NewString(), "flood")
		}
		status, err := s.postAs(ctx, token, httpapi.PathBatch, batch)
		switch {
		case err == nil && status == http.StatusUnauthorized && known:
			return
		case err == nil && status != http.StatusUnauthorized:
			known = true
		}
		select {
		case <-ctx.Done():
		case <-time.After(200 * time.Millisecond):
		}
	}
}

func (s *stage) noController() trial {
	return trial{
		alerts: []string{"AuditControllerAbsent"},
		also:   []string{"AuditDeliverySlow"},
		fault:  "the controller is stopped",
		cure:   "the controller is started",
		inject: s.product.Controller.Stop,
		mend:   s.product.Controller.Start,
	}
}

// tokensFile is that of the API.
func (s *stage) tokensFile() string { return strings.TrimSuffix(s.doorKeys, "keyset.json") + "tokens" }
