package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"

	"github.com/jackc/pgx/v5"
	"go.temporal.io/api/enums/v1"
	"go.temporal.io/api/workflowservice/v1"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
	corev1 "k8s.io/api/core/v1"
	eventsv1 "k8s.io/api/events/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// dumpRows searches every table of the database as text: what is long is
// compressed in PostgreSQL's files, and a secret in it would not be seen there.
// The binary format adds no escapes of its own. Rows lie in the partitions only.
func (st *stage) dumpRows(ctx context.Context, s *search) error {
	conn, err := st.db.Acquire(ctx)
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
		if err := s.read(placeRows, table, read); err != nil {
			return err
		}
	}
	return nil
}

// dumpHistories searches what Temporal tells of every workflow: its entry in
// the list, and its events with all payloads. The known ones must be among them.
func (st *stage) dumpHistories(ctx context.Context, s *search, known []string) error {
	missing := map[string]bool{}
	for _, id := range known {
		missing[id] = true
	}
	request := &workflowservice.ListWorkflowExecutionsRequest{Namespace: st.Temporal.Namespace, PageSize: 200}
	for {
		page, err := st.temporal.ListWorkflow(ctx, request)
		if err != nil {
			return fmt.Errorf("list workflows: %w", err)
		}
		for _, info := range page.GetExecutions() {
			id := info.GetExecution().GetWorkflowId()
			delete(missing, id)
			if err := s.message("list entry of "+id, info); err != nil {
				return err
			}
			if err := st.dumpHistory(ctx, s, id, info.GetExecution().GetRunId()); err != nil {
				return err
			}
		}
		if request.NextPageToken = page.GetNextPageToken(); len(request.NextPageToken) == 0 {
			break
		}
	}
	if len(missing) > 0 {
		return fmt.Errorf("search the histories: %d of %d workflows are not in the list", len(missing), len(known))
	}
	return nil
}

func (st *stage) dumpHistory(ctx context.Context, s *search, id, run string) error {
	events := st.temporal.GetWorkflowHistory(ctx, id, run, false, enums.HISTORY_EVENT_FILTER_TYPE_ALL_EVENT)
	for events.HasNext() {
		event, err := events.Next()
		if err != nil {
			return fmt.Errorf("history of %s: %w", id, err)
		}
		if err := s.message("history of "+id, event); err != nil {
			return err
		}
	}
	return nil
}

// message searches a message as it travels, payloads raw, and as people see it.
func (s *search) message(name string, m proto.Message) error {
	wire, err := proto.Marshal(m)
	if err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	text, err := protojson.Marshal(m)
	if err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	return s.read(placeHistories, name, io.MultiReader(bytes.NewReader(wire), strings.NewReader("\n"), bytes.NewReader(text)))
}

// dumpEvents searches the events of the cluster, which anybody may read.
func (st *stage) dumpEvents(ctx context.Context, s *search) error {
	var events eventsv1.EventList
	if err := st.executor.Client.List(ctx, &events, client.InNamespace(corev1.NamespaceAll)); err != nil {
		return fmt.Errorf("list events: %w", err)
	}
	text, err := json.Marshal(events)
	if err != nil {
		return fmt.Errorf("encode events: %w", err)
	}
	return s.read(placeEvents, "events", bytes.NewReader(text))
}

func (st *stage) dumpMetrics(ctx context.Context, s *search) error {
	for _, url := range []string{st.product.Controller.URL + "/metrics", st.product.Worker.URL + "/metrics"} {
		request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
		if err != nil {
			return err
		}
		answer, err := http.DefaultClient.Do(request)
		if err != nil {
			return fmt.Errorf("read metrics: %w", err)
		}
		if answer.StatusCode == http.StatusOK {
			err = s.read(placeMetrics, url, answer.Body)
		} else {
			err = fmt.Errorf("read %s: %s", url, answer.Status)
		}
		_ = answer.Body.Close()
		if err != nil {
			return err
		}
	}
	return nil
}
