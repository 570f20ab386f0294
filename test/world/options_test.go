package world

import "testing"

func TestAWorldThatCannotBeIsNotStarted(t *testing.T) {
	t.Parallel()
	for why, o := range map[string]Options{
		"an unknown store":                     {Temporal: true, TemporalStore: "mysql"},
		"a store that is not asked for":        {Temporal: true, TemporalStore: TemporalOnPostgreSQL},
		"an interface that the server has not": {Temporal: true, TemporalStore: TemporalOnItsOwnPostgreSQL, TemporalUI: true},
	} {
		if w, err := Start(t.Context(), o); err == nil {
			t.Errorf("%s: started", why)
			_ = w.Stop()
		}
	}
}
