package main

import (
	"strings"
	"testing"

	"github.com/auditflow/auditflow/internal/config"
	"github.com/auditflow/auditflow/internal/daemon"
)

func TestWhatAllHaveAlikeIsToldOnceAndTheRestOfEach(t *testing.T) {
	t.Parallel()
	key := func(field, fallback string) daemon.Described {
		return daemon.Described{Key: config.Key{Field: field, Type: "text", Default: fallback}, Says: "says " + field}
	}
	var page strings.Builder
	err := write(&page, []program{{"a", []daemon.Described{key("same", "x"), key("listen", ":1")}}, {"b", []daemon.Described{key("listen", ":2"), key("same", "x")}}})
	if err != nil {
		t.Fatal(err)
	}
	all, rest, _ := strings.Cut(page.String(), "\n## a\n")
	if !strings.Contains(all, "| `same` | text | `x` | says same |") || strings.Contains(rest, "`same`") {
		t.Errorf("what both have:\n%s", &page)
	}
	if strings.Contains(all, "listen") || !strings.Contains(rest, "`:1`") || !strings.Contains(rest, "`:2`") {
		t.Errorf("what they have otherwise:\n%s", &page)
	}
}

func TestAKeyIsToldWithWhatOutranksIt(t *testing.T) {
	t.Parallel()
	d := daemon.Described{Key: config.Key{Field: "log_level", Type: "one of", Bounds: "a|b", Env: "X", Flag: true, Must: true}, Says: "how much"}
	if got := says(d); got != "how much. Outranked by environment variable `X`. Outranked by flag `--log-level`" {
		t.Error(got)
	}
	if takes(d) != `one of: a\|b` || standard(d) != "*required*" {
		t.Error(takes(d), standard(d))
	}
}
