package httpapi

import (
	"context"
	"net/http"
	"strings"

	authenticationv1 "k8s.io/api/authentication/v1"
)

// Access tells who a client is and what it may do. It is safe for concurrent use
// and logs nothing of credentials; the zero value knows nobody.
//
// Who has a certificate of the right authority may record and read everything; who has a
// token of the file, too, unless its line says of what only; who has a token of the
// cluster, what its RBAC says.
type Access struct {
	// Tokens are those of a file; nil: none.
	Tokens *Tokens
	// Certificates lets in who has shown a certificate that TLS has verified.
	Certificates bool
	// Cluster knows the tokens of a cluster; nil: none does.
	Cluster *Cluster
	// Everybody lets in who shows nothing at all, too.
	Everybody bool
}

// principal is who sends a request. Its name is the same for every request of the
// same client, and no other client's.
type principal struct {
	name string
	user *authenticationv1.UserInfo // of the cluster; nil: not of a cluster
	only realm                      // what else it is limited to
}

// authenticate tells who sends a request, or refuses it.
func (a Access) authenticate(r *http.Request) (principal, *Problem) {
	credentials := r.Header.Values("Authorization")
	switch {
	case len(credentials) == 1:
		return a.bearer(r.Context(), credentials[0])
	case len(credentials) > 1:
		return principal{}, unauthorized("there is more than one Authorization")
	case a.Certificates && r.TLS != nil && len(r.TLS.VerifiedChains) > 0:
		return principal{name: "certificate:" + r.TLS.VerifiedChains[0][0].Subject.String()}, nil
	case a.Everybody:
		return principal{}, nil
	}
	return principal{}, unauthorized("no credentials")
}

func (a Access) bearer(ctx context.Context, credentials string) (principal, *Problem) {
	scheme, token, _ := strings.Cut(credentials, " ")
	token = strings.TrimSpace(token)
	if !strings.EqualFold(scheme, "Bearer") || token == "" {
		return principal{}, unauthorized("the Authorization is not a bearer token")
	}
	if a.Tokens != nil {
		if who, ok := a.Tokens.ownerOf(token); ok {
			return principal{name: "token:" + who.name, only: who.only}, nil
		}
	}
	if a.Cluster != nil {
		return a.Cluster.review(ctx, token)
	}
	return principal{}, unauthorized("the token is not known")
}

// allows tells whether somebody may create, get or list records of a cluster and of
// what was done in a namespace ("": in none or several, which takes the right for all).
func (a Access) allows(ctx context.Context, who principal, verb, cluster, namespace string) *Problem {
	if p := who.only.allows(cluster, namespace); p != nil || who.user == nil {
		return p
	}
	return a.Cluster.allows(ctx, who.user, verb, cluster, namespace)
}

func unauthorized(detail string) *Problem {
	return problem(http.StatusUnauthorized, "unauthorized", "Nobody knows who sends this", detail)
}

func forbidden(detail string) *Problem {
	return problem(http.StatusForbidden, "forbidden", "That is not allowed", detail)
}
