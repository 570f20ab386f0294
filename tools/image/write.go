package main

import (
	"io/fs"
	"os"
	"path/filepath"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/layout"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/types"
)

// write writes the OCI layout, whose one entry is the index of all platforms, and
// beside it the same as a tar and the digest to install by.
func write(dir string, index v1.ImageIndex, f facts) (digest v1.Hash, err error) {
	path, err := layout.Write(filepath.Join(dir, "oci"), mutate.IndexMediaType(empty.Index, types.OCIImageIndex))
	if err != nil {
		return digest, err
	}
	if err := path.AppendIndex(index, layout.WithAnnotations(map[string]string{"org.opencontainers.image.ref.name": f.version})); err != nil {
		return digest, err
	}
	if digest, err = index.Digest(); err != nil {
		return digest, err
	}
	if err := os.WriteFile(filepath.Join(dir, "digest"), []byte(digest.String()+"\n"), 0o600); err != nil {
		return digest, err
	}
	return digest, writeTar(filepath.Join(dir, "auditflow.tar"), filepath.Join(dir, "oci"), f)
}

func writeTar(to, dir string, f facts) error {
	var files []file
	err := fs.WalkDir(os.DirFS(dir), ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		text, err := os.ReadFile(filepath.Join(dir, name))
		files = append(files, file{name, 0o644, text})
		return err
	})
	if err != nil {
		return err
	}
	all, err := archive(files, f.date)
	if err != nil {
		return err
	}
	return os.WriteFile(to, all, 0o600)
}
