package world

import (
	"bytes"
	"errors"
	"fmt"
	"os"
)

// PeakMemory is the most that the running process has had in memory, in bytes
// (VmHWM, see proc_pid_status(5)).
func (p *Program) PeakMemory() (int64, error) { return p.memory("VmHWM") }

// Memory is what the running process has in memory now, in bytes (VmRSS).
func (p *Program) Memory() (int64, error) { return p.memory("VmRSS") }

func (p *Program) memory(field string) (int64, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.proc == nil || !p.proc.running() {
		return 0, fmt.Errorf("%s: it is not running", p.Name)
	}
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", p.proc.cmd.Process.Pid))
	if err != nil {
		return 0, err
	}
	for line := range bytes.Lines(text) {
		var kib int64
		if n, _ := fmt.Sscanf(string(line), field+": %d kB", &kib); n == 1 {
			return kib << 10, nil
		}
	}
	return 0, errors.New("/proc tells nothing of " + p.Name + ": it has just ended")
}
