package postgres

import (
	"context"
	"fmt"
	"strings"

	"github.com/jackc/pgx/v5"
)

// maxNamespaces is how many namespaces a pattern is compared with one by one,
// at some 20 µs each for every partition; where there are more, each row is.
const maxNamespaces = 2000

// namespaceNames hops from one namespace to the next in idx_target_resource
// (https://wiki.postgresql.org/wiki/Loose_indexscan).
const namespaceNames = `
	WITH RECURSIVE names (name) AS (
		SELECT min(target_namespace) FROM ` + auditTable + `
		UNION ALL
		SELECT (
			SELECT target_namespace FROM ` + auditTable + ` a
			WHERE a.target_namespace > names.name ORDER BY a.target_namespace LIMIT 1
		) FROM names WHERE names.name IS NOT NULL
	)
	SELECT name, name LIKE $1 FROM names WHERE name IS NOT NULL LIMIT $2`

// nameNamespaces puts the namespaces that match in place of a pattern that
// begins with a wildcard, for which no index has an order: an index has one for
// each name, and the planner knows how common it is. Namespaces that appear
// later are not found; neither are rows that are older than where Find is.
func (s *Store) nameNamespaces(ctx context.Context, where *selection) error {
	at := where.unanchored
	if at == nil {
		return nil
	}
	n, matching := 0, []string{}
	arguments := []any{where.arguments[at.argument], maxNamespaces + 1}
	err := s.read(ctx, namespaceNames, arguments, func(rows pgx.Rows) error {
		var name string
		var matches bool
		if err := rows.Scan(&name, &matches); err != nil {
			return err
		}
		if n++; matches {
			matching = append(matching, name)
		}
		return nil
	})
	if err != nil || n > maxNamespaces {
		return err
	}
	where.clauses[at.clause] = fmt.Sprintf("target_namespace = ANY($%d)", at.argument+1)
	where.arguments[at.argument] = matching
	return nil
}

// clauseAt is where a clause is in a selection, and where its argument is, both
// counted from 0.
type clauseAt struct{ clause, argument int }

func unanchored(like string) bool {
	return strings.HasPrefix(like, "%") || strings.HasPrefix(like, "_")
}
