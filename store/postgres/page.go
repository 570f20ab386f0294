package postgres

import (
	"context"
	"fmt"
	"iter"
	"strings"

	"github.com/jackc/pgx/v5"
)

const (
	// The first page is small, so that whoever looks at a few rows does not
	// wait for many.
	firstPage, nextPages = 100, 1000 // rows
	// pageBytes bounds what the large columns of a page hold in memory, but for
	// the one row that reaches it: a thousand outputs of 1.5 MB are not read at
	// once.
	pageBytes = 4 << 20
)

// listing is a question whose answer is rows in an order.
type listing struct {
	op    string // for errors
	where *selection
	// order is the columns that rows are sorted by, all upwards or all down;
	// the last two are created_at and id, so that no two rows are equal. place
	// gives their values of a row.
	order []string
	down  bool
	place func(Row) []any
	after []any // where to begin; nil is at the beginning
	limit int   // 0 is all
}

// list yields the rows of a listing, page by page. No connection is held while
// the caller looks at a row.
func (s *Store) list(ctx context.Context, l listing) iter.Seq2[Row, error] {
	if err := checkLimit(l.limit); err != nil {
		return failed(l.op, err)
	}
	return func(yield func(Row, error) bool) {
		l := l // a sequence may be ranged over again
		left, size := l.limit, firstPage
		for more := true; more; size = nextPages {
			if l.limit > 0 {
				size = min(size, left)
			}
			var page []Row
			var err error
			page, more, err = s.page(ctx, l, size)
			if err != nil {
				yield(Row{}, convert(l.op, err))
				return
			}
			for _, row := range page {
				if !yield(row, nil) {
					return
				}
			}
			left -= len(page)
			if !more || l.limit > 0 && left == 0 {
				return
			}
			l.after = l.place(page[len(page)-1])
		}
	}
}

func checkLimit(limit int) error {
	if limit < 0 {
		return &ArgumentError{"limit", "must not be negative"}
	}
	return nil
}

// page reads the next page and tells whether another may follow. A connection
// that was lost since the last one costs nothing but the second attempt.
func (s *Store) page(ctx context.Context, l listing, size int) (page []Row, more bool, err error) {
	page, more, err = s.tryPage(ctx, l, size)
	if Class(convert(l.op, err)) == ClassConnection && ctx.Err() == nil {
		page, more, err = s.tryPage(ctx, l, size)
	}
	return page, more, err
}

func (s *Store) tryPage(ctx context.Context, l listing, size int) (page []Row, more bool, err error) {
	statement, arguments := l.statement(size)
	var bytes int64                                                  // in the page so far
	rest := append([]any{nil, &bytes}, make([]any, len(l.order))...) // nil: not looked at
	err = s.read(ctx, statement, arguments, func(rows pgx.Rows) error {
		row, err := scanRow(rows, rest...)
		page = append(page, row)
		return err
	})
	return page, len(page) == size || bytes >= pageBytes, err
}

// sizeOf is about how many bytes a row takes. It fetches nothing out of line
// but long parameters, whose length is stored nowhere once they are compressed.
const sizeOf = `coalesce(octet_length(a.output), 0) + coalesce(octet_length(a.error), 0) +
	CASE WHEN pg_column_size(a.action_parameters) > 512 THEN octet_length(a.action_parameters::text) ELSE 512 END`

// statement picks the keys of a page first and then fetches its rows: the keys
// can be had from an index alone, whose further columns decide about other
// conditions, too. LIMIT 1 changes no result: it leaves the planner, whatever
// its statistics say, no join to choose but one index look-up per row.
func (l listing) statement(size int) (string, []any) {
	c := l.where.clone()
	if l.after != nil {
		l.beyond(c)
	}
	direction := ""
	if l.down {
		direction = " DESC"
	}
	var keys, aliases, pageOrder, order []string
	for i, column := range l.order {
		alias := fmt.Sprintf("key_%d", i+1)
		keys = append(keys, column+" AS "+alias)
		aliases = append(aliases, "page."+alias)
		pageOrder = append(pageOrder, column+direction)
		order = append(order, alias+direction)
	}
	last := len(keys)
	return fmt.Sprintf(`
		SELECT * FROM (
			SELECT a.*, sum(bytes) OVER (ORDER BY %[1]s ROWS UNBOUNDED PRECEDING) AS bytes_so_far, %[2]s
			FROM (
				SELECT %[3]s FROM %[4]s
				WHERE %[5]s
				ORDER BY %[6]s
				LIMIT %[7]s
			) AS page
			CROSS JOIN LATERAL (
				SELECT %[8]s, %[9]s AS bytes FROM %[4]s a
				WHERE a.id = page.key_%[10]d AND a.created_at = page.key_%[11]d
				LIMIT 1
			) AS a
		) AS sized
		WHERE bytes_so_far - bytes < %[12]d
		ORDER BY %[1]s`,
		strings.Join(order, ", "), strings.Join(aliases, ", "), strings.Join(keys, ", "), auditTable,
		c.where(), strings.Join(pageOrder, ", "), c.argument(size),
		rowColumns, sizeOf, last, last-1, pageBytes), c.arguments
}

// beyond adds the condition that a row comes after another. The second clause
// follows from the first; it lets PostgreSQL leave out partitions.
func (l listing) beyond(c *selection) {
	comparison := ">"
	if l.down {
		comparison = "<"
	}
	var parameters []string
	for _, value := range l.after {
		parameters = append(parameters, c.argument(value))
	}
	c.clauses = append(c.clauses,
		fmt.Sprintf("(%s) %s (%s)", strings.Join(l.order, ", "), comparison, strings.Join(parameters, ", ")),
		fmt.Sprintf("%s %s= %s", l.order[0], comparison, parameters[0]))
}

// beginRead begins the transaction of one statement that changes no row.
// Compiling a plan takes longer than any of them may. The groups of a report
// fit into this memory and need no sorting, which takes twice as long; they are
// few beside the rows that are counted, so workers may pass them on.
const beginRead = `BEGIN READ ONLY;
	SET LOCAL plan_cache_mode = force_custom_plan;
	SET LOCAL jit = off;
	SET LOCAL work_mem = '64MB';
	SET LOCAL parallel_tuple_cost = 0.001`

// read runs a query and calls scan for each row. The statement is planned anew
// for its arguments (not named, hence never generic): how common a namespace or
// an action is decides which index is best.
func (s *Store) read(ctx context.Context, statement string, arguments []any, scan func(pgx.Rows) error) error {
	return pgx.BeginTxFunc(ctx, s.pool, pgx.TxOptions{BeginQuery: beginRead}, func(tx pgx.Tx) error {
		rows, err := tx.Query(ctx, statement, append([]any{pgx.QueryExecModeCacheDescribe}, arguments...)...)
		if err != nil {
			return err
		}
		defer rows.Close()
		for rows.Next() {
			if err := scan(rows); err != nil {
				return err
			}
		}
		return rows.Err()
	})
}
