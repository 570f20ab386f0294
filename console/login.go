package console

import (
	"crypto/rand"
	"crypto/subtle"
	"encoding/base64"
	"errors"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
)

// A login is a cookie with the token that was given, and until when it counts. It
// is no more than the token: the token is asked about with every request, so one that
// is taken back ends its logins, and processes share nothing. The API takes no cookie:
// nothing can be posted with it.
const (
	sessionCookie = "auditflow-session"
	csrfCookie    = "auditflow-form"
	// maxCookie is what browsers keep, less name and attributes.
	maxCookie = 3800
	// maxLogin bounds the body of a form, in bytes.
	maxLogin = 16 << 10
)

// loginPage is what the page of a login shows.
type loginPage struct {
	To     string // the page to go on to
	Wrong  string // what was wrong with the last attempt
	Secure bool
}

func (c *console) askToken(w http.ResponseWriter, r *http.Request) {
	c.loginForm(w, r, http.StatusOK, r.URL.Query().Get("to"), "")
}

func (c *console) loginForm(w http.ResponseWriter, r *http.Request, status int, to, wrong string) {
	c.show(w, r, nil, &view{page: "login", title: "Log in", status: status, Body: loginPage{inside(to), wrong, encrypted(r)}})
}

// login takes a token and remembers it in a cookie.
func (c *console) login(w http.ResponseWriter, r *http.Request) {
	if wrong := c.checkForm(w, r); wrong != nil {
		c.fail(w, r, nil, wrong)
		return
	}
	to, token := r.PostForm.Get("to"), strings.TrimSpace(r.PostForm.Get("token"))
	until := c.Now().Add(c.Session)
	value := strconv.FormatInt(until.Unix(), 10) + "." + base64.RawURLEncoding.EncodeToString([]byte(token))
	switch {
	case token == "":
		c.loginForm(w, r, http.StatusBadRequest, to, "Token: is required")
		return
	case len(value) > maxCookie:
		c.loginForm(w, r, http.StatusBadRequest, to, "Token: is longer than a browser would remember")
		return
	}
	_, err := c.Guard.Holder(r.Context(), token)
	switch {
	case errors.Is(err, ErrUnknown):
		c.loginForm(w, r, http.StatusUnauthorized, to, "Token: is not known")
		return
	case err != nil:
		c.fail(w, r, nil, c.refusal(err, ""))
		return
	}
	http.SetCookie(w, c.cookie(r, sessionCookie, value, c.Session))
	http.SetCookie(w, c.cookie(r, csrfCookie, rand.Text(), c.Session)) // not that of somebody who was here before
	http.Redirect(w, r, inside(to), http.StatusSeeOther)               //nolint:gosec // inside leads nowhere else
}

func (c *console) logout(w http.ResponseWriter, r *http.Request) {
	if wrong := c.checkForm(w, r); wrong != nil {
		c.fail(w, r, nil, wrong)
		return
	}
	http.SetCookie(w, c.cookie(r, sessionCookie, "", 0))
	http.SetCookie(w, c.cookie(r, csrfCookie, "", 0))
	http.Redirect(w, r, "/login", http.StatusSeeOther)
}

// checkForm takes a form from no page but ours: browsers tell where it comes from,
// and it repeats what only we have set as a cookie.
func (c *console) checkForm(w http.ResponseWriter, r *http.Request) *fault {
	foreign := &fault{status: http.StatusForbidden, title: "The form is not from this page", detail: "Load the page again. Cookies must be allowed for it."}
	if c.origin.Check(r) != nil {
		return foreign
	}
	r.Body = http.MaxBytesReader(w, r.Body, maxLogin)
	if err := r.ParseForm(); err != nil {
		return &fault{status: http.StatusBadRequest, title: "That is no form", detail: "It is not well-formed or too large."}
	}
	cookie, err := r.Cookie(named(r, csrfCookie))
	if err != nil || cookie.Value == "" || subtle.ConstantTimeCompare([]byte(cookie.Value), []byte(r.PostForm.Get("form"))) != 1 {
		return foreign
	}
	return nil
}

// csrf is what forms of this browser repeat.
func (c *console) csrf(w http.ResponseWriter, r *http.Request) string {
	if cookie, err := r.Cookie(named(r, csrfCookie)); err == nil && len(cookie.Value) == len(rand.Text()) {
		return cookie.Value
	}
	value := rand.Text()
	http.SetCookie(w, c.cookie(r, csrfCookie, value, c.Session))
	return value
}

// session is the token of a login that still counts.
func (c *console) session(r *http.Request) (token string, ok bool) {
	cookie, err := r.Cookie(named(r, sessionCookie))
	if err != nil {
		return "", false
	}
	until, encoded, _ := strings.Cut(cookie.Value, ".")
	seconds, err := strconv.ParseInt(until, 10, 64)
	if err != nil || !c.Now().Before(time.Unix(seconds, 0)) {
		return "", false
	}
	decoded, err := base64.RawURLEncoding.DecodeString(encoded)
	return string(decoded), err == nil && len(decoded) > 0
}

// cookie makes one that no script reads and no other site's page sends; lasting 0
// takes it away.
func (c *console) cookie(r *http.Request, name, value string, lasting time.Duration) *http.Cookie {
	made := &http.Cookie{ //nolint:gosec // Secure where there is TLS: without it, it would not come back
		Name: named(r, name), Value: value, Path: "/", HttpOnly: true, SameSite: http.SameSiteStrictMode, Secure: encrypted(r),
		MaxAge: int(lasting / time.Second),
	}
	if lasting <= 0 {
		made.MaxAge = -1
	}
	return made
}

// named is a cookie's name: with __Host- browsers take it from this host alone, by TLS.
func named(r *http.Request, name string) string {
	if encrypted(r) {
		return "__Host-" + name
	}
	return name
}

// encrypted tells that the browser speaks TLS, with us or with a proxy before us. Who
// claims it wrongly gets a cookie that his browser does not keep.
func encrypted(r *http.Request) bool {
	return r.TLS != nil || strings.EqualFold(r.Header.Get("X-Forwarded-Proto"), "https")
}

// inside is a path of ours to go on to, "/" instead of anything else: a login must not
// lead elsewhere.
func inside(to string) string {
	u, err := url.Parse(to)
	if err != nil || u.Scheme != "" || u.Host != "" || u.Opaque != "" || !strings.HasPrefix(to, "/") ||
		strings.HasPrefix(to, "//") || strings.ContainsAny(to, "\\\r\n\t") || strings.HasPrefix(u.Path, "/log") {
		return "/"
	}
	return to
}
