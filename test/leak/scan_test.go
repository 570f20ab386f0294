package leak

import (
	"io"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"testing/iotest"
)

func counts(t *testing.T, patterns []string, r io.Reader) []int {
	t.Helper()
	found := make([]int, len(patterns))
	if _, err := newScanner(patterns).scan(r, func(p int) { found[p]++ }); err != nil {
		t.Fatal(err)
	}
	return found
}

// overlapping counts occurrences the slow and obvious way.
func overlapping(text, pattern string) (n int) {
	for i := range text {
		if strings.HasPrefix(text[i:], pattern) {
			n++
		}
	}
	return n
}

// letters are n of an alphabet so small that patterns overlap and repeat.
func letters(n int) string {
	b := make([]byte, n)
	for i := range b {
		b[i] = "ab\x00"[rand.IntN(3)]
	}
	return string(b)
}

func TestScannerFindsWhatOverlaps(t *testing.T) {
	t.Parallel()
	patterns := []string{"he", "she", "his", "hers", "he"}
	if got := counts(t, patterns, strings.NewReader("ushers and his")); !slices.Equal(got, []int{1, 1, 1, 1, 1}) {
		t.Errorf("found %v", got)
	}
}

func TestScannerAgreesWithSearchingOneByOne(t *testing.T) {
	t.Parallel()
	for range 300 {
		var patterns []string
		for range 1 + rand.IntN(8) {
			patterns = append(patterns, letters(1+rand.IntN(5)))
		}
		text := letters(rand.IntN(200))
		var want []int
		for _, p := range patterns {
			want = append(want, overlapping(text, p))
		}
		if got := counts(t, patterns, iotest.HalfReader(strings.NewReader(text))); !slices.Equal(got, want) {
			t.Fatalf("%q in %q: %v, want %v", patterns, text, got, want)
		}
	}
}

func TestScannerSeesAcrossTheEndsOfItsChunks(t *testing.T) {
	t.Parallel()
	const secret = "Otter!Violin48213"
	for before := 1<<18 - len(secret); before <= 1<<18; before++ {
		text := strings.Repeat("O", before) + secret + "xx"
		if got := counts(t, []string{secret}, strings.NewReader(text)); got[0] != 1 {
			t.Errorf("not found at %d", before)
		}
	}
	if got := counts(t, []string{secret}, iotest.OneByteReader(strings.NewReader("Ott"+secret))); got[0] != 1 {
		t.Error("not found byte by byte, after its own beginning")
	}
}

func TestScannerTellsLongPatternsThatBeginAlike(t *testing.T) {
	t.Parallel()
	patterns := []string{"H4sIAAAAAAAA/one", "H4sIAAAAAAAA/other", "H4sIAAAA", "AAAA/other"}
	text := "... H4sIAAAAAAAA/other, H4sIAAAAAAAA/on"
	if got := counts(t, patterns, strings.NewReader(text)); !slices.Equal(got, []int{0, 1, 2, 1}) {
		t.Errorf("found %v", got)
	}
}

func TestScannerWithoutPatternsReadsAll(t *testing.T) {
	t.Parallel()
	size, err := newScanner(nil).scan(strings.NewReader("0123456789"), func(int) { t.Error("found something") })
	if size != 10 || err != nil {
		t.Errorf("read %d bytes, %v", size, err)
	}
}

func TestScannerReportsWhatItCouldNotRead(t *testing.T) {
	t.Parallel()
	broken := io.MultiReader(strings.NewReader("abc"), iotest.ErrReader(io.ErrUnexpectedEOF))
	if _, err := newScanner([]string{"x"}).scan(broken, func(int) {}); err == nil {
		t.Error("no error")
	}
}
