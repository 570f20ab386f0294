package httpapi

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"sync"
	"time"

	authenticationv1 "k8s.io/api/authentication/v1"
	authorizationv1 "k8s.io/api/authorization/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	authentication "k8s.io/client-go/kubernetes/typed/authentication/v1"
	authorization "k8s.io/client-go/kubernetes/typed/authorization/v1"
)

// Cluster asks the API server of a cluster who has a token (TokenReview) and what
// its owner may do (SubjectAccessReview): verbs create, get and list on resource audits of API
// group auditflow.io, which exists nowhere but in RBAC rules, in the namespace
// that was acted upon, and of the name of the cluster that the record is of: a rule
// with resourceNames is for these clusters. Answers count for ten seconds.
type Cluster struct {
	Tokens authentication.TokenReviewInterface
	Access authorization.SubjectAccessReviewInterface
	// Audiences are those that a token may be for; none: the API server's own.
	Audiences []string
	// Timeout bounds one question.
	Timeout time.Duration

	reviews answers[*authenticationv1.UserInfo]
	rights  answers[bool]
}

// The virtual resource of RBAC rules.
const (
	Group    = "auditflow.io"
	Resource = "audits"
)

// review tells who has a token.
func (c *Cluster) review(ctx context.Context, token string) (principal, *Problem) {
	user, known := c.reviews.get(token)
	if !known {
		ctx, cancel := context.WithTimeout(ctx, c.Timeout)
		defer cancel()
		answer, err := c.Tokens.Create(ctx, &authenticationv1.TokenReview{
			Spec: authenticationv1.TokenReviewSpec{Token: token, Audiences: c.Audiences},
		}, metav1.CreateOptions{})
		if err != nil { // its text may quote the request
			return principal{}, unavailable("the cluster cannot be asked who has the token")
		}
		if answer.Status.Authenticated && c.meant(answer.Status.Audiences) {
			user = &answer.Status.User
		}
		c.reviews.put(token, user)
	}
	if user == nil {
		return principal{}, unauthorized("the cluster does not take the token")
	}
	return principal{name: "user:" + user.Username, user: user}, nil
}

// meant tells whether a token is for us. An authenticator that knows nothing of
// audiences answers with none: then it is the API server's.
func (c *Cluster) meant(audiences []string) bool {
	if len(c.Audiences) == 0 {
		return true
	}
	for _, a := range audiences {
		for _, ours := range c.Audiences {
			if a == ours {
				return true
			}
		}
	}
	return false
}

func (c *Cluster) allows(ctx context.Context, user *authenticationv1.UserInfo, verb, cluster, namespace string) *Problem {
	extra := map[string]authorizationv1.ExtraValue{}
	for name, values := range user.Extra {
		extra[name] = authorizationv1.ExtraValue(values)
	}
	spec := authorizationv1.SubjectAccessReviewSpec{
		User: user.Username, UID: user.UID, Groups: user.Groups, Extra: extra,
		ResourceAttributes: &authorizationv1.ResourceAttributes{Verb: verb, Group: Group, Resource: Resource, Name: cluster, Namespace: namespace},
	}
	question, err := json.Marshal(spec)
	if err != nil {
		panic("httpapi: an access review is no JSON: " + err.Error()) // it is strings
	}
	allowed, known := c.rights.get(string(question))
	if !known {
		ctx, cancel := context.WithTimeout(ctx, c.Timeout)
		defer cancel()
		answer, err := c.Access.Create(ctx, &authorizationv1.SubjectAccessReview{Spec: spec}, metav1.CreateOptions{})
		if err != nil {
			return unavailable("the cluster cannot be asked what you may do")
		}
		allowed = answer.Status.Allowed
		c.rights.put(string(question), allowed)
	}
	if !allowed {
		return forbidden("it takes verb " + verb + " on audits.auditflow.io in the target's namespace, or in all if there is none; and for the record's cluster, or for all")
	}
	return nil
}

// answers are remembered for a while, by a digest of the question. The zero value
// is ready.
type answers[T any] struct {
	mu  sync.Mutex
	all map[[sha256.Size]byte]remembered[T]
}

type remembered[T any] struct {
	answer T
	until  time.Time
}

const (
	rememberFor  = 10 * time.Second
	rememberMost = 4096 // answers; then all are forgotten
)

func (a *answers[T]) get(question string) (answer T, known bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	r, ok := a.all[sha256.Sum256([]byte(question))]
	if !ok || time.Now().After(r.until) {
		return answer, false
	}
	return r.answer, true
}

func (a *answers[T]) put(question string, answer T) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.all == nil || len(a.all) >= rememberMost {
		a.all = map[[sha256.Size]byte]remembered[T]{}
	}
	a.all[sha256.Sum256([]byte(question))] = remembered[T]{answer, time.Now().Add(rememberFor)}
}
