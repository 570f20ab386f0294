package redact

import (
	"strings"
	"testing"
)

// FuzzDullTextsHoldNothing is the promise of [Redactor.dull].
func FuzzDullTextsHoldNothing(f *testing.F) {
	for _, s := range []string{
		"scale-deployment", "restart-pod-nnd6rrhn", "registry.example/shop/app:1.33.7", "cpu above 80 % for 10 minutes", "Kube PodCrashLooping",
		"https://runbooks.example/search/82", "password=hunter2", "AKIA2E0A8F3B244C9986", "p%61ssword=hunter2", "eyJhbGciOiJIUzI1NiJ9", "a\nb",
		strings.Repeat("abc ", 64), strings.Repeat("abc ", 65), "Bearer abc.def-ghi", "s.abcdefghijklmnopqrstuvwx", "пароль: x", "\xff",
	} {
		f.Add(s)
	}
	r := New()
	f.Fuzz(func(t *testing.T, s string) {
		if !r.dull(s) {
			return
		}
		if found := r.lookClosely(s, 0); len(found) > 0 {
			t.Fatalf("%q is called dull, and holds %v", s, found)
		}
	})
}

func TestNamesOfARecordAreDull(t *testing.T) {
	t.Parallel()
	for s, want := range map[string]bool{
		"scale-deployment": true, "kubernaut-system": true, "registry.example/app:1.33.7": true, "CrashLoopBackOff": true, "cpu above 80 % for 10 minutes": false, // a percent sign may encode
		"password": false, "2f5d3a0b9c8e7f6a5b4c": false, "two\nlines": false, "größer": false, strings.Repeat("a ", 129): false,
	} {
		if got := New().dull(s); got != want {
			t.Errorf("%q: dull %v, want %v", s, got, want)
		}
	}
}
