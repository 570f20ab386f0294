package main

import (
	"syscall"
	"time"

	"github.com/auditflow/auditflow/test/load/proc"
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
func newMeter(dataDir string) meter { return meter{proc.Postmaster(dataDir)} }

func (m meter) read() spent {
	var own syscall.Rusage
	_ = syscall.Getrusage(syscall.RUSAGE_SELF, &own)
	return spent{client: time.Duration(own.Utime.Nano() + own.Stime.Nano()), server: proc.SpentByTree(m.postmaster)}
}
