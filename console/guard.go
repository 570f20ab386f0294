package console

import (
	"context"
	"errors"
	"net/http"
	"net/url"
)

// Guard tells who visits. Its errors are [ErrUnknown], [ErrForbidden], or others,
// which mean that it cannot tell just now.
type Guard interface {
	// Visitor is who sends a request by what it carries beside cookies: a header, a
	// certificate, or nothing where everybody may read.
	Visitor(*http.Request) (Visitor, error)
	// Holder is who has a token.
	Holder(ctx context.Context, token string) (Visitor, error)
}

// Visitor is who reads.
type Visitor interface {
	// Name is that under which others know him; "": everybody.
	Name() string
	// May tells whether he may get or list records of a cluster and of what was done in
	// a namespace ("": in all).
	May(ctx context.Context, verb, cluster, namespace string) error
}

// What a [Guard] says.
var (
	ErrUnknown   = errors.New("nobody knows who sends this")
	ErrForbidden = errors.New("that is not allowed")
)

// What a visitor may do.
const (
	verbGet  = "get"
	verbList = "list"
)

// page is a question of a visitor's and what the template shows of the answer.
type page func(context.Context, Visitor, *http.Request) (*view, *fault)

// read makes a handler of a page: who visits is asked first.
func (c *console) read(name string, answer page) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		who, refused := c.visitor(w, r)
		if who == nil {
			if refused != nil {
				c.fail(w, r, nil, refused)
			}
			return
		}
		ctx, cancel := context.WithTimeout(r.Context(), answerTime)
		defer cancel()
		v, wrong := answer(ctx, who, r)
		if wrong != nil && v == nil {
			c.fail(w, r, who, wrong)
			return
		}
		v.page = name
		if wrong != nil { // the page shows it itself
			v.status, v.Faults = wrong.status, wrong.faults
			if v.Detail = wrong.detail; len(wrong.faults) == 0 {
				v.Problem = wrong.title
			}
		}
		c.show(w, r, who, v)
	}
}

// visitor tells who sends a request, or sends whom nobody knows to the login page.
// A request that says by itself who sends it is not asked for its cookie.
func (c *console) visitor(w http.ResponseWriter, r *http.Request) (Visitor, *fault) {
	who, err := c.Guard.Visitor(r)
	if errors.Is(err, ErrUnknown) && r.Header.Get("Authorization") == "" {
		token, ok := c.session(r)
		if ok {
			who, err = c.Guard.Holder(r.Context(), token)
		}
		if !ok && r.Header.Get("Sec-Fetch-Site") == "cross-site" {
			// A link from elsewhere: a strict cookie comes only when a page of ours asks.
			w.Header().Set("Refresh", "0; url="+inside(r.URL.RequestURI()))
			return nil, &fault{status: http.StatusOK, title: "One moment", detail: "You came from another site. Load this page again if nothing happens."}
		}
		if errors.Is(err, ErrUnknown) {
			http.Redirect(w, r, "/login?to="+url.QueryEscape(r.URL.RequestURI()), http.StatusSeeOther)
			return nil, nil
		}
	}
	if err != nil {
		return nil, c.refusal(err, "")
	}
	return who, nil
}

// refusal is what a visitor hears of a Guard's error; advice is what to do where
// something is not allowed.
func (c *console) refusal(err error, advice string) *fault {
	switch {
	case errors.Is(err, ErrUnknown):
		return &fault{status: http.StatusUnauthorized, title: "Nobody knows who you are", detail: "The credentials that came with the request are not known."}
	case errors.Is(err, ErrForbidden):
		return &fault{status: http.StatusForbidden, title: "You may not read that", detail: advice}
	}
	c.complain("nobody tells who a visitor is", err)
	return &fault{status: http.StatusServiceUnavailable, title: "Nobody can tell who you are just now", detail: "The cluster does not answer. Try again in a moment."}
}

// everywhere is refused to who may not list records of all clusters and namespaces.
func (c *console) everywhere(ctx context.Context, who Visitor) *fault {
	if err := who.May(ctx, verbList, "", ""); err != nil {
		return c.refusal(err, "It tells of all clusters and namespaces, which takes verb list on audits.auditflow.io in all of them.")
	}
	return nil
}
