package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"syscall"

	"github.com/auditflow/auditflow/store/archive"
	"github.com/auditflow/auditflow/store/postgres"
)

// Exit codes; the help of the root command tells them.
const (
	exitOK          = 0
	exitNo          = 1   // the answer is no: not found, stays in quarantine, migrations pending, digest differs, archive not intact, a run failed
	exitUsage       = 2   // flags or configuration
	exitFailed      = 3   // database, bucket, Temporal or output not reachable, or they refused
	exitInterrupted = 130 // 128 + SIGINT, as shells have it
)

// noError is an answer that is no. Its text may be empty when all was said.
type noError struct{ answer, hint string }

func (e *noError) Error() string { return e.answer }

func no(format string, args ...any) error { return &noError{answer: fmt.Sprintf(format, args...)} }

// usageError is a command line that cannot be carried out.
type usageError struct{ err error }

func (e *usageError) Error() string { return e.err.Error() }
func (e *usageError) Unwrap() error { return e.err }

func usage(format string, args ...any) error { return &usageError{fmt.Errorf(format, args...)} }

// failure is anything else that went wrong on the way to the answer.
type failure struct {
	err  error
	hint string
}

func (e *failure) Error() string { return e.err.Error() }
func (e *failure) Unwrap() error { return e.err }

// exit tells the error to the person and the exit code to the shell.
func (p *program) exit(ctx context.Context, err error) int {
	switch {
	case err == nil, errors.Is(err, syscall.EPIPE): // whoever read had enough
		return exitOK
	case ctx.Err() != nil:
		return exitInterrupted
	}
	code, hint := verdict(err)
	text := err.Error()
	if code == exitFailed {
		text = sentence(text)
	}
	if text != "" {
		p.tell("auditctl: %s", text)
	}
	if hint != "" {
		p.tell("%s", hint)
	}
	return code
}

// verdict decides the exit code and what may help.
func verdict(err error) (code int, hint string) {
	if answer, ok := errors.AsType[*noError](err); ok {
		return exitNo, answer.hint
	}
	if f, ok := errors.AsType[*failure](err); ok {
		return exitFailed, f.hint
	}
	if isRefusal(err) { // the store's own rules
		return exitNo, ""
	}
	if trouble, ok := errors.AsType[*archive.Error](err); ok {
		return archiveVerdict(trouble)
	}
	if refused, ok := errors.AsType[*postgres.Error](err); ok {
		return exitFailed, databaseHint(refused)
	}
	if _, ok := errors.AsType[*postgres.NewerSchemaError](err); ok {
		return exitFailed, ""
	}
	if isOutput(err) {
		return exitFailed, ""
	}
	if errors.Is(err, context.DeadlineExceeded) || errors.Is(err, context.Canceled) {
		return exitFailed, ""
	}
	return exitUsage, ""
}

// archiveVerdict tells what the archive says from what keeps it from saying it.
func archiveVerdict(err *archive.Error) (code int, hint string) {
	switch archive.Class(err) {
	case archive.ClassAltered:
		return exitNo, "Hint: auditctl verify reads the whole archive and names everything that is wrong."
	case archive.ClassPermission:
		return exitFailed, "Hint: credentials are found where the provider's own tools find them; listing and reading are needed."
	case archive.ClassNotFound:
		return exitFailed, "Hint: check --bucket-url, environment variable " + variableBucket + ", or maintenance.archive.bucket_url."
	}
	return exitFailed, ""
}

// sentence puts an error on one line. pgx tells of each attempt to connect on a
// line of its own, the same address twice when it tried with and without TLS.
func sentence(text string) string {
	var lines []string
	for line := range strings.Lines(text) {
		lines = append(lines, strings.TrimSpace(line))
	}
	return strings.Join(slices.Compact(lines), " ")
}

// isOutput tells an answer that could not be written from a file that could not
// be read.
func isOutput(err error) bool {
	_, ok := errors.AsType[*outputError](err)
	return ok
}

const insufficientPrivilege = "42501"

// isForbidden tells what the login may not from what went wrong.
func isForbidden(err error) bool {
	refused, ok := errors.AsType[*postgres.Error](err)
	return ok && refused.Code == insufficientPrivilege
}

func databaseHint(err *postgres.Error) string {
	switch {
	case err.Code == insufficientPrivilege:
		return "Hint: the login needs role auditflow_reader to read, auditflow_maintainer to change anything."
	case strings.HasPrefix(err.Code, "28"):
		return "Hint: check user and password in AUDITFLOW_DATABASE_URL, or the file database.password_file."
	case postgres.Class(err) == postgres.ClassSchema:
		return "Hint: the database is not migrated to this release; run: auditctl migrate"
	case postgres.Class(err) == postgres.ClassTimeout:
		return "Hint: --timeout is how long connecting may take; a server may also have limits of its own."
	}
	return ""
}
