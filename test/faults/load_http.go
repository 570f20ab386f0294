package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"sync/atomic"
	"time"

	"github.com/google/uuid"

	"github.com/auditflow/auditflow/test/faults/judge"
)

// pathRecords is the contract's, written out here.
const pathRecords = "/api/v1/audit/kubernetes-execution"

// poster is a client of the HTTP door that wants its records recorded: what was
// not taken it posts again, unchanged, until it is.
type poster struct {
	load
	*trial
	number int
	serial *atomic.Int64
	http   *http.Client
}

func newPoster(l load, t *trial, number int, serial *atomic.Int64) *poster {
	transport := &http.Transport{MaxIdleConnsPerHost: 2, IdleConnTimeout: 30 * time.Second}
	return &poster{load: l, trial: t, number: number, serial: serial, http: &http.Client{Transport: transport}}
}

// letter is one record as it is posted; it never changes.
type letter struct {
	uid, name string
	body      json.RawMessage
}

func (p *poster) run(ctx context.Context, stop <-chan struct{}) error {
	defer p.http.CloseIdleConnections()
	for n := 0; !stopped(stop) && ctx.Err() == nil; {
		var open []letter
		for range max(1, p.batch) {
			l, err := p.write(fmt.Sprintf("%s-%sh%d-%d", p.name, p.label, p.number, n))
			if err != nil {
				return err
			}
			open, n = append(open, l), n+1
		}
		err := persist(ctx, stop, "post records", func(ctx context.Context) error {
			var err error
			open, err = p.post(ctx, open)
			if err == nil && len(open) > 0 {
				err = fmt.Errorf("%d of them were not taken", len(open))
			}
			return err
		})
		if err != nil {
			return err
		}
		if rest(ctx, p.rhythm) != nil {
			break
		}
	}
	return nil
}

func (p *poster) write(name string) (l letter, err error) {
	x := p.author(name, int(p.serial.Add(1)))
	x.UID = uuid.NewString()
	return p.letterOf(x, p.age, nil)
}

// post returns those that were not taken.
func (p *poster) post(ctx context.Context, letters []letter) (open []letter, err error) {
	if p.wait {
		return p.postOne(ctx, letters)
	}
	bodies := make([]json.RawMessage, len(letters))
	for i, l := range letters {
		bodies[i] = l.body
	}
	body, err := json.Marshal(bodies)
	if err != nil {
		return letters, err
	}
	key := ""
	if p.keyed {
		key = letters[0].name
	}
	status, text, err := p.send(ctx, pathRecords+"/batch", body, key)
	if err != nil || status != http.StatusOK {
		return letters, orRefused(status, err)
	}
	var answer struct {
		Results []struct{ Index, Status int }
	}
	if err := json.Unmarshal(text, &answer); err != nil || len(answer.Results) != len(letters) {
		return letters, fmt.Errorf("an answer about %d of %d records (%w)", len(answer.Results), len(letters), err)
	}
	now := time.Now()
	for _, r := range answer.Results {
		l := letters[r.Index]
		switch {
		case r.Status == http.StatusCreated:
			p.books.Acknowledge(l.uid, l.name, judge.Durable, now)
		case r.Status == http.StatusTooManyRequests || r.Status >= 500:
			open = append(open, l)
		default:
			p.complain("a good record was answered %d", r.Status)
		}
	}
	if p.keyed && len(open) > 0 {
		open = letters // a key is for the same batch
	}
	return open, nil
}

// postOne posts one record and waits for its row; 202 tells that it is durable.
func (p *poster) postOne(ctx context.Context, letters []letter) (open []letter, err error) {
	l := letters[0]
	status, _, err := p.send(ctx, pathRecords+"?wait=persisted", l.body, "")
	switch {
	case err == nil && status == http.StatusCreated:
		p.books.Acknowledge(l.uid, l.name, judge.Persisted, time.Now())
	case err == nil && status == http.StatusAccepted:
		p.books.Acknowledge(l.uid, l.name, judge.Durable, time.Now())
	case err == nil && status < 500 && status != http.StatusTooManyRequests:
		p.complain("a good record was answered %d", status)
	default:
		return letters, orRefused(status, err)
	}
	return letters[1:], nil
}

func orRefused(status int, err error) error {
	if err == nil {
		err = fmt.Errorf("answered %d", status)
	}
	return err
}

// send posts a body and waits as long as it is told to when it is refused.
func (p *poster) send(ctx context.Context, path string, body []byte, key string) (status int, text []byte, err error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, p.door()+path, bytes.NewReader(body))
	if err != nil {
		return 0, nil, err
	}
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("Authorization", "Bearer "+p.product.Token)
	if key != "" {
		r.Header.Set("Idempotency-Key", key)
	}
	res, err := p.http.Do(r)
	if err != nil {
		return 0, nil, err
	}
	defer res.Body.Close()
	if text, err = io.ReadAll(res.Body); err != nil {
		return 0, nil, err // an answer that was cut off is none
	}
	if seconds, err := strconv.Atoi(res.Header.Get("Retry-After")); err == nil {
		_ = rest(ctx, time.Duration(min(seconds, 5))*time.Second)
	}
	return res.StatusCode, text, nil
}
