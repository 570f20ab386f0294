package archive

import (
	"errors"
	"time"

	"github.com/parquet-go/parquet-go"

	"github.com/auditflow/auditflow/audit"
)

// row is one row on its way into or out of a file, with what proves it.
type row struct {
	*audit.Persisted
	entry audit.Entry
}

// column is one column of the files: how a row's value is written, and how it is
// read back. What is not known is NULL, as in the table.
type column struct {
	name  string
	node  parquet.Node
	write func(*row, *arena) parquet.Value
	read  func(*row, parquet.Value, *vocabulary) error
	// unbounded columns have no least and greatest value of each page: nobody
	// searches them by order.
	unbounded bool
}

// arena holds the bytes of values until a batch of them is written.
type arena []byte

func (a *arena) value(s string) parquet.Value {
	begin := len(*a)
	*a = append(*a, s...)
	return parquet.ByteArrayValue((*a)[begin:])
}

// vocabulary keeps one copy of each word of a column that has few different ones.
type vocabulary struct {
	words  map[string]string
	usages map[string]audit.ResourceUsage
}

// maxWords bounds what a column of many different words costs.
const maxWords = 4096

func (s *vocabulary) word(b []byte) string {
	if word, ok := s.words[string(b)]; ok {
		return word
	}
	word := string(b)
	if len(s.words) < maxWords {
		s.words[word] = word
	}
	return word
}

// encode gives a leaf its encoding; what repeats goes through a dictionary.
type encode = func(parquet.Node) parquet.Node

func words(n parquet.Node) parquet.Node { return parquet.Encoded(n, &parquet.RLEDictionary) }
func delta(n parquet.Node) parquet.Node { return parquet.Encoded(n, &parquet.DeltaBinaryPacked) }
func plain(n parquet.Node) parquet.Node { return parquet.Encoded(n, &parquet.Plain) }

// chance is for bytes that nothing can be said about beforehand: nothing makes
// them fewer.
func chance(n parquet.Node) parquet.Node { return parquet.Compressed(plain(n), &parquet.Uncompressed) }

// word is a text that repeats.
func word(name string, field func(*audit.Persisted) *string) column {
	return column{
		name: name, node: words(parquet.String()),
		write: func(r *row, a *arena) parquet.Value { return a.value(*field(r.Persisted)) },
		read: func(r *row, v parquet.Value, s *vocabulary) error {
			*field(r.Persisted) = s.word(v.ByteArray())
			return nil
		},
	}
}

// text is a text that is different in most rows: its pages have no bounds.
func text(name string, field func(*audit.Persisted) *string) column {
	return column{
		name: name, node: plain(parquet.String()), unbounded: true,
		write: func(r *row, a *arena) parquet.Value { return a.value(*field(r.Persisted)) },
		read: func(r *row, v parquet.Value, _ *vocabulary) error {
			*field(r.Persisted) = string(v.ByteArray())
			return nil
		},
	}
}

// maybeWord and maybeText are columns in which the empty text is NULL.
func maybeWord(name string, field func(*audit.Persisted) *string) column {
	return orNull(word(name, field), func(p *audit.Persisted) bool { return *field(p) == "" })
}

func maybeText(name string, field func(*audit.Persisted) *string) column {
	return orNull(text(name, field), func(p *audit.Persisted) bool { return *field(p) == "" })
}

// orNull makes a column one in which NULL stands for none.
func orNull(c column, none func(*audit.Persisted) bool) column {
	c.node = parquet.Optional(c.node)
	write, read := c.write, c.read
	c.write = func(r *row, a *arena) parquet.Value {
		if none(r.Persisted) {
			return parquet.NullValue()
		}
		return write(r, a)
	}
	c.read = func(r *row, v parquet.Value, s *vocabulary) error {
		if v.IsNull() {
			return nil
		}
		return read(r, v, s)
	}
	return c
}

// document is a column of JSON; no document is NULL.
func document(name string, enc encode, write func(*audit.Persisted, []byte) []byte, read func(*audit.Persisted, []byte, *vocabulary) error) column {
	return column{
		name: name, node: parquet.Optional(enc(parquet.JSON())), unbounded: true,
		write: func(r *row, a *arena) parquet.Value {
			begin := len(*a)
			*a = write(r.Persisted, *a)
			if len(*a) == begin {
				return parquet.NullValue()
			}
			return parquet.ByteArrayValue((*a)[begin:])
		},
		read: func(r *row, v parquet.Value, s *vocabulary) error {
			if v.IsNull() {
				return nil
			}
			if read(r.Persisted, v.ByteArray(), s) != nil {
				return errors.New("a value is not the JSON that it should be") // the error may quote it
			}
			return nil
		},
	}
}

// instant is a column of times in which the zero time is NULL.
func instant(name string, field func(*audit.Persisted) *time.Time) column {
	return orNull(moment(name, field), func(p *audit.Persisted) bool { return field(p).IsZero() })
}

// moment is a column of UTC times in microseconds, the precision of the table.
func moment(name string, field func(*audit.Persisted) *time.Time) column {
	return column{
		name: name, node: delta(parquet.Timestamp(parquet.Microsecond)),
		write: func(r *row, _ *arena) parquet.Value { return parquet.Int64Value(field(r.Persisted).UnixMicro()) },
		read: func(r *row, v parquet.Value, _ *vocabulary) error {
			*field(r.Persisted) = time.UnixMicro(v.Int64()).UTC()
			return nil
		},
	}
}

func number(name string, field func(*audit.Persisted) *int32) column {
	return column{
		name: name, node: delta(parquet.Int(32)),
		write: func(r *row, _ *arena) parquet.Value { return parquet.Int32Value(*field(r.Persisted)) },
		read: func(r *row, v parquet.Value, _ *vocabulary) error {
			*field(r.Persisted) = v.Int32()
			return nil
		},
	}
}

// maybeNumber is a column in which nil is NULL.
func maybeNumber(name string, field func(*audit.Persisted) **int32) column {
	return orNull(column{
		name: name, node: delta(parquet.Int(32)),
		write: func(r *row, _ *arena) parquet.Value { return parquet.Int32Value(**field(r.Persisted)) },
		read: func(r *row, v parquet.Value, _ *vocabulary) error {
			n := v.Int32()
			*field(r.Persisted) = &n
			return nil
		},
	}, func(p *audit.Persisted) bool { return *field(p) == nil })
}
