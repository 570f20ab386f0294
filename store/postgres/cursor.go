package postgres

import (
	"strconv"
	"strings"
	"time"

	"github.com/jackc/pgx/v5/pgtype"
)

// Cursor is a place in the order of a [Query].
type Cursor struct {
	CreatedAt time.Time
	ID        string
}

// CursorOf is the place right after a row.
func CursorOf(r Row) Cursor { return Cursor{r.CreatedAt, r.ID} }

func (c Cursor) isZero() bool { return c.ID == "" && c.CreatedAt.IsZero() }

// String is a text without meaning to anyone but [ParseCursor]; "" for the zero
// value. It is safe in a URL and on a command line.
func (c Cursor) String() string {
	if c.isZero() {
		return ""
	}
	return strconv.FormatInt(c.CreatedAt.UnixMicro(), 36) + "." + strings.ReplaceAll(c.ID, "-", "")
}

// ParseCursor reads what [Cursor.String] wrote; anything else is an
// [*ArgumentError].
func ParseCursor(s string) (Cursor, error) {
	if s == "" {
		return Cursor{}, nil
	}
	micros, digits, _ := strings.Cut(s, ".")
	at, err := strconv.ParseInt(micros, 36, 64)
	id, ok := parseID(digits)
	if err != nil || !ok {
		return Cursor{}, &ArgumentError{"after", "is not a place where a page ended"}
	}
	c := Cursor{time.UnixMicro(at).UTC(), id.String()}
	return c, c.check()
}

// check finds out what could not have come from a row.
func (c Cursor) check() error {
	if _, ok := parseID(c.ID); !ok || c.CreatedAt.Year() < 1 || c.CreatedAt.Year() > 9999 {
		return &ArgumentError{"after", "is not a place where a page ended"}
	}
	return nil
}

func parseID(s string) (id pgtype.UUID, ok bool) {
	err := id.Scan(s)
	return id, err == nil && id.Valid
}
