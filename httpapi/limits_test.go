package httpapi_test

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/auditflow/auditflow/httpapi"
)

// dial opens a connection and sends the beginning of a request.
func (d *door) dial(text string) net.Conn {
	d.t.Helper()
	c, err := net.Dial("tcp", d.address)
	if err != nil {
		d.t.Fatal(err)
	}
	d.t.Cleanup(func() { _ = c.Close() })
	if _, err := io.WriteString(c, text); err != nil {
		d.t.Fatal(err)
	}
	_ = c.SetReadDeadline(time.Now().Add(30 * time.Second))
	return c
}

func answerOf(t *testing.T, c net.Conn) reply {
	t.Helper()
	res, err := http.ReadResponse(bufio.NewReader(c), nil)
	if err != nil {
		t.Fatal(err)
	}
	return read(t, res)
}

const head = "POST " + httpapi.PathRecords + " HTTP/1.1\r\nHost: api\r\nContent-Type: application/json\r\n"

func TestTooManyRecordsPerSecondAreToldWhenToComeAgain(t *testing.T) {
	t.Parallel()
	d := open(t, limits(func(l *httpapi.Limits) { l.Rate, l.Burst, l.BatchRecords = 0.01, 2, 2 }))
	d.post(body(t)).want(t, http.StatusCreated)
	a, _ := d.batch("[" + body(t) + "," + body(t) + "]") // takes nothing: there is one left
	a.want(t, http.StatusTooManyRequests)
	d.post(body(t)).want(t, http.StatusCreated)
	a = d.post(body(t)).want(t, http.StatusTooManyRequests)
	if seconds, err := strconv.Atoi(a.Header.Get("Retry-After")); err != nil || seconds < 50 || seconds > 100 {
		t.Errorf("Retry-After %q", a.Header.Get("Retry-After"))
	}
}

func TestBodiesInHandAreBoundedTogether(t *testing.T) {
	t.Parallel()
	d := open(t, limits(func(l *httpapi.Limits) { l.RecordBytes, l.BatchBytes, l.InFlightBytes = 1000, 1000, 1000 }))
	c := d.dial(head + "Content-Length: 999\r\n\r\n{") // and nothing more
	eventually(t, "the first body is in hand", d.hasInFlight(999))
	if a := d.post(body(t)).want(t, http.StatusTooManyRequests); a.Header.Get("Retry-After") == "" {
		t.Error("no Retry-After")
	}
	_ = c.Close()
	eventually(t, "its room is free again", d.hasInFlight(0))
	d.post(body(t)).want(t, http.StatusCreated)
}

func TestABodyOfUnknownSizeCountsAsTheLargestThereMayBe(t *testing.T) {
	t.Parallel()
	d := open(t, limits(func(l *httpapi.Limits) { l.RecordBytes, l.BatchBytes, l.InFlightBytes = 1000, 1000, 1100 }))
	c := d.dial(head + "Transfer-Encoding: chunked\r\n\r\n1\r\n{\r\n") // and nothing more
	eventually(t, "the first body is in hand", d.hasInFlight(1000))
	d.post(body(t)).want(t, http.StatusTooManyRequests)
	_ = c.Close()
	eventually(t, "its room is free again", d.hasInFlight(0))
	d.post(body(t)).want(t, http.StatusCreated)
}

// hasInFlight asks the metrics how many bytes are in hand.
func (d *door) hasInFlight(n int) func() bool {
	return func() bool {
		return strings.Contains(d.send(http.MethodGet, "/metrics", "").text, fmt.Sprintf("auditflow_http_in_flight_bytes %d\n", n))
	}
}

// It must be told to come again, whichever limit is reached, and not find its
// connection broken while it sends.
func TestWhoIsToldToComeAgainHearsItHoweverMuchItSends(t *testing.T) {
	t.Parallel()
	const large = 900_000 // net/http reads on for 256 KiB by itself
	full := open(t, limits(func(l *httpapi.Limits) { l.RecordBytes, l.BatchBytes, l.InFlightBytes = large, large, large }))
	full.dial(head + "Content-Length: 10\r\n\r\n{")
	eventually(t, "some room is taken", full.hasInFlight(10))
	often := open(t, limits(func(l *httpapi.Limits) { l.Rate, l.Burst, l.BatchRecords = 0.01, 1, 1 }))
	often.post(body(t)).want(t, http.StatusCreated)
	for name, d := range map[string]*door{"bytes": full, "rate": often} {
		c := d.dial(fmt.Sprintf("%sContent-Length: %d\r\n\r\n", head, large))
		for sent := 0; sent < large; sent += large / 100 { // all of it, before it listens
			if _, err := io.WriteString(c, strings.Repeat(" ", large/100)); err != nil {
				t.Fatalf("%s: cut off after %d bytes: %v", name, sent, err)
			}
		}
		if a := answerOf(t, c).want(t, http.StatusTooManyRequests); a.Header.Get("Retry-After") == "" || a.Close {
			t.Errorf("%s: Retry-After %q, the connection is closed: %t", name, a.Header.Get("Retry-After"), a.Close)
		}
	}
}

