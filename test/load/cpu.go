package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// spent is processor time, ours and that of the server with all its processes.
type spent struct{ client, server time.Duration }

func (s spent) since(before spent) spent {
	return spent{s.client - before.client, s.server - before.server}
}

func (s spent) plus(other spent) spent {
	return spent{s.client + other.client, s.server + other.server}
}

// meter reads processor times. Where there is no /proc, the server's stays 0.
type meter struct{ postmaster int }

// newMeter takes the directory with the server's postmaster.pid.
func newMeter(dataDir string) meter {
	text, _ := os.ReadFile(filepath.Join(dataDir, "postmaster.pid"))
	first, _, _ := strings.Cut(string(text), "\n")
	pid, _ := strconv.Atoi(first)
	return meter{pid}
}

func (m meter) read() spent {
	var own syscall.Rusage
	_ = syscall.Getrusage(syscall.RUSAGE_SELF, &own)
	s := spent{client: time.Duration(own.Utime.Nano() + own.Stime.Nano())}
	stats, _ := filepath.Glob("/proc/[0-9]*/stat")
	for _, path := range stats {
		text, err := os.ReadFile(path)
		if err != nil {
			continue // it has ended meanwhile
		}
		if p, ok := parseStat(string(text)); ok && m.postmaster != 0 {
			switch m.postmaster {
			case p.pid:
				s.server += p.own + p.children // those that have ended
			case p.parent:
				s.server += p.own
			}
		}
	}
	return s
}

// spentBy is the processor time of one process that runs, its ended children
// included; 0 when there is none.
func spentBy(pid int) time.Duration {
	text, err := os.ReadFile(filepath.Join("/proc", strconv.Itoa(pid), "stat"))
	if err != nil {
		return 0
	}
	p, _ := parseStat(string(text))
	return p.own + p.children
}

// process is what we need of /proc/…/stat, see proc(5).
type process struct {
	pid, parent   int
	own, children time.Duration
}

// clockTick is what the kernel counts in, whatever it ticks with: sysconf's
// _SC_CLK_TCK is 100 on every Linux that Go runs on.
const clockTick = time.Second / 100

func parseStat(text string) (p process, ok bool) {
	end := strings.LastIndexByte(text, ')') // the name before it may hold anything
	if end < 0 {
		return p, false
	}
	if _, err := fmt.Sscan(text, &p.pid); err != nil {
		return p, false
	}
	fields := strings.Fields(text[end+1:]) // from the third on
	if len(fields) < 15 {
		return p, false
	}
	number := func(i int) int64 { n, _ := strconv.ParseInt(fields[i-3], 10, 64); return n }
	p.parent = int(number(4))
	p.own = time.Duration(number(14)+number(15)) * clockTick
	p.children = time.Duration(number(16)+number(17)) * clockTick
	return p, true
}
