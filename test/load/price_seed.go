package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"os"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/auditflow/auditflow/audit"
	"github.com/auditflow/auditflow/test/load/price"
	"github.com/auditflow/auditflow/test/load/turn"
)

// The design that the seed of this project prints: a client that posts a record
// as JSON within five seconds, and a storage service that inserts it before it
// answers 201. What fails is counted and forgotten. Ids are ours, for theirs
// (gen_random_uuid) would not tell which rows are whose.

const seedPath = "/api/v1/audit/kubernetes-execution"

// runSeedService is the storage service.
func runSeedService(ctx context.Context, p price.Place, serve price.Serve) error {
	db, err := openPool(ctx, p.DatabaseURL)
	if err != nil {
		return err
	}
	defer db.Close()
	listener, err := net.Listen("tcp", p.Service)
	if err != nil {
		return err
	}
	mux := http.NewServeMux()
	mux.HandleFunc("POST "+seedPath, func(w http.ResponseWriter, r *http.Request) { seedStore(w, r, db) })
	server := &http.Server{Handler: mux, ReadHeaderTimeout: 5 * time.Second}
	go func() { _ = server.Serve(listener) }()
	defer server.Close()
	return serve(ctx, nil)
}

func seedStore(w http.ResponseWriter, r *http.Request, db *pgxpool.Pool) {
	var record audit.Record
	if err := json.NewDecoder(r.Body).Decode(&record); err != nil {
		http.Error(w, "not a record", http.StatusBadRequest)
		return
	}
	if err := insertOne(r.Context(), db, &record); err != nil {
		fmt.Fprintln(os.Stderr, err)
		http.Error(w, "not stored", http.StatusInternalServerError)
		return
	}
	w.WriteHeader(http.StatusCreated)
}

// seedClient is the AuditStorageClient of the controller.
type seedClient struct {
	url  string
	http *http.Client
}

func runSeedClient(ctx context.Context, p price.Place, serve price.Serve) error {
	transport := http.DefaultTransport.(*http.Transport).Clone()
	transport.MaxIdleConnsPerHost = 64 // it would open a connection for nearly every record
	c := &seedClient{"http://" + p.Service + seedPath, &http.Client{Timeout: 5 * time.Second, Transport: transport}}
	return serve(ctx, map[string]turn.Work{
		price.WorkSeed: writing(1, func(ctx context.Context, r []audit.Record) error { return c.store(ctx, &r[0]) }),
	})
}

func (c *seedClient) store(ctx context.Context, r *audit.Record) error {
	body, err := json.Marshal(r)
	if err != nil {
		return err
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, c.url, bytes.NewReader(body))
	if err != nil {
		return err
	}
	request.Header.Set("Content-Type", "application/json")
	answer, err := c.http.Do(request)
	if err != nil {
		return err
	}
	defer answer.Body.Close()
	if answer.StatusCode != http.StatusCreated {
		return fmt.Errorf("audit storage failed with status %d", answer.StatusCode)
	}
	return nil
}
