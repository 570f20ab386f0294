package main

import (
	"strings"
	"testing"

	"github.com/auditflow/auditflow/test/leak"
)

func TestALeakAndABrokenSearchAreFaults(t *testing.T) {
	t.Parallel()
	p := &plants{}
	secret := p.plant("password", password())
	s := p.search()
	for place, text := range map[string]string{leak.PlaceLogs: "oops " + secret, leak.PlaceTables: p.canary()} {
		if err := s.Read(place, "worker.log", strings.NewReader(text)); err != nil {
			t.Fatal(err)
		}
	}
	f := findings{search: s, plants: p}
	faults := strings.Join(f.faults(), "\n")
	if !strings.Contains(faults, "leaked: password: worker.log (logs, raw)") || !strings.Contains(faults, "did not find in "+leak.PlaceRows) {
		t.Errorf("faults:\n%s", faults)
	}
	if strings.Contains(faults, secret) || strings.Contains(faults, "did not find in "+leak.PlaceTables) || f.figures().Leaked != 1 {
		t.Errorf("the value is printed, or not counted, or what was seen is called unseen: %+v\n%s", f.figures(), faults)
	}
}
