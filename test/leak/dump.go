package leak

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	eventsv1 "k8s.io/api/events/v1"
	kubeclient "sigs.k8s.io/controller-runtime/pkg/client"
)

// Rows searches every table of a database as text: what is long is compressed
// in PostgreSQL's files, and a secret in it would not be seen there. The binary
// format adds no escapes of its own. Rows lie in the partitions only.
func (s *Search) Rows(ctx context.Context, db *pgxpool.Pool) error {
	return s.Tables(ctx, db, func(table string) string {
		if strings.Contains(table, "quarantine") {
			return PlaceQuarantine
		}
		return PlaceRows
	})
}

// Tables is Rows of anybody's database; placeOf says of which kind a table is.
func (s *Search) Tables(ctx context.Context, db *pgxpool.Pool, placeOf func(table string) string) error {
	conn, err := db.Acquire(ctx)
	if err != nil {
		return fmt.Errorf("dump tables: %w", err)
	}
	defer conn.Release()
	rows, err := conn.Query(ctx, `SELECT oid::regclass::text FROM pg_class
		WHERE relkind = 'r' AND relnamespace NOT IN ('pg_catalog'::regnamespace, 'information_schema'::regnamespace) ORDER BY 1`)
	if err != nil {
		return fmt.Errorf("list tables: %w", err)
	}
	tables, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		return fmt.Errorf("list tables: %w", err)
	}
	for _, table := range tables {
		read, write := io.Pipe()
		go func() {
			_, err := conn.Conn().PgConn().CopyTo(ctx, write, "COPY "+table+" TO STDOUT (FORMAT binary)")
			write.CloseWithError(err)
		}()
		if err := s.Read(placeOf(table), table, read); err != nil {
			return err
		}
	}
	return nil
}

// Events searches what one component has told about the cluster's objects,
// which anybody may read. What the objects are called is theirs to show.
func (s *Search) Events(ctx context.Context, c kubeclient.Client, component string) error {
	var events eventsv1.EventList
	if err := c.List(ctx, &events, kubeclient.InNamespace("")); err != nil {
		return fmt.Errorf("list events: %w", err)
	}
	for _, e := range events.Items {
		if e.ReportingController != component {
			continue
		}
		told, err := json.Marshal([]string{e.Reason, e.Action, e.Note})
		if err != nil {
			return fmt.Errorf("encode an event: %w", err)
		}
		if err := s.Read(PlaceEvents, "event", bytes.NewReader(told)); err != nil {
			return err
		}
	}
	return nil
}

// Metrics searches what a program shows under /metrics.
func (s *Search) Metrics(ctx context.Context, url string) error {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url+"/metrics", nil)
	if err != nil {
		return err
	}
	answer, err := http.DefaultClient.Do(request)
	if err != nil {
		return fmt.Errorf("read metrics: %w", err)
	}
	defer answer.Body.Close()
	if answer.StatusCode != http.StatusOK {
		return fmt.Errorf("read the metrics of %s: %s", url, answer.Status)
	}
	return s.Read(PlaceMetrics, url, answer.Body)
}
