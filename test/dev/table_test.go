package main

import (
	"bytes"
	"flag"
	"os"
	"strings"
	"testing"
	"time"
)

var update = flag.Bool("update", false, "write the golden files anew")

func TestTheTableIsAlignedAndColouredForPeopleOnly(t *testing.T) {
	t.Parallel()
	lines := []line{
		{"scaled-up", "scale-deployment", "Completed", "0", "Completed", "3f2c9d41", 0, 41 * time.Millisecond},
		{"out-of-memory", "compact-volume", "Failed", "137", "OOMKilled", "a31d6aef", 0, 1040 * time.Millisecond},
		{"secrets-deep-in-parameters", "run-playbook", "Cancelled", "143", "Error", "dbef9d2e", 12, 0},
		{"deleted-while-running", "drain-node", "Executing, deleted", unknown, "PodNotTerminated", "cc33913c", 0, 140 * time.Millisecond},
	}
	var got bytes.Buffer
	for _, s := range []*screen{{out: &got}, {out: &got, colour: true}} {
		s.say("%s", s.header())
		for _, l := range lines {
			s.say("%s", s.line(l))
		}
	}
	const golden = "testdata/table.golden"
	if *update {
		if err := os.WriteFile(golden, got.Bytes(), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	if got.String() != string(want) {
		t.Errorf("the table is\n%s\nnot\n%s", got.String(), want)
	}
}

func TestWhatIsNoTerminalGetsNoColours(t *testing.T) {
	t.Parallel()
	if s := newScreen(&bytes.Buffer{}, false); s.colour || s.person {
		t.Error("a buffer was taken for a terminal")
	}
}

func TestHelpTeaches(t *testing.T) {
	t.Parallel()
	for args, want := range map[string]string{"--help": "demo", "demo --help": "--out", "dev --help": "--keep"} {
		var out bytes.Buffer
		if code := run(strings.Fields(args), &out, &out, time.Now()); code != 0 || !strings.Contains(out.String(), want) {
			t.Errorf("%s: exit code %d:\n%s", args, code, out.String())
		}
	}
	var out bytes.Buffer
	if code := run([]string{"demo", "--colour"}, &out, &out, time.Now()); code == 0 {
		t.Error("an unknown flag is no error")
	}
}
