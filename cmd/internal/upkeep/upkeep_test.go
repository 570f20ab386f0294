package upkeep_test

import (
	"testing"

	"github.com/auditflow/auditflow/cmd/internal/upkeep"
	"github.com/auditflow/auditflow/internal/config"
)

func TestOnlyWhatIsDeletedIsADecisionAboutRetention(t *testing.T) {
	t.Parallel()
	said := config.Text("90d")
	for name, tc := range map[string]struct {
		section upkeep.Retention
		want    bool
	}{
		"nothing":                     {upkeep.Retention{}, false},
		"when, but not what":          {upkeep.Retention{Cron: said}, false},
		"how long":                    {upkeep.Retention{After: said}, true},
		"how long in the archive":     {upkeep.Retention{ArchiveAfter: said}, true},
		"how, and when":               {upkeep.Retention{Cron: said, Mode: said}, true},
		"the default, but in writing": {upkeep.Retention{After: config.Text("90d")}, true},
	} {
		if got := tc.section.Said(); got != tc.want {
			t.Errorf("%s: %t, want %t", name, got, tc.want)
		}
	}
}

func TestABucketIsShownWithoutWhatMayBeSecret(t *testing.T) {
	t.Parallel()
	for url, want := range map[string]string{
		"s3://audit?region=eu-1&x=hunter-2": "s3://audit",
		"s3://key:hunter-2@audit/prefix":    "s3://audit/prefix",
		"file:///var/archive#hunter-2":      "file:///var/archive",
		"://hunter-2":                       "",
		"":                                  "",
	} {
		if got := upkeep.Shown(url); got != want {
			t.Errorf("%s is shown as %q, want %q", url, got, want)
		}
	}
}
