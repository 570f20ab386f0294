package audit_test

import (
	"encoding/json"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/auditflow/auditflow/audit"
)

func TestWhatIsSettledStaysAsItIsWithoutANote(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		value := json.RawMessage(drawJSON(4).Draw(t, "json"))
		compareSettled(t, value)
		once, _ := audit.Settle(value)
		compareSettled(t, once)
	})
}

func FuzzWhatIsSettledStaysAsItIsWithoutANote(f *testing.F) {
	for _, text := range append(awkward, `{"a":1,"a":2}`, `{"b":1,"a":2}`, `-0.00`, `1e5`, `[-1.50]`, `null`, strings.Repeat("[", 600)) {
		f.Add([]byte(text))
	}
	f.Fuzz(func(t *testing.T, value []byte) { compareSettled(t, value) })
}

func compareSettled(t interface{ Fatalf(string, ...any) }, value json.RawMessage) {
	if !audit.Settled(value) {
		return
	}
	if got, notes := audit.Settle(value); string(got) != string(value) || len(notes) > 0 {
		t.Fatalf("%q is called settled, and becomes %q with %v", value, got, notes)
	}
}

func TestMostParametersAreSettled(t *testing.T) {
	t.Parallel()
	nested := func(n int) string { return strings.Repeat("[", n) + strings.Repeat("]", n) }
	for value, want := range map[string]bool{
		`{"image":"registry.example/shop/app:1.33.7","replicas":3,"wait":true,"why":"größer als 80 %"}`: true,
		`{"a":{"b":[1,-2.50,null,{}]},"ab":[]}`:                                                         true, `"text"`: true, `0.10`: true, nested(audit.MaxDepth): true,
		`null`: false, ``: false, ` 1`: false, `[1, 2]`: false, `{"b":1,"a":1}`: false, `{"a":1,"a":1}`: false, `1e3`: false, `-0.0`: false,
		`"\u0041"`: false, "\"\u2028\"": false, "\"\xff\"": false, strings.Repeat("9", 401): false, nested(audit.MaxDepth + 1): false, `{`: false,
	} {
		if got := audit.Settled([]byte(value)); got != want {
			t.Errorf("%.60q: settled %v, want %v", value, got, want)
		}
	}
}
