//go:build siege

package e2e

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/types"

	"github.com/auditflow/auditflow/httpapi"
)

// A few of the thousand are honest and come again until they are taken. The others
// are as large, are decoded as far as that goes, and lack a field: they would keep
// a worker with the race detector busy for minutes.
func TestAThousandLargeRecordsAtOnceAreToldToComeAgainAndBoundInMemory(t *testing.T) {
	t.Parallel()
	// All of them share two cores with the servers: they may be slow.
	s := besiege(t, "flood", "limits: {record_bytes: 1572864}\ntimeouts: {header: 1m, read: 1m}\n")
	const line, honest = `2026-11-23T10:00:00Z INFO reconciled deployment web in namespace prod\n`, 8
	f := flood{s, strings.Repeat(line, 1_500_000/len(line)),
		&http.Client{Transport: &http.Transport{DisableKeepAlives: true}, Timeout: 2 * time.Minute}}
	var answers tally
	uids := make([]string, honest)
	s.during(t, func() {
		var wait sync.WaitGroup
		gate := make(chan struct{})
		for i := range 1000 {
			r := posted(t, fields{"execution_id": fmt.Sprintf("flood-%d", i), "output": "@"})
			if i < honest {
				uids[i] = r.uid()
			} else {
				delete(r, "success")
			}
			wait.Go(func() {
				<-gate
				for status := "429"; status == "429"; {
					status = f.post(t.Context(), r)
					answers.add(status)
					if i >= honest {
						return
					}
				}
			})
		}
		close(gate)
		wait.Wait()
	})
	t.Logf("answers %v", answers.counts)
	if answers.counts["201"] != honest || answers.counts["429"] == 0 || answers.counts["422"] == 0 || len(answers.counts) != 3 {
		t.Errorf("want %d times 201, and 422 and 429, and nothing else: %v", honest, answers.counts)
	}
	for _, uid := range uids {
		theRow(t, healed, types.UID(uid))
	}
}

// flood is one large text for all, without a copy for each.
type flood struct {
	siege
	text string
	http *http.Client
}

// post puts the text where a record says @. It returns the status, or why there
// is none.
func (f flood) post(ctx context.Context, r fields) (status string) {
	begin, end, _ := strings.Cut(r.json(), "@")
	body := io.MultiReader(strings.NewReader(begin), strings.NewReader(f.text), strings.NewReader(end))
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, f.url+httpapi.PathRecords, body)
	if err != nil {
		return err.Error()
	}
	req.ContentLength = int64(len(begin) + len(f.text) + len(end))
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("Authorization", "Bearer "+f.token)
	res, err := f.http.Do(req)
	for errors.Unwrap(err) != nil {
		err = errors.Unwrap(err) // the rest names ports
	}
	if err != nil {
		return err.Error()
	}
	defer res.Body.Close()
	_, _ = io.Copy(io.Discard, res.Body)
	return fmt.Sprint(res.StatusCode)
}
