package fire

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/google/uuid"

	"github.com/auditflow/auditflow/httpapi"
)

// Fire is a load: so many connections, each of which posts one record after the
// other and the same one until it is taken, as a client should that wants it
// recorded. All fields are required.
type Fire struct {
	URL   string // of the door
	Token string
	// Run names the records of this load: it is their workflow_ref.
	Run         string
	Connections int
}

// Burn posts until ctx ends and returns the books.
func (f Fire) Burn(ctx context.Context) *Books {
	books := &Books{run: f.Run, Answers: map[string]int{}}
	transport := &http.Transport{MaxIdleConnsPerHost: f.Connections, IdleConnTimeout: time.Minute}
	defer transport.CloseIdleConnections()
	c := client{Fire: f, http: &http.Client{Transport: transport, Timeout: 30 * time.Second}, books: books}
	books.began = time.Now()
	var serial atomic.Int64
	var wait sync.WaitGroup
	for range f.Connections {
		wait.Go(func() {
			for ctx.Err() == nil {
				c.deliver(ctx, newRecord(f.Run, serial.Add(1)))
			}
		})
	}
	wait.Wait()
	books.Took = time.Since(books.began)
	return books
}

// record is one to be posted; what is in it never changes, or a second attempt
// would be another record.
type record struct {
	uid  string
	body []byte
}

// newRecord is one of about 2 KiB.
func newRecord(run string, serial int64) record {
	r := record{uid: uuid.NewString()}
	var output strings.Builder
	for line := range 24 {
		fmt.Fprintf(&output, "step %d of execution %d: reconciled deployment web in namespace shop, generation %d\n", line, serial, 7*serial)
	}
	var err error
	r.body, err = json.Marshal(map[string]any{
		"execution_id": fmt.Sprintf("%s-%d", run, serial), "execution_uid": r.uid, "workflow_ref": run, "step_index": serial % 12,
		"action_type": "scale-deployment", "action_parameters": map[string]any{"replicas": serial % 9, "wait": true},
		"target_namespace": "shop", "target_resource_kind": "Deployment", "target_resource_name": "web",
		"success": serial%10 != 0, "output": output.String(), "created_at": time.Now().UTC().Truncate(time.Microsecond),
	})
	if err != nil {
		panic(err) // it is texts, numbers and a time
	}
	return r
}

type client struct {
	Fire
	http  *http.Client
	books *Books
}

// deliver posts a record until it is taken or ctx ends. An attempt that has begun
// is waited for: its answer is what counts.
func (c client) deliver(ctx context.Context, r record) {
	for {
		began := time.Now()
		status, again := c.post(context.WithoutCancel(ctx), r)
		c.books.note(r, status, time.Since(began))
		if status == http.StatusCreated {
			return
		}
		select {
		case <-time.After(again):
		case <-ctx.Done():
			return
		}
	}
}

// nobody is how soon a client tries again that was not answered.
const nobody = 50 * time.Millisecond

// post returns the status, 0 without an answer, and when to try again.
func (c client) post(ctx context.Context, r record) (status int, again time.Duration) {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, c.URL+httpapi.PathRecords, bytes.NewReader(r.body))
	if err != nil {
		panic(err) // the URL is ours
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("Authorization", "Bearer "+c.Token)
	res, err := c.http.Do(req)
	if err != nil {
		return 0, nobody
	}
	defer res.Body.Close()
	if _, err := io.Copy(io.Discard, res.Body); err != nil {
		return 0, nobody // an answer that was cut off is none
	}
	seconds, err := strconv.Atoi(res.Header.Get("Retry-After"))
	if err != nil {
		return res.StatusCode, nobody
	}
	return res.StatusCode, time.Duration(seconds) * time.Second
}
