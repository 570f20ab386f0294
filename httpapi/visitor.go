package httpapi

import (
	"context"
	"net/http"
)

// Visitor is somebody who reads through pages beside the API, with the same rights.
type Visitor struct {
	access Access
	who    principal
}

// Visit tells who sends a request by what the API looks at, or why that is not known.
func (a Access) Visit(r *http.Request) (Visitor, *Problem) {
	who, p := a.authenticate(r)
	return Visitor{a, who}, p
}

// VisitWith tells who has a token.
func (a Access) VisitWith(ctx context.Context, token string) (Visitor, *Problem) {
	who, p := a.bearer(ctx, "Bearer "+token)
	return Visitor{a, who}, p
}

// Name is the same for every request of the same client; "" where everybody may read
// and nothing tells who it is.
func (v Visitor) Name() string { return v.who.name }

// May tells whether the visitor may get or list records of a cluster and of what was
// done in a namespace ("": in all); nil: he may.
func (v Visitor) May(ctx context.Context, verb, cluster, namespace string) *Problem {
	return v.access.allows(ctx, v.who, verb, cluster, namespace)
}
