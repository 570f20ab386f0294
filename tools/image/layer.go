package main

import (
	"archive/tar"
	"bytes"
	"context"
	"encoding/pem"
	"io"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"time"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/tarball"
	"github.com/google/go-containerregistry/pkg/v1/types"
	"golang.org/x/crypto/x509roots/fallback/bundle"
)

// file is one in a layer; a directory ends in a slash.
type file struct {
	name string
	mode int64
	text []byte
}

const authoritiesFile = "etc/ssl/certs/ca-certificates.crt"

// baseFiles are what programs expect of any system. Time zones are those of the
// toolchain, an environment variable.
func baseFiles(toolchain string) ([]file, error) {
	root, err := run(context.Background(), ".", []string{toolchain}, "go", "env", "GOROOT")
	if err != nil {
		return nil, err
	}
	zip, err := os.ReadFile(filepath.Join(root, "lib", "time", "zoneinfo.zip"))
	if err != nil {
		return nil, err
	}
	return []file{
		{"etc/passwd", 0o644, []byte("root:x:0:0:root:/root:/sbin/nologin\nnonroot:x:" + nobody + ":" + nobody + ":nonroot:/:/sbin/nologin\n")},
		{"etc/group", 0o644, []byte("root:x:0:\nnonroot:x:" + nobody + ":\n")},
		{authoritiesFile, 0o644, authorities()},
		{zones, 0o644, zip},
		{"tmp/", 0o1777, nil},
	}, nil
}

// authorities are Mozilla's, as Go's own module has them. Those that it trusts in
// part only are left out: a file cannot say which part.
func authorities() []byte {
	var all bytes.Buffer
	for root := range bundle.Roots() {
		if root.Constraint == nil {
			_ = pem.Encode(&all, &pem.Block{Type: "CERTIFICATE", Bytes: root.Certificate}) // to memory
		}
	}
	return all.Bytes()
}

func programFiles(binaries []string) (files []file, err error) {
	for _, binary := range binaries {
		text, err := os.ReadFile(binary)
		if err != nil {
			return nil, err
		}
		files = append(files, file{"usr/local/bin/" + filepath.Base(binary), 0o755, text})
	}
	return files, nil
}

// layerOf is a layer that depends on nothing but the files and the time.
func layerOf(files []file, at time.Time) (v1.Layer, error) {
	text, err := archive(files, at)
	if err != nil {
		return nil, err
	}
	return tarball.LayerFromOpener(func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(text)), nil },
		tarball.WithMediaType(types.OCILayer), tarball.WithCompressedCaching)
}

func archive(files []file, at time.Time) ([]byte, error) {
	var all bytes.Buffer
	to := tar.NewWriter(&all)
	for _, f := range withParents(files) {
		h := &tar.Header{Name: f.name, Mode: f.mode, Size: int64(len(f.text)), ModTime: at, Typeflag: tar.TypeReg, Format: tar.FormatPAX}
		if strings.HasSuffix(f.name, "/") {
			h.Typeflag = tar.TypeDir
		}
		if err := to.WriteHeader(h); err != nil {
			return nil, err
		}
		if _, err := to.Write(f.text); err != nil {
			return nil, err
		}
	}
	if err := to.Close(); err != nil {
		return nil, err
	}
	return all.Bytes(), nil
}

// withParents has the directories of files too, before what is in them.
func withParents(files []file) (all []file) {
	there := map[string]bool{}
	for _, f := range files {
		var parents []file
		for dir := path.Dir(strings.TrimSuffix(f.name, "/")); dir != "." && !there[dir]; dir = path.Dir(dir) {
			there[dir] = true
			parents = append(parents, file{dir + "/", 0o755, nil})
		}
		slices.Reverse(parents)
		all = append(append(all, parents...), f)
	}
	return all
}
