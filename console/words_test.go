package console

import (
	"testing"
	"time"
)

func TestLengthsOfTimeHaveTheDigitsThatMatter(t *testing.T) {
	t.Parallel()
	for d, want := range map[time.Duration]string{
		0: "0 s", 700 * time.Microsecond: "700 µs", 42 * time.Millisecond: "42 ms", 1250 * time.Millisecond: "1.3 s", 90 * time.Second: "1 min 30 s",
		time.Minute: "1 min", 25 * time.Hour: "25 h", 90 * 24 * time.Hour: "90 days", -3 * time.Second: "−3 s",
	} {
		if got := span(d); got != want {
			t.Errorf("%s: %q, want %q", d, got, want)
		}
	}
}

func TestNumbersAreGroupedAndSizesHaveUnits(t *testing.T) {
	t.Parallel()
	for got, want := range map[string]string{
		count(0): "0", count(999): "999", count(1000): "1,000", count(-1234567): "-1,234,567", size(512): "512 B", size(3 << 20): "3.0 MiB",
		percent(0, 0): "–", percent(1, 8): "12.5 %", plural(1, "record"): "1 record", plural(2000, "record"): "2,000 records",
	} {
		if got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}

func TestALoginLeadsNowhereButInside(t *testing.T) {
	t.Parallel()
	for to, want := range map[string]string{
		"/executions/1?x=y": "/executions/1?x=y", "/": "/", "": "/", "//evil.example/": "/", "///evil.example/": "/", "https://evil.example/": "/", `/\evil.example`: "/", "/a\r\nSet-Cookie: x": "/",
		"javascript:alert(1)": "/", "/login?to=/": "/", "/logout": "/", "status": "/", "/\t/evil.example": "/",
	} {
		if got := inside(to); got != want {
			t.Errorf("%q leads to %q, want %q", to, got, want)
		}
	}
}

func TestOnlyAnAddressOfTheWebIsOneOfTemporalsUI(t *testing.T) {
	t.Parallel()
	for address, good := range map[string]bool{
		"": true, "http://localhost:8233": true, "https://temporal.example/ui/": true, "javascript:alert(1)": false, "temporal:8233": false,
		"https://user:secret@temporal.example": false, "https://temporal.example/?x=1": false,
	} {
		if err := CheckTemporalUI(address); (err == nil) != good {
			t.Errorf("%q: %v", address, err)
		}
	}
}
