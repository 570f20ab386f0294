package world

import (
	"fmt"
	"os"
	"os/exec"
	"syscall"
)

// watchdog is a shell that waits on a pipe of which only this process holds the
// write end. The kernel closes it however we die, SIGKILL included, and then
// the shell kills the servers. It has its own session and ignores the signals a
// terminal sends. (Linux' parent-death signal would not do: it fires when the
// starting *thread* ends, which a Go program cannot foresee.)
type watchdog struct {
	cmd  *exec.Cmd
	pipe *os.File
}

// watchdogScript reads, for each server, a file "<pid> <signal>" that the server's
// process wrote itself before it became the server: there is no moment in which
// a server lives unrecorded. The signal comes first (PostgreSQL removes its
// shared memory on QUIT), SIGKILL follows for the whole process group.
//
// $1 is the directory of the files, $2 what to remove, or empty.
const watchdogScript = `
trap '' INT TERM HUP QUIT
while read -r word; do [ "$word" = dismissed ] && exit 0; done
sleep 0.1 # for a child that was between fork and writing its file
alive() {
	for file in "$1"/*.pid; do
		read -r pid signal <"$file" && kill -0 "$pid" && return 0
	done
	return 1
}
{
	for file in "$1"/*.pid; do read -r pid signal <"$file" && kill -s "$signal" "$pid"; done
	tries=0
	while [ $tries -lt 30 ] && alive "$1"; do sleep 0.1; tries=$((tries + 1)); done
	for file in "$1"/*.pid; do
		read -r pid signal <"$file" && { kill -s KILL -- "-$pid"; kill -s KILL "$pid"; }
		rm -f "$file"
	done
} 2>/dev/null
[ -z "$2" ] || rm -rf "$2"
`

func startWatchdog(ws *workspace) (*watchdog, error) {
	read, write, err := os.Pipe() // close-on-exec: no child can keep the write end open
	if err != nil {
		return nil, fmt.Errorf("watchdog: %w", err)
	}
	defer read.Close()

	remove := ""
	if ws.temporary {
		remove = ws.dir
	}
	cmd := exec.Command("/bin/sh", "-c", watchdogScript, "world-watchdog", ws.path("run"), remove)
	cmd.Dir = "/"
	cmd.Stdin = read
	// The watchdog holds the workspace's lock until it has cleaned up.
	cmd.ExtraFiles = []*os.File{ws.lock}
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	if err := cmd.Start(); err != nil {
		_ = write.Close()
		return nil, fmt.Errorf("watchdog: %w", err)
	}
	return &watchdog{cmd: cmd, pipe: write}, nil
}

// dismiss ends the watchdog without letting it act.
func (d *watchdog) dismiss() error {
	_, err := d.pipe.WriteString("dismissed\n")
	_ = d.pipe.Close()
	if waitErr := d.cmd.Wait(); err == nil {
		err = waitErr
	}
	if err != nil {
		return fmt.Errorf("dismiss watchdog: %w", err)
	}
	return nil
}
