package redact_test

import (
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/auditflow/auditflow/audit/redact"
)

// TestTimeIsLinear compares the time for a text with that for eight times the
// text. It does not run in parallel with other tests, and takes the best of some
// attempts: a busy machine makes single ones slow, but not the same ones.
func TestTimeIsLinear(t *testing.T) { //nolint:paralleltest // it measures time
	r := redact.New()
	for name, piece := range map[string]string{
		"letters": "aaaaaaaa", "begun tokens": "eyJ", "quotes": `password":"`, "names": "token=", "backslashes": `\`, "brackets": `{"a":[`,
		"URLs": "http://token:", "data": "data:\n a: b\n", "deeper data": "data:\n  data:\n    data:\n", "dotted": "aB3dE5fG7hI9jK1lM3nO5.", "escapes": "%2541",
		"wrapped": strings.Repeat("aGVsbG8g", 8) + "\n", "goes on": "a \\\n", "begun keys": "-----BEGIN PRIVATE " + "KEY-----\nMIIEpAIBAAKCAQEAaaaa", "sealed": "ENC[",
		"certificates": "-----BEGIN CERTIFICATE-----\n", "blocks": "password: |\n", "columns": "token   \n", "compared": `"x" == password `, "entities": "&#65;",
		"users": "user=a1 pwd=b1;", "users and nothing": "user=a1;", "lines in JSON": `a: b\n`, "forms": "a=%20b+c&", "plus signs": "+", "phrases": "password: one two three four\n",
		"URLs with users": "db://user:pw@h ", "calls": `login("a","b","c")`,
	} {
		const small, factor, limit = 32 << 10, 8, 30 // quadratic would be 64
		best := 1e9
		for range 5 {
			one := timed(t, r, strings.Repeat(piece, small/len(piece)))
			many := timed(t, r, strings.Repeat(piece, factor*small/len(piece)))
			best = min(best, float64(many)/float64(one))
			if best < limit {
				break
			}
		}
		if best > limit {
			t.Errorf("%s: %d times the text takes %.0f times as long", name, factor, best)
		}
	}
}

// timed is processor time: nothing else runs in this process meanwhile.
func timed(t *testing.T, r *redact.Redactor, text string) time.Duration {
	t.Helper()
	start := processorTime(t)
	r.Text(text)
	return max(processorTime(t)-start, 200*time.Microsecond)
}

func processorTime(t *testing.T) time.Duration {
	t.Helper()
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		t.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
