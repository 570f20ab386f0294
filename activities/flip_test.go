package activities_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"go.temporal.io/sdk/activity"
)

type activityInfo = activity.Info

// flip changes one bit of an object in a bucket that is a directory.
func flip(t *testing.T, url, object string) {
	t.Helper()
	path := filepath.Join(strings.TrimPrefix(url, "file://"), filepath.FromSlash(object))
	content, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	content[len(content)/2] ^= 1
	if err := os.WriteFile(path, content, 0o600); err != nil {
		t.Fatal(err)
	}
}
