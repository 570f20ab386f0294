package price

import (
	"bufio"
	"context"
	"os"
	"os/exec"
	"runtime"
	"strconv"
	"strings"

	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/sdk/temporal"
)

// Machine is where it was measured.
type Machine struct {
	CPU       string  `json:"cpu"`
	Cores     int     `json:"cores"`
	MemoryGiB float64 `json:"memory_gib"`
	OS        string  `json:"os"`
	Kernel    string  `json:"kernel"`
}

// Versions are of what was measured.
type Versions struct {
	Go          string `json:"go"`
	PostgreSQL  string `json:"postgresql"`
	Temporal    string `json:"temporal"`
	TemporalSDK string `json:"temporal_sdk"`
}

func thisMachine() Machine {
	m := Machine{CPU: field("/proc/cpuinfo", "model name", ":"), Cores: runtime.NumCPU(), OS: strings.Trim(field("/etc/os-release", "PRETTY_NAME", "="), `"`)}
	kernel, _ := os.ReadFile("/proc/sys/kernel/osrelease")
	m.Kernel = strings.TrimSpace(string(kernel))
	memory, _ := strconv.ParseFloat(strings.TrimSuffix(field("/proc/meminfo", "MemTotal", ":"), " kB"), 64)
	m.MemoryGiB = rounded(memory / (1 << 20))
	return m
}

// field is the value of the first line with a key; "" where there is none.
func field(path, key, separator string) string {
	f, err := os.Open(path)
	if err != nil {
		return ""
	}
	defer f.Close()
	for lines := bufio.NewScanner(f); lines.Scan(); {
		if name, value, found := strings.Cut(lines.Text(), separator); found && strings.TrimSpace(name) == key {
			return strings.TrimSpace(value)
		}
	}
	return ""
}

func (s *scene) versions(ctx context.Context) Versions {
	v := Versions{Go: strings.TrimPrefix(runtime.Version(), "go"), PostgreSQL: s.Postgres.Version, TemporalSDK: temporal.SDKVersion}
	if info, err := s.temporal.WorkflowService().GetSystemInfo(ctx, &workflowservice.GetSystemInfoRequest{}); err == nil {
		v.Temporal = info.GetServerVersion()
	}
	return v
}

// commit is that of the working tree, with "+" if it was changed since; "" where there is no git.
func commit(ctx context.Context) string {
	head, err := exec.CommandContext(ctx, "git", "rev-parse", "--short=12", "HEAD").Output()
	if err != nil {
		return ""
	}
	changed, err := exec.CommandContext(ctx, "git", "status", "--porcelain", "--untracked-files=no").Output()
	name := strings.TrimSpace(string(head))
	if err == nil && len(changed) > 0 {
		name += "+"
	}
	return name
}
