package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"time"

	"github.com/auditflow/auditflow/audit/seal"
)

// consoleProcess is cmd/api, built of this tree, that reads and has no Temporal: it
// would not be ready to take records, and nobody posts any.
type consoleProcess struct {
	url  string
	dir  string
	cmd  *exec.Cmd
	said bytes.Buffer
}

func startConsole(ctx context.Context, database string) (p *consoleProcess, err error) {
	p = &consoleProcess{}
	if p.dir, err = os.MkdirTemp("", "auditflow-console-"); err != nil {
		return nil, err
	}
	binary := filepath.Join(p.dir, "api")
	if out, err := exec.CommandContext(ctx, "go", "build", "-o", binary, module+"/cmd/api").CombinedOutput(); err != nil {
		return nil, fmt.Errorf("build api: %w: %s", err, out)
	}
	address, err := p.configure()
	if err != nil {
		return nil, err
	}
	p.url = "http://" + address
	p.cmd = exec.CommandContext(ctx, binary, "--config", filepath.Join(p.dir, "api.yaml"))
	p.cmd.Env = append(os.Environ(), urlVariable+"="+database)
	p.cmd.Stdout, p.cmd.Stderr = &p.said, &p.said
	if err := p.cmd.Start(); err != nil {
		return nil, err
	}
	for deadline := time.Now().Add(30 * time.Second); ; time.Sleep(20 * time.Millisecond) {
		if _, err = p.get(ctx, "/healthz"); err == nil {
			return p, nil
		}
		if time.Now().After(deadline) {
			p.stop()
			return nil, fmt.Errorf("api does not listen: %w: %s", err, p.said.String())
		}
	}
}

// configure writes configuration and keyset, and returns the address to listen at.
func (p *consoleProcess) configure() (string, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	address := listener.Addr().String()
	var keyset bytes.Buffer
	path := filepath.Join(p.dir, "keyset.json")
	config := fmt.Sprintf("cluster: bench\nlisten: %s\nkeyset_file: %s\ntemporal: {address: \"127.0.0.1:1\"}\n", address, path)
	return address, errors.Join(listener.Close(), seal.Generate(&keyset), os.WriteFile(path, keyset.Bytes(), 0o600),
		os.WriteFile(filepath.Join(p.dir, "api.yaml"), []byte(config), 0o600))
}

func (p *consoleProcess) stop() {
	_ = p.cmd.Process.Kill() // it has nothing in hand
	_ = p.cmd.Wait()
	_ = os.RemoveAll(p.dir)
}
