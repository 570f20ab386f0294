package main

import (
	"context"
	"fmt"
	"net/url"
	"strings"

	"github.com/jackc/pgx/v5/pgxpool"
)

// flatSchema holds the same rows in one table of the same name that is not
// partitioned, so that with it first in search_path everything runs on that
// table unchanged.
const flatSchema = "unpartitioned"

// flatURL is url with the unpartitioned table in front.
func flatURL(address string) (string, error) {
	u, err := url.Parse(address)
	if err != nil {
		return "", fmt.Errorf("search the unpartitioned table first: %w", err)
	}
	q := u.Query()
	q.Set("search_path", flatSchema+",public")
	u.RawQuery = q.Encode()
	return u.String(), nil
}

// flatten copies the table. The rows come in the order of the partitions and
// within them as they lie there, so neither table is the tidier one; both are
// vacuumed and analysed.
func flatten(ctx context.Context, db *pgxpool.Pool, p *progress) error {
	const table = flatSchema + "." + auditTable
	const create = `
		CREATE SCHEMA ` + flatSchema + `;
		CREATE TABLE ` + table + ` (LIKE ` + auditTable + ` INCLUDING ALL);
		ALTER TABLE ` + table + ` SET (autovacuum_enabled = false)`
	if _, err := db.Exec(ctx, create); err != nil {
		return err
	}
	indexes, err := indexesOf(ctx, db, table)
	if err != nil {
		return err
	}
	var drop []string
	for _, x := range indexes {
		drop = append(drop, x.drop)
	}
	if _, err := db.Exec(ctx, strings.Join(drop, "; ")); err != nil {
		return err
	}
	p.begin("rows copied without partitions", 0)
	tag, err := db.Exec(ctx, `INSERT INTO `+table+` SELECT * FROM `+auditTable)
	if err != nil {
		return err
	}
	p.add(int(tag.RowsAffected()))
	p.end()
	p.begin("indexes", len(indexes))
	if err := buildIndexes(ctx, db, indexes, func() { p.add(1) }); err != nil {
		return err
	}
	p.end()
	p.begin("table vacuumed and analysed", 1)
	_, err = db.Exec(ctx, `VACUUM (ANALYZE) `+table)
	p.add(1)
	p.end()
	return err
}
