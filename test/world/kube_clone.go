package world

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"path"

	"golang.org/x/sync/errgroup"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

// clonesAtOnce is how many objects one transaction writes; etcd takes 128.
const clonesAtOnce = 100

// Clone copies an object n times, in etcd, as the API server has stored it:
// thousands a second, where creating them takes minutes. change gives each copy
// what must differ, at least name and UID. It is for custom resources, which are
// stored as JSON; resource is as in "group/resources".
func (k *Kube) Clone(ctx context.Context, resource, namespace, name string, n int, change func(i int, o *unstructured.Unstructured)) error {
	folder := path.Join("/registry", resource, namespace)
	template, err := k.stored(ctx, path.Join(folder, name))
	if err != nil {
		return fmt.Errorf("kubernetes: clone %s: %w", name, err)
	}
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(4)
	for from := 0; from < n; from += clonesAtOnce {
		group.Go(func() error {
			var puts []any
			for i := from; i < min(from+clonesAtOnce, n); i++ {
				o := template.DeepCopy()
				change(i, o)
				text, err := o.MarshalJSON()
				if err != nil {
					return err
				}
				puts = append(puts, map[string]any{"requestPut": keyValue{[]byte(path.Join(folder, o.GetName())), text}})
			}
			return k.etcd(ctx, "/v3/kv/txn", map[string]any{"success": puts}, &struct{}{})
		})
	}
	return group.Wait()
}

// keyValue is in base64, as etcd's gateway has it.
type keyValue struct {
	Key   []byte `json:"key"`
	Value []byte `json:"value,omitempty"`
}

func (k *Kube) stored(ctx context.Context, key string) (*unstructured.Unstructured, error) {
	var found struct {
		Items []keyValue `json:"kvs"`
	}
	if err := k.etcd(ctx, "/v3/kv/range", keyValue{Key: []byte(key)}, &found); err != nil {
		return nil, err
	}
	if len(found.Items) != 1 {
		return nil, errors.New("etcd does not have it")
	}
	o := &unstructured.Unstructured{}
	return o, o.UnmarshalJSON(found.Items[0].Value)
}

func (k *Kube) etcd(ctx context.Context, call string, question, answer any) error {
	body, err := json.Marshal(question)
	if err != nil {
		return err
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, k.env.ControlPlane.Etcd.URL.String()+call, bytes.NewReader(body))
	if err != nil {
		return err
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return fmt.Errorf("ask etcd: %w", err)
	}
	defer res.Body.Close()
	if res.StatusCode != http.StatusOK {
		return fmt.Errorf("etcd answers %s", res.Status)
	}
	return json.NewDecoder(res.Body).Decode(answer)
}
