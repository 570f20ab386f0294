package controller

import "testing"

// BenchmarkMap tells what making a record of an execution costs, its Job and pod
// at hand.
func BenchmarkMap(b *testing.B) {
	f := facts()
	b.ReportAllocs()
	for b.Loop() {
		if r := Map(f); r.ID == "" {
			b.Fatal("a record without an id")
		}
	}
}
