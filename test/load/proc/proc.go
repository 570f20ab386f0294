// Package proc reads from /proc what processes have spent: processor time, with
// that of children which come and go. Where there is no /proc everything is 0.
package proc

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// Spent is the processor time of one process that runs, its ended children
// included; 0 when there is none.
func Spent(pid int) time.Duration {
	text, err := os.ReadFile(filepath.Join("/proc", strconv.Itoa(pid), "stat"))
	if err != nil {
		return 0
	}
	s, _ := parse(string(text))
	return s.own + s.children
}

// SpentByTree is that of a process and of its children that run, as of a
// postmaster: what ended is in the parent's account. It looks no deeper.
func SpentByTree(pid int) (sum time.Duration) {
	if pid == 0 {
		return 0
	}
	stats, _ := filepath.Glob("/proc/[0-9]*/stat")
	for _, path := range stats {
		text, err := os.ReadFile(path)
		if err != nil {
			continue // it has ended meanwhile
		}
		s, ok := parse(string(text))
		switch {
		case !ok:
		case s.pid == pid:
			sum += s.own + s.children
		case s.parent == pid:
			sum += s.own
		}
	}
	return sum
}

// Postmaster is the process id of the PostgreSQL with this data directory, 0 when
// none runs.
func Postmaster(dataDir string) int {
	text, _ := os.ReadFile(filepath.Join(dataDir, "postmaster.pid"))
	first, _, _ := strings.Cut(string(text), "\n")
	pid, _ := strconv.Atoi(first)
	return pid
}

// stat is what we need of /proc/…/stat, see proc(5).
type stat struct {
	pid, parent   int
	own, children time.Duration
}

// clockTick is what the kernel counts in, whatever it ticks with: sysconf's
// _SC_CLK_TCK is 100 on every Linux that Go runs on.
const clockTick = time.Second / 100

func parse(text string) (s stat, ok bool) {
	end := strings.LastIndexByte(text, ')') // the name before it may hold anything
	if end < 0 {
		return s, false
	}
	if _, err := fmt.Sscan(text, &s.pid); err != nil {
		return s, false
	}
	fields := strings.Fields(text[end+1:]) // from the third on
	if len(fields) < 15 {
		return s, false
	}
	number := func(i int) int64 { n, _ := strconv.ParseInt(fields[i-3], 10, 64); return n }
	s.parent = int(number(4))
	s.own = time.Duration(number(14)+number(15)) * clockTick
	s.children = time.Duration(number(16)+number(17)) * clockTick
	return s, true
}
