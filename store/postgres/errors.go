package postgres

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/puddle/v2"
)

// Error is a failure of the database or of the way to it, without any content.
// It unwraps to what may be shown: a context's error, a [*pgconn.ConnectError],
// a [*net.OpError] and the like; to nothing when the server answered.
type Error struct {
	// Op is what we were doing, with the record's id where there is one.
	Op string
	// Code is the SQLSTATE, Condition its name; see
	// https://www.postgresql.org/docs/current/errcodes-appendix.html. Empty
	// when the server gave no answer.
	Code, Condition string
	// Constraint, Table and Column name what the server complains about, as
	// far as it says.
	Constraint, Table, Column string

	cause error
}

func (e *Error) Error() string {
	var b strings.Builder
	b.WriteString(e.Op + ": ")
	switch {
	case e.cause != nil:
		b.WriteString(e.cause.Error())
	default:
		b.WriteString(e.Condition)
	}
	if e.Code != "" {
		b.WriteString(" (SQLSTATE " + e.Code + ")")
	}
	for _, name := range []struct{ kind, name string }{
		{"table", e.Table}, {"column", e.Column}, {"constraint", e.Constraint},
	} {
		if name.name != "" {
			b.WriteString(", " + name.kind + " " + name.name)
		}
	}
	return b.String()
}

// Unwrap returns the cause, if it may be shown.
func (e *Error) Unwrap() error { return e.cause }

// convert makes an [*Error] of err and leaves behind all that could quote a
// row: the server's messages, and pgx's, which show arguments they cannot
// encode.
func convert(op string, err error) error {
	if err == nil {
		return nil
	}
	e := &Error{Op: op, cause: showable(err)}
	if pg, ok := errors.AsType[*pgconn.PgError](err); ok {
		e.Code, e.Condition = pg.Code, condition(pg.Code)
		e.Constraint, e.Table, e.Column = pg.ConstraintName, pg.TableName, pg.ColumnName
	} else if e.cause == nil {
		e.cause = fmt.Errorf("failed in the client (%T, text withheld)", err)
	}
	return e
}

// showable returns the part of err that is known to hold no content, or nil.
func showable(err error) error {
	// No record is sent before a connection stands, and pgx's text has user,
	// database and address but no password.
	if connect, ok := errors.AsType[*pgconn.ConnectError](err); ok {
		return connect
	}
	if settings, ok := errors.AsType[*settingsError](err); ok {
		return settings
	}
	if op, ok := errors.AsType[*net.OpError](err); ok {
		return op
	}
	for _, known := range []error{
		context.DeadlineExceeded, context.Canceled,
		io.EOF, io.ErrUnexpectedEOF, net.ErrClosed, pgconn.ErrConnClosed, puddle.ErrClosedPool,
	} {
		if errors.Is(err, known) {
			return known
		}
	}
	return nil
}
