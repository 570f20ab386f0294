package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
)

// pipeKeyset carries a keyset from stdin, or a file that stays as it is, to
// stdout. What fails writes nothing: whoever reads would take half a keyset for
// a whole one.
func (p *program) pipeKeyset(ctx context.Context, file string, change func(io.Reader, io.Writer) error) error {
	from := p.input(ctx)
	if file != "" && file != "-" {
		f, err := os.Open(file)
		if err != nil {
			return err
		}
		defer func() { _ = f.Close() }() // nothing was written
		from = f
	}
	return p.keysOut(func(w io.Writer) error { return change(from, w) })
}

// keysOut lets write have stdout, unless somebody looks at it.
func (p *program) keysOut(write func(io.Writer) error) error {
	if p.person {
		return usage("keys are not shown on a terminal: send stdout to a file or a pipe, or give a file")
	}
	var text bytes.Buffer
	if err := write(&text); err != nil {
		return err
	}
	_, err := p.out.to.Write(text.Bytes())
	return err
}

// replaceKeyset changes the keyset in a file.
func (p *program) replaceKeyset(file string, change func(io.Reader, io.Writer) error) error {
	path, err := filepath.EvalSymlinks(file) // the link stays, what it leads to is changed
	if err != nil {
		return err
	}
	info, err := os.Stat(path)
	switch {
	case err != nil:
		return err
	case !info.Mode().IsRegular():
		return usage("%s is not a regular file; without FILE a keyset is read from stdin", file)
	}
	next, err := beside(path)
	if err != nil {
		return err
	}
	defer next.discard()
	text, err := os.ReadFile(path) // now that nobody else changes it
	if err != nil {
		return err
	}
	if err := change(bytes.NewReader(text), next); err != nil {
		return err
	}
	if err := next.replace(path); err != nil {
		return err
	}
	if open := info.Mode().Perm(); open&0o077 != 0 {
		p.tell("others could read %s (mode %04o); its new version only its owner can (0600)", file, open)
	}
	return nil
}

// createKeyFile writes a keyset to a file that is not there yet, unless forced.
func createKeyFile(file string, force bool, write func(io.Writer) error) error {
	path := file
	if to, err := filepath.EvalSymlinks(file); err == nil {
		path = to
		if !force {
			return usage("%s is there already; --force replaces it, and what was sealed with its keys is lost", file)
		}
	}
	next, err := beside(path)
	if err != nil {
		return err
	}
	defer next.discard()
	if err := write(next); err != nil {
		return err
	}
	if force {
		return next.replace(path)
	}
	return next.become(path)
}

// keyFile is the next version of a file of keys, beside it. Only one process can
// have it, so it also keeps two of them from changing the same version, of which
// one would lose a key.
type keyFile struct {
	*os.File
	moved bool
}

func beside(path string) (*keyFile, error) {
	f, err := os.OpenFile(path+".new", os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if errors.Is(err, fs.ErrExist) {
		return nil, &failure{
			err:  fmt.Errorf("%s.new is there: somebody is changing the keyset, or was cut off", path),
			hint: "Hint: if no other auditctl runs, remove that file; it holds keys.",
		}
	}
	if err != nil {
		return nil, &failure{err: fmt.Errorf("write beside the keyset: %w", err)}
	}
	return &keyFile{File: f}, nil
}

// replace puts it in the place of what is at path.
func (f *keyFile) replace(path string) error {
	return f.place(path, os.Rename)
}

// become is replace where nothing may be: a link is made only if its name is
// free, even if somebody took it a moment ago.
func (f *keyFile) become(path string) error {
	return f.place(path, func(from, to string) error {
		if err := os.Link(from, to); err != nil {
			return err
		}
		return os.Remove(from)
	})
}

// place makes sure that the bytes are on disk before the name leads to them,
// and the name before anybody relies on the key.
func (f *keyFile) place(path string, move func(from, to string) error) error {
	steps := []func() error{
		f.Sync,
		f.Close,
		func() error {
			err := move(f.Name(), path)
			f.moved = err == nil
			return err
		},
		func() error { return syncDirectory(filepath.Dir(path)) },
	}
	for _, step := range steps {
		if err := step(); err != nil {
			return &failure{err: fmt.Errorf("write the keyset: %w", err)}
		}
	}
	return nil
}

// discard removes it, unless it was moved: then the name may be somebody else's.
func (f *keyFile) discard() {
	if !f.moved {
		_ = f.Close() // may be closed already, and is thrown away
		_ = os.Remove(f.Name())
	}
}

func syncDirectory(path string) error {
	d, err := os.Open(path)
	if err != nil {
		return err
	}
	defer func() { _ = d.Close() }() // nothing was written
	return d.Sync()
}
