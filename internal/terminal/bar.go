package terminal

import "strings"

var eighths = []rune("▁▂▃▄▅▆▇█") //nolint:gochecknoglobals // a constant

// Spark draws counts as one bar each. What is not zero is seen, however small
// beside the largest; zero is a space.
func Spark(counts []int64) string {
	var most int64
	for _, n := range counts {
		most = max(most, n)
	}
	var b strings.Builder
	for _, n := range counts {
		if n <= 0 {
			b.WriteByte(' ')
			continue
		}
		b.WriteRune(eighths[int(float64(n)/float64(most)*float64(len(eighths)-1)+0.5)])
	}
	return b.String()
}
