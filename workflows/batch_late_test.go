package workflows

import (
	"context"
	"testing"
	"testing/synctest"
	"time"
)

// pend waits for the ends of n deliveries that are started one after the other.
func (l *lane) pend(ctx context.Context, t *testing.T, n int) {
	t.Helper()
	for i := range n {
		d, err := l.Start(ctx, some(i))
		if err != nil {
			t.Fatal(err)
		}
		go func() {
			for ctx.Err() == nil { // in slices, as the controller does
				slice, cancel := context.WithTimeout(ctx, 4*lateAfter)
				_, err := d.Wait(slice)
				cancel()
				if err == nil {
					return
				}
			}
		}()
	}
}

func TestWhileManyDeliveriesAreLateRecordsGather(t *testing.T) {
	bubble(t, func(t *testing.T) {
		l := open(BatchConfig{Wait: time.Hour}, time.Millisecond)
		l.ends = make(chan struct{})
		l.pend(t.Context(), t, manyLate)
		before := len(l.sizes())
		begin := func(n int) {
			go func() {
				if _, err := l.Start(t.Context(), some(100+n)); err != nil {
					t.Error(err)
				}
			}()
			synctest.Wait()
			time.Sleep(company / 10)
		}
		begin(0)
		begin(1)
		if got := len(l.sizes()) - before; got != 2 {
			t.Errorf("%d workflows of 2 records while none was late", got)
		}
		time.Sleep(10 * lateAfter) // several slices
		for n := range 25 {        // 2.5 s
			begin(2 + n)
		}
		time.Sleep(company)
		if got := l.sizes()[before+2:]; len(got) != 3 {
			t.Errorf("workflows of %v records while all were late, one each second wanted", got)
		}
		close(l.ends)
		synctest.Wait()
		before = len(l.sizes())
		begin(30)
		begin(31)
		if got := len(l.sizes()) - before; got != 2 {
			t.Errorf("%d workflows of 2 records after all had ended", got)
		}
	})
}

func TestFewLateDeliveriesHoldNobodyUp(t *testing.T) {
	bubble(t, func(t *testing.T) {
		l := open(BatchConfig{Wait: time.Hour}, time.Millisecond)
		ctx, leave := context.WithCancel(t.Context())
		l.pend(ctx, t, manyLate-1)
		time.Sleep(2 * lateAfter)
		began := time.Now()
		if _, err := l.Start(t.Context(), some(99)); err != nil || time.Since(began) != time.Millisecond {
			t.Errorf("started after %s, %v", time.Since(began), err)
		}
		leave()
		synctest.Wait()
		if n := l.late.late.Load(); n != 0 {
			t.Errorf("%d are late, and nobody waits", n)
		}
	})
}
