//go:build siege

package e2e

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/types"

	"github.com/auditflow/auditflow/httpapi"
)

// Package httpapi tests what one bad request is answered. Here many of them meet
// the real program: it must stay small, and take what others post meanwhile.

// dial sends the beginning of a request.
func (s siege) dial(text string) (net.Conn, error) {
	c, err := net.Dial("tcp", strings.TrimPrefix(s.url, "http://"))
	if err != nil {
		return nil, err
	}
	_, err = io.WriteString(c, text)
	return c, err
}

// beginOf is a request as far as its headers, less the blank line after them.
func (s siege) beginOf(path string) string {
	return "POST " + path + " HTTP/1.1\r\nHost: api\r\nContent-Type: application/json\r\nAuthorization: Bearer " + s.token + "\r\n"
}

func TestThousandsOfConnectionsThatSayLittleAreClosedAndHoldNobodyUp(t *testing.T) {
	t.Parallel()
	s := besiege(t, "slow", "timeouts: {header: 3s, read: 5s, idle: 3s}\n")
	silent := map[string]int{
		"":                                     2000, // says nothing
		"POST /api/v1/audit/kuber":             300,  // slowloris: a line that never ends
		s.beginOf(httpapi.PathRecords) + "X-A": 300,  // headers that never end
		s.beginOf(httpapi.PathRecords) + "Content-Length: 1000\r\n\r\n{":    300,  // a body that never ends
		s.beginOf(httpapi.PathBatch) + "Transfer-Encoding: chunked\r\n\r\n": 3,    // as large as all that may be in hand, less one
		"GET /healthz HTTP/1.1\r\nHost: api\r\n\r\n":                        1000, // says nothing more
	}
	s.during(t, func() {
		var wait sync.WaitGroup
		for text, n := range silent {
			for range n {
				c, err := s.dial(text)
				if err != nil {
					t.Error(err)
					return
				}
				wait.Go(func() {
					defer c.Close()
					_ = c.SetReadDeadline(time.Now().Add(healed))
					if _, err := io.Copy(io.Discard, c); err != nil {
						t.Errorf("after %.30q the connection stayed open: %v", text, err)
					}
				})
			}
		}
		wait.Wait()
	})
}

func TestBodiesWithoutEndAreRefusedOneByOneAndAllAtOnce(t *testing.T) {
	t.Parallel()
	s := besiege(t, "endless", "")
	const mb = 1 << 20
	large := strings.Repeat("x", 100*mb)
	for name, tc := range map[string]struct {
		path, body string
		headers    []string
		status     int
	}{
		"100 MB in one line":            {httpapi.PathRecords, `{"output":"` + large + `"}`, nil, 413},
		"100 MB in one line of a batch": {httpapi.PathBatch, large, []string{"Content-Type", "application/x-ndjson"}, 413},
		"a million elements":            {httpapi.PathBatch, "[" + strings.Repeat("1,", 1_000_000) + "1]", nil, 413},
		"a million parameters":          {httpapi.PathRecords, `{"action_parameters":[` + strings.Repeat("1,", 1_000_000) + "1]}", nil, 413},
		"brackets only":                 {httpapi.PathRecords, strings.Repeat("[", mb), nil, 413},
		"names only":                    {httpapi.PathRecords, "{" + strings.Repeat(`"a":1,`, mb/8) + `"a":1}`, nil, 422},
	} {
		// Before so much is sent, a client asks whether it may.
		s.send(t, http.MethodPost, tc.path, tc.body, append(tc.headers, "Expect", "100-continue")...).want(tc.status)
		t.Log(name)
	}
	array := posted(t, fields{"action_parameters": map[string]any{"list": make([]int, 200_000)}})
	s.post(t, "?wait=persisted", array.json()).want(http.StatusCreated)
	theRow(t, patience, types.UID(array.uid()))

	chunk := fmt.Sprintf("%x\r\n%s\r\n", 1<<16, strings.Repeat(" ", 1<<16))
	s.during(t, func() {
		var wait sync.WaitGroup
		for range 50 {
			wait.Go(func() {
				c, err := s.dial(s.beginOf(httpapi.PathBatch) + "Transfer-Encoding: chunked\r\n\r\n")
				if err != nil {
					t.Error(err)
					return
				}
				defer c.Close()
				for range 1000 { // 62 MiB, unless it is cut off before: buffers on the way take a part
					if _, err := io.WriteString(c, chunk); err != nil {
						return
					}
				}
				t.Error("62 MiB of a body without end were taken")
			})
		}
		wait.Wait()
	})
}
