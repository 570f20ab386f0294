package temporalclient

import (
	"errors"
	"log/slog"
	"strings"
	"testing"

	sdklog "go.temporal.io/sdk/log"
)

func TestAFailedAttemptIsAWarningForItIsTriedAgain(t *testing.T) {
	t.Parallel()
	for threshold, want := range map[slog.Level]string{
		slog.LevelInfo:  "WARN Activity error. | ERROR Workflow panic",
		slog.LevelError: "ERROR Workflow panic",
	} {
		var text strings.Builder
		log := slog.New(slog.NewTextHandler(&text, &slog.HandlerOptions{Level: threshold}))
		sdk := sdklog.With(logger(log), "WorkflowID", "audit/x")
		sdk.Error("Activity error.", "Error", errors.New("connection refused"))
		sdk.Error("Workflow panic")
		var got []string
		for line := range strings.Lines(text.String()) {
			if !strings.Contains(line, "WorkflowID=audit/x") {
				t.Errorf("without its workflow: %s", line)
			}
			_, line, _ = strings.Cut(line, "level=")
			level, rest, _ := strings.Cut(line, " msg=")
			message, _, _ := strings.Cut(rest, " WorkflowID")
			got = append(got, level+" "+strings.Trim(message, `"`))
		}
		if strings.Join(got, " | ") != want {
			t.Errorf("from %s up: got %q, want %q", threshold, got, want)
		}
	}
}
