package httpapi

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"os"
	"slices"
	"strings"
	"time"
)

// Limits bound what clients can ask of the process. All are required;
// [DefaultLimits] has them.
type Limits struct {
	RecordBytes   int64         // of one record's JSON, at most [MaxRecordBytes]
	BatchBytes    int64         // of a batch's body
	BatchRecords  int           // in one batch
	InFlightBytes int64         // of all bodies in hand; at least BatchBytes
	Rate          float64       // records per second, over all clients
	Burst         int           // records at once, at least BatchRecords
	Starts        int           // of workflows under way at once
	StartTimeout  time.Duration // for Temporal to confirm a record
	WaitTimeout   time.Duration // of ?wait=persisted
}

// MaxRecordBytes leaves what sealing and redacting add, when nothing can be
// compressed, room below the 2 MiB that Temporal takes as an input.
const MaxRecordBytes = 3 << 19

// DefaultLimits are those of a process with 256 MiB of memory. The time for
// Temporal is shorter than the five seconds that the seed's client waits.
func DefaultLimits() Limits {
	return Limits{
		RecordBytes: 1 << 20, BatchBytes: 8 << 20, BatchRecords: 1000, InFlightBytes: 32 << 20,
		Rate: 2000, Burst: 4000, Starts: 64, StartTimeout: 4 * time.Second, WaitTimeout: 30 * time.Second,
	}
}

// Faults are all that is wrong with the limits, each with its field in a
// configuration.
func (l Limits) Faults() (faults []Fault) {
	require := func(ok bool, field, rule string) {
		if !ok {
			faults = append(faults, Fault{field, rule})
		}
	}
	require(l.RecordBytes > 0 && l.RecordBytes <= MaxRecordBytes, "record_bytes", fmt.Sprintf("must lie between 1 and %d", MaxRecordBytes))
	require(l.BatchBytes >= l.RecordBytes, "batch_bytes", "must not be less than record_bytes")
	require(l.InFlightBytes >= l.BatchBytes, "in_flight_bytes", "must not be less than batch_bytes")
	require(l.BatchRecords > 0, "batch_records", "must be positive")
	require(l.Rate > 0, "rate", "must be positive")
	require(l.Burst >= l.BatchRecords, "burst", "must not be less than batch_records")
	require(l.Starts > 0, "starts", "must be positive")
	require(l.StartTimeout > 0, "start_timeout", "must be positive")
	require(l.WaitTimeout > 0, "wait_timeout", "must be positive")
	return faults
}

// mediaTypeOf is the Content-Type of a body, one of those accepted. What is
// compressed is not taken: nobody can tell how much it becomes.
func mediaTypeOf(r *http.Request, accepted ...string) (string, *Problem) {
	accept := strings.Join(accepted, " or ")
	if r.Header.Get("Content-Encoding") != "" {
		return "", mediaType("a Content-Encoding is not taken", accept+", not compressed")
	}
	got, parameters, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if err != nil || !slices.Contains(accepted, got) {
		return "", mediaType("it is another one or none", accept)
	}
	if charset, given := parameters["charset"]; given && !strings.EqualFold(charset, "utf-8") {
		return "", mediaType("the charset is not UTF-8", accept)
	}
	return got, nil
}

// body reads a body of at most limit bytes, if there is room for it in memory
// beside all that is in hand. release must be called once it is no longer needed.
func (d *door) body(w http.ResponseWriter, r *http.Request, limit int64) (text []byte, release func(), p *Problem) {
	size := r.ContentLength
	if size > limit {
		return nil, nil, tooLarge(fmt.Sprintf("at most %d bytes", limit))
	}
	if size < 0 {
		size = limit // chunked: it may become so much
	}
	if !d.bytes.TryAcquire(size) {
		d.metrics.refused.WithLabelValues("bytes").Inc()
		return nil, nil, busy("too many bytes are in hand", time.Second)
	}
	d.metrics.bytes.Add(float64(size))
	release = func() {
		d.metrics.bytes.Sub(float64(size))
		d.bytes.Release(size)
	}
	text, err := readAll(http.MaxBytesReader(w, r.Body, limit), r.ContentLength)
	if err != nil {
		release()
		return nil, nil, bodyProblem(err, limit)
	}
	return text, release, nil
}

// readAll takes the memory that was accounted for and no more, where the client
// said how much it sends: growing would take several times as much.
func readAll(body io.Reader, size int64) ([]byte, error) {
	if size < 0 {
		return io.ReadAll(body)
	}
	text := bytes.NewBuffer(make([]byte, 0, size+bytes.MinRead)) // which it wants to be free to notice the end
	_, err := text.ReadFrom(body)
	return text.Bytes(), err
}

// swallow lets a client that was told to come again finish its sentence: one that
// is cut off while it sends hears nothing but that its connection broke.
func (d *door) swallow(r *http.Request) {
	_, _ = io.CopyN(io.Discard, r.Body, d.limits.BatchBytes) // as far as it comes
}

func bodyProblem(err error, limit int64) *Problem {
	var large *http.MaxBytesError
	switch {
	case errors.As(err, &large):
		return tooLarge(fmt.Sprintf("at most %d bytes", limit))
	case errors.Is(err, os.ErrDeadlineExceeded):
		return problem(http.StatusRequestTimeout, "slow", "The body took too long to arrive", "")
	}
	return malformed("it ended early")
}

// admit takes n records from the rate, all or none.
func (d *door) admit(n int) *Problem {
	now := d.now()
	reservation := d.rate.ReserveN(now, n)
	wait := reservation.DelayFrom(now)
	if wait == 0 {
		return nil
	}
	reservation.CancelAt(now) // it takes nothing from those who come later
	d.metrics.refused.WithLabelValues("rate").Inc()
	return busy("too many records per second", wait)
}

// turn waits until one more workflow may be started.
func (d *door) turn(ctx context.Context) (done func(), p *Problem) {
	ctx, cancel := context.WithTimeout(ctx, d.limits.StartTimeout)
	defer cancel()
	select {
	case d.records <- struct{}{}:
		return func() { <-d.records }, nil
	case <-ctx.Done():
		d.metrics.refused.WithLabelValues("starts").Inc()
		return nil, busy("too many records wait for Temporal", time.Second)
	}
}
