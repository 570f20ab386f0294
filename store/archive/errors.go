package archive

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"net/url"
	"regexp"
	"strings"

	"github.com/aws/smithy-go"
	"gocloud.dev/gcerrors"
)

// The values of [Class], a bounded set fit for metric labels.
const (
	ClassTimeout    = "timeout"    // a deadline passed
	ClassCanceled   = "canceled"   // the caller gave up
	ClassConnection = "connection" // the bucket was not reached, or the answer broke off
	ClassPermission = "permission" // not let in, or not allowed to do this
	ClassNotFound   = "not_found"  // no such bucket, or an object that must be there is not
	ClassAltered    = "altered"    // an object or a row is not what was written
	ClassLocked     = "locked"     // object lock forbids the deletion
	ClassArchive    = "archive"    // anything else
)

// ErrOutrun is what [Archive.Publish] fails with when another run has published
// other rows of the period meanwhile: what is archived must be looked up again.
var ErrOutrun = errors.New("another run has published a manifest of this period meanwhile")

// Error is a failure to do something in the archive. Its text holds no content
// of records and no credentials.
type Error struct {
	// Doing is what we were doing, with the object's key where there is one.
	Doing string
	class string
	cause error
}

func (e *Error) Error() string { return e.Doing + ": " + explain(e.cause) }

// Unwrap returns the cause, whose own text may hold parts of a URL.
func (e *Error) Unwrap() error { return e.cause }

// fail adds what we were doing to an error.
func fail(err error, format string, args ...any) error {
	if err == nil {
		return nil
	}
	return &Error{Doing: fmt.Sprintf(format, args...), class: Class(err), cause: err}
}

// fault is an error of our own.
type fault struct{ class, text string }

func (f *fault) Error() string { return f.text }

func altered(format string, args ...any) error {
	return &fault{ClassAltered, fmt.Sprintf(format, args...)}
}

func missing(format string, args ...any) error {
	return &fault{ClassNotFound, fmt.Sprintf(format, args...)}
}

// RowsError names rows whose content does not have the digest that was written
// with them. They are not archived, nor is the rest of their period.
type RowsError struct {
	IDs   []string // the first of them
	Count int64
}

// namedRows is how many rows an error names.
const namedRows = 20

func (e *RowsError) add(id string) {
	if e.Count++; len(e.IDs) < namedRows {
		e.IDs = append(e.IDs, id)
	}
}

func (e *RowsError) Error() string {
	more := ""
	if n := e.Count - int64(len(e.IDs)); n > 0 {
		more = fmt.Sprintf(" and %d more", n)
	}
	return fmt.Sprintf("the content of %d rows does not have the digest that was written with it (record_sha256): %s%s",
		e.Count, strings.Join(e.IDs, ", "), more)
}

// Class sorts the errors of this package; nil is the empty string.
func Class(err error) string {
	if err == nil {
		return ""
	}
	if e, ok := errors.AsType[*Error](err); ok {
		return e.class
	}
	if f, ok := errors.AsType[*fault](err); ok {
		return f.class
	}
	if _, ok := errors.AsType[*RowsError](err); ok {
		return ClassAltered
	}
	switch {
	case errors.Is(err, context.Canceled):
		return ClassCanceled
	case errors.Is(err, context.DeadlineExceeded), isTimeout(err):
		return ClassTimeout
	case gcerrors.Code(err) == gcerrors.NotFound, errors.Is(err, fs.ErrNotExist):
		return ClassNotFound
	case isPermission(err):
		return ClassPermission
	case isShort(err):
		return ClassAltered
	case isConnection(err):
		return ClassConnection
	}
	return ClassArchive
}

func isTimeout(err error) bool {
	timeout, ok := errors.AsType[interface {
		error
		Timeout() bool
	}](err)
	return ok && timeout.Timeout()
}

func isPermission(err error) bool {
	if api, ok := errors.AsType[smithy.APIError](err); ok {
		switch api.ErrorCode() {
		case "AccessDenied", "Forbidden", "InvalidAccessKeyId", "SignatureDoesNotMatch", "ExpiredToken", "InvalidToken", "AccountProblem":
			return true
		}
	}
	return gcerrors.Code(err) == gcerrors.PermissionDenied || errors.Is(err, fs.ErrPermission)
}

// isShort is what S3 says when an object has no byte of those that were asked for.
func isShort(err error) bool {
	api, ok := errors.AsType[smithy.APIError](err)
	return ok && api.ErrorCode() == "InvalidRange"
}

func isConnection(err error) bool {
	if _, ok := errors.AsType[smithy.APIError](err); ok {
		return false // it answered
	}
	_, network := errors.AsType[net.Error](err)
	_, request := errors.AsType[*url.Error](err)
	return network || request || errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, net.ErrClosed)
}

// explain is the text of an error: the code and message of an answer of S3, and
// otherwise its own, without the queries of URLs, which may hold signatures.
func explain(err error) string {
	if api, ok := errors.AsType[smithy.APIError](err); ok {
		return strings.TrimSuffix(api.ErrorCode()+": "+api.ErrorMessage(), ": ")
	}
	if errors.Is(err, context.DeadlineExceeded) || errors.Is(err, context.Canceled) {
		return contextError(err).Error()
	}
	return queries.ReplaceAllString(err.Error(), "$1")
}

//nolint:gochecknoglobals // a constant that takes a call to write
var queries = regexp.MustCompile(`(https?://[^\s"?]*)\?[^\s"]*`)

func contextError(err error) error {
	if errors.Is(err, context.Canceled) {
		return context.Canceled
	}
	return context.DeadlineExceeded
}
