package archive

import (
	"container/heap"
	"context"
	"iter"

	"github.com/auditflow/auditflow/audit"
)

// merged yields the rows of all cursors in the order of the trail. A row that is
// in the archive twice, which does no harm, is yielded once.
func merged(ctx context.Context, cursors []*cursor, how reading) iter.Seq2[*row, error] {
	return func(yield func(*row, error) bool) {
		defer func() {
			for _, c := range cursors {
				c.close()
			}
		}()
		waiting := queue(append([]*cursor(nil), cursors...))
		heap.Init(&waiting)
		var last audit.Entry
		begun := false
		for len(waiting) > 0 {
			c := waiting[0]
			if c.row != nil && (!begun || c.at != last) {
				last, begun = c.at, true
				if !yield(c.row, nil) {
					return
				}
			}
			more, err := c.advance(ctx, how)
			if err != nil {
				yield(nil, err)
				return
			}
			if !more {
				heap.Pop(&waiting)
				continue
			}
			heap.Fix(&waiting, 0)
		}
	}
}

// queue has the cursor with the earliest row first.
type queue []*cursor

func (q queue) Len() int           { return len(q) }
func (q queue) Less(i, j int) bool { return q[i].at.Compare(q[j].at) < 0 }
func (q queue) Swap(i, j int)      { q[i], q[j] = q[j], q[i] }

// Push is for package heap.
func (q *queue) Push(c any) { *q = append(*q, c.(*cursor)) }

// Pop is for package heap.
func (q *queue) Pop() any {
	last := (*q)[len(*q)-1]
	*q = (*q)[:len(*q)-1]
	return last
}
