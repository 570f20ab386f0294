package postgres

import (
	"context"
	"errors"

	"github.com/jackc/pgx/v5/pgconn"
)

// The values of [Class], a bounded set fit for metric labels. Only ClassData is the
// record's fault, and Append takes care of it; everything else may pass if tried
// again.
const (
	ClassTimeout    = "timeout"    // a deadline, statement_timeout or lock_timeout passed
	ClassCanceled   = "canceled"   // the caller gave up
	ClassConnection = "connection" // not reached, not let in, or lost
	ClassSchema     = "schema"     // not migrated, or by a newer release
	ClassData       = "data"       // PostgreSQL cannot hold the record
	ClassDatabase   = "database"   // any other answer of the server: disk full, deadlock, read-only, …
)

// SQLSTATEs that change what we do.
const (
	insufficientPrivilege = "42501"
	lockNotAvailable      = "55P03"
)

// Class sorts the errors of this package; nil is the empty string.
func Class(err error) string {
	if err == nil {
		return ""
	}
	if _, ok := errors.AsType[*NewerSchemaError](err); ok {
		return ClassSchema
	}
	if _, ok := errors.AsType[*PendingSchemaError](err); ok {
		return ClassSchema
	}
	if e, ok := errors.AsType[*Error](err); ok && e.Code != "" {
		return classOfCode(e)
	}
	if _, ok := errors.AsType[*pgconn.ConnectError](err); ok {
		return ClassConnection // even when it was connect_timeout that passed
	}
	switch {
	case errors.Is(err, context.Canceled):
		return ClassCanceled
	case errors.Is(err, context.DeadlineExceeded) || isTimeout(err):
		return ClassTimeout
	case showable(err) != nil: // past contexts and timeouts, all of these are a broken line
		return ClassConnection
	}
	return ClassDatabase
}

func isTimeout(err error) bool {
	timeout, ok := errors.AsType[interface {
		error
		Timeout() bool
	}](err)
	return ok && timeout.Timeout()
}

func classOfCode(e *Error) string {
	switch {
	case isNoPartition(e):
		return ClassDatabase // it is our partitions that are at fault, not the row
	case e.Code == "57014", e.Code == lockNotAvailable, e.Code == "25P03", e.Code == "57P05":
		return ClassTimeout
	}
	switch e.Code[:min(2, len(e.Code))] {
	case "22", "23", "54": // 54: a value too large for an index, JSON nested too deep
		return ClassData
	case "08", "28", "57", "3D":
		return ClassConnection
	case "3F":
		return ClassSchema
	}
	switch e.Code {
	case "53300":
		return ClassConnection
	case "42P01", "42703", "42883":
		return ClassSchema
	}
	return ClassDatabase
}

// isNoPartition tells "no partition of relation … found for row" from a failed
// CHECK: both are 23514, and only the latter names a constraint.
func isNoPartition(e *Error) bool { return e.Code == "23514" && e.Constraint == "" }

// condition names a SQLSTATE as the PostgreSQL manual does (appendix A), for
// those an operator of this table may meet; others are named by their class.
func condition(code string) string {
	if name, ok := conditions[code]; ok {
		return name
	}
	for length := len(code) - 1; length >= 2; length-- {
		if name, ok := conditions[code[:length]]; ok {
			return name
		}
	}
	return "error"
}

//nolint:gochecknoglobals // a table of constants
var conditions = map[string]string{
	"08": "connection_exception", "08006": "connection_failure", "08P01": "protocol_violation",
	"0A":    "feature_not_supported",
	"22":    "data_exception",
	"22001": "string_data_right_truncation", "22003": "numeric_value_out_of_range", "22008": "datetime_field_overflow",
	"22021": "character_not_in_repertoire", "22P02": "invalid_text_representation", "22P05": "untranslatable_character",
	"23":    "integrity_constraint_violation",
	"23502": "not_null_violation", "23505": "unique_violation", "23514": "check_violation",
	"25":    "invalid_transaction_state",
	"25006": "read_only_sql_transaction", "25P03": "idle_in_transaction_session_timeout",
	"28": "invalid_authorization_specification", "28P01": "invalid_password",
	"3D": "invalid_catalog_name", "3F": "invalid_schema_name",
	"40":    "transaction_rollback",
	"40001": "serialization_failure", "40P01": "deadlock_detected",
	"42":    "syntax_error_or_access_rule_violation",
	"42501": "insufficient_privilege", "42703": "undefined_column", "42883": "undefined_function", "42P01": "undefined_table",
	"42P07": "duplicate_table", "42P17": "invalid_object_definition",
	"53":    "insufficient_resources",
	"53100": "disk_full", "53200": "out_of_memory", "53300": "too_many_connections",
	"54":    "program_limit_exceeded",
	"54001": "statement_too_complex",
	"55":    "object_not_in_prerequisite_state",
	"55006": "object_in_use", "55P03": "lock_not_available",
	"57":    "operator_intervention",
	"57014": "query_canceled", "57P01": "admin_shutdown", "57P02": "crash_shutdown", "57P03": "cannot_connect_now",
	"57P05": "idle_session_timeout",
	"58":    "system_error", "58030": "io_error",
	"XX": "internal_error", "XX001": "data_corrupted", "XX002": "index_corrupted",
}

// isMoved tells of a statement that was planned for a partition which another took
// the place of before it ran: "invalid arbiter index list", an internal error, of
// which there is none other in an insert.
func isMoved(e *Error) bool { return e.Code == internalError }
