package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

func TestAProgramMayHaveAClockThatIsOff(t *testing.T) {
	t.Parallel()
	original := filepath.Join(goroot(t), "src", "time", "time.go")
	source, err := os.ReadFile(original)
	if err != nil {
		t.Fatal(err)
	}
	text, err := skewed(source)
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	put := func(name, text string) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	list, err := json.Marshal(map[string]any{"Replace": map[string]string{original: put("time.go.off", string(text))}})
	if err != nil {
		t.Fatal(err)
	}
	program := put("main.go", `package main

import (
	"fmt"
	"time"
)

func main() {
	began := time.Now()
	time.Sleep(time.Millisecond)
	fmt.Println(began.Unix(), time.Since(began) < time.Minute)
}
`)
	binary := filepath.Join(dir, "clock")
	build := exec.CommandContext(t.Context(), "go", "build", "-overlay", put("overlay.json", string(list)), "-o", binary, program)
	if said, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, said)
	}
	for _, off := range []time.Duration{0, aDay, -aDay} {
		if is, waits := clock(t.Context(), t, binary, off); time.Since(is.Add(-off)).Abs() > time.Hour || !waits {
			t.Errorf("off by %s it is %s, and spans are right: %t", off, is, waits)
		}
	}
}

func goroot(t *testing.T) string {
	t.Helper()
	out, err := exec.CommandContext(t.Context(), "go", "env", "GOROOT").Output()
	if err != nil {
		t.Fatal(err)
	}
	return strings.TrimSpace(string(out))
}

func clock(ctx context.Context, t *testing.T, binary string, off time.Duration) (is time.Time, spans bool) {
	t.Helper()
	cmd := exec.CommandContext(ctx, binary)
	cmd.Env = append(os.Environ(), fmt.Sprintf("%s=%.0f", variableClock, off.Seconds()))
	out, err := cmd.Output()
	var seconds int64
	if _, scanned := fmt.Sscan(string(out), &seconds, &spans); err != nil || scanned != nil {
		t.Fatalf("%s: %v, %v", out, err, scanned)
	}
	return time.Unix(seconds, 0), spans
}

func TestAnUnknownPackageTimeIsRefused(t *testing.T) {
	t.Parallel()
	if _, err := skewed([]byte("package time\n\nimport (\n)\n\nfunc Now() Time { return Time{} }\n")); err == nil || !strings.Contains(err.Error(), "another way") {
		t.Error(err)
	}
}