func TestABodyThatIsTooLargeIsNotRead(t *testing.T) {
	t.Parallel()
	d := open(t)
	c := d.dial(head + "Content-Length: 104857600\r\n\r\n") // is answered before the first byte
	answerOf(t, c).want(t, http.StatusRequestEntityTooLarge)

	chunked := d.dial(head + "Transfer-Encoding: chunked\r\n\r\n")
	go func() { // without end
		chunk := "10000\r\n" + strings.Repeat(" ", 0x10000) + "\r\n"
		for {
			if _, err := io.WriteString(chunked, chunk); err != nil {
				return
			}
		}
	}()
	answerOf(t, chunked).want(t, http.StatusRequestEntityTooLarge)
}

func TestBodiesThatEndEarlyOrDribbleAreRefused(t *testing.T) {
	t.Parallel()
	d := open(t, func(_ *httpapi.Config, s *httpapi.Server) {
		s.HeaderTimeout, s.ReadTimeout = 300*time.Millisecond, 600*time.Millisecond
	})
	short := d.dial(head + "Content-Length: 100\r\n\r\n{}").(*net.TCPConn)
	_ = short.CloseWrite()
	answerOf(t, short).want(t, http.StatusBadRequest)

	slow := d.dial(head + "Content-Length: 100\r\n\r\n{")
	answerOf(t, slow).want(t, http.StatusRequestTimeout)
	batch := d.dial(strings.Replace(head, " HTTP", "/batch HTTP", 1) + "Content-Length: 100\r\n\r\n[")
	answerOf(t, batch).want(t, http.StatusRequestTimeout)

	silent := d.dial("POST / HTTP/1.1\r\nHost") // slowloris
	if text, err := io.ReadAll(silent); err != nil || strings.Contains(string(text), " 200 ") {
		t.Errorf("%q, %v: want the connection closed", text, err)
	}
	huge := d.dial("GET /healthz HTTP/1.1\r\nHost: api\r\nX-Canary: " + strings.Repeat("c", 1<<14) + strings.Repeat("c", 1<<13) + "\r\n\r\n")
	answerOf(t, huge).want(t, http.StatusRequestHeaderFieldsTooLarge)
}

func TestAStopAnswersWhatIsInHand(t *testing.T) {
	t.Parallel()
	d := open(t)
	text := body(t)
	c := d.dial(fmt.Sprintf("%sContent-Length: %d\r\n\r\n%s", head, len(text), text[:10]))
	eventually(t, "the request is in hand", d.hasInFlight(len(text)))
	d.stop()
	eventually(t, "nobody listens", func() bool {
		other, err := new(net.Dialer).DialContext(context.Background(), "tcp", d.address)
		if err == nil {
			_ = other.Close()
		}
		return err != nil
	})
	select { // whoever runs it would end the process now, and cut the request off
	case err := <-d.ended:
		t.Fatalf("Run has returned with a request in hand (%v)", err)
	case <-time.After(300 * time.Millisecond):
	}
	if _, err := io.WriteString(c, text[10:]); err != nil {
		t.Fatal(err)
	}
	answerOf(t, c).want(t, http.StatusCreated)
	if err := <-d.ended; err != nil {
		t.Error(err)
	}
}

func TestLimitsThatContradictEachOtherAreRefused(t *testing.T) {
	t.Parallel()
	if faults := (httpapi.Limits{}).Faults(); len(faults) != 6 {
		t.Errorf("of no limits at all: %v", faults)
	}
	l := httpapi.DefaultLimits()
	if faults := l.Faults(); len(faults) > 0 {
		t.Errorf("of the defaults: %v", faults)
	}
	l.RecordBytes, l.InFlightBytes, l.Burst = httpapi.MaxRecordBytes+1, l.BatchBytes-1, l.BatchRecords-1
	if faults := l.Faults(); len(faults) != 3 {
		t.Errorf("%v", faults)
	}
}

// eventually waits until the condition holds.
func eventually(t *testing.T, what string, condition func() bool) {
	t.Helper()
	for deadline := time.Now().Add(30 * time.Second); !condition(); time.Sleep(20 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("waited in vain: %s", what)
		}
	}
}
