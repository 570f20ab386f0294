package postgres

import (
	"context"
	"iter"
	"strings"
	"time"

	"github.com/auditflow/auditflow/audit"
)

// ExportPages is Export in pages of another size.
func ExportPages(ctx context.Context, s *Store, partition string, size int) iter.Seq2[*audit.Persisted, error] {
	return exportRows(ctx, s, stretch{partition, audit.Key{}, time.Time{}, size})
}

// PrepareExport is what comes before a page is read.
const PrepareExport = prepareExport

// ExportStatement is the query of a page in the middle of a partition.
func ExportStatement(partition string) string {
	after := audit.Key{CreatedAt: time.Unix(0, 0), ID: audit.ID("a", "b")}
	statement, err := stretch{partition, after, time.Time{}, exportPage}.statement(partition, copyColumns)
	if err != nil {
		panic(err)
	}
	from, to := strings.Index(statement, "(")+1, strings.LastIndex(statement, ") TO STDOUT")
	return statement[from:to]
}
