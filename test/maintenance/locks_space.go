package main

import (
	"context"
	"fmt"
	"path/filepath"
	"strings"

	"github.com/jackc/pgx/v5"
)

// makeTablespaces makes tablespaces into which maintenance may put tables. Their
// directories are the server's to make: they must belong to whom it runs as.
func (l *lockBench) makeTablespaces(ctx context.Context, names ...string) error {
	for _, name := range names {
		dir := filepath.Join(filepath.Dir(l.world.Postgres.DataDir), name)
		command := "mkdir -p " + quoted(dir) + " && cat > /dev/null"
		space := pgx.Identifier{name}.Sanitize()
		if err := l.database.execute(ctx,
			fmt.Sprintf(`COPY (SELECT 1) TO PROGRAM %s`, quoted(command)),
			fmt.Sprintf(`CREATE TABLESPACE %s LOCATION %s`, space, quoted(dir)),
			fmt.Sprintf(`GRANT CREATE ON TABLESPACE %s TO auditflow_maintainer`, space)); err != nil {
			return err
		}
	}
	return nil
}

// quoted is a string for a shell or for SQL; it has no quotes in it where both are.
func quoted(s string) string { return "'" + strings.ReplaceAll(s, "'", "''") + "'" }
