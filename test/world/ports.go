package world

import (
	"fmt"
	"math/rand/v2"
	"net"
	"sync"
)

// Ports come from below the range that the kernel gives to outgoing
// connections (32768 and up on Linux). A server that is stopped and started on
// the same port would otherwise now and then find a client's socket on it.
const (
	firstPort = 15000
	lastPort  = 32000
)

var portsGiven = struct {
	sync.Mutex
	taken map[int]bool
}{taken: map[int]bool{}}

// freePort returns a loopback port that nobody listens on and that this process
// was not given before. Another process may still take it before it is used,
// which is rare and shows as a failed start.
func freePort() (int, error) {
	portsGiven.Lock()
	defer portsGiven.Unlock()
	var err error
	for range 200 {
		port := firstPort + rand.IntN(lastPort-firstPort)
		if portsGiven.taken[port] {
			continue
		}
		var l net.Listener
		if l, err = net.Listen("tcp", loopback(port)); err != nil {
			continue
		}
		_ = l.Close()
		portsGiven.taken[port] = true
		return port, nil
	}
	return 0, fmt.Errorf("no free loopback port between %d and %d: %w", firstPort, lastPort, err)
}

func loopback(port int) string { return fmt.Sprintf("127.0.0.1:%d", port) }
