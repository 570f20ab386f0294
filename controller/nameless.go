package controller

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"

	"github.com/go-logr/logr"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"
)

// Somebody chose the names of executions, of their namespaces and of their Jobs,
// and may have put a secret into one. What is secret in them only a redactor
// tells that has the whole record. So this package's log tells executions by
// UID, which kubectl, the workflow id and the row know as well, and errors of the
// API server, which quote names and addresses made of names, are told in words
// of our own.

// apiError is an error of the API server or on the way to it, without names.
type apiError struct {
	doing string
	uid   types.UID // "" if it is not known
	err   error
}

func (e *apiError) Error() string {
	if e.uid == "" {
		return fmt.Sprintf("%s: %s", e.doing, nameless(e.err))
	}
	return fmt.Sprintf("%s %s: %s", e.doing, e.uid, nameless(e.err))
}

func (e *apiError) Unwrap() error { return e.err }

// nameless says what went wrong as far as that can be said without names. It
// lets through what is known to have none, instead of taking out what is known
// to be one.
func nameless(err error) string {
	var answer apierrors.APIStatus
	if errors.As(err, &answer) {
		code := int(answer.Status().Code)
		return fmt.Sprintf("the API server answers %d %s", code, http.StatusText(code))
	}
	var request *url.Error // quotes the address, and has a cause that does not
	reached := true
	for errors.As(err, &request) {
		err, reached = request.Err, false
	}
	switch {
	case !reached:
		return fmt.Sprintf("the API server cannot be asked: %v", err)
	case errors.Is(err, context.DeadlineExceeded):
		return context.DeadlineExceeded.Error()
	case errors.Is(err, context.Canceled):
		return context.Canceled.Error()
	}
	return fmt.Sprintf("an error of type %T", err)
}

// namelessLog is what a reconciler logs to. controller-runtime's own would add
// namespace and name of the object to every line.
func namelessLog(log logr.Logger, s Source) func(*reconcile.Request) logr.Logger {
	log = log.WithValues("controller", controllerName(s), "controllerGroup", s.Kind().Group, "controllerKind", s.Kind().Kind)
	return func(*reconcile.Request) logr.Logger { return log }
}
