package main

import (
	"fmt"
	"slices"
	"strings"
	"time"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/types"
)

// nobody is who the programs are unless the pod says otherwise, and the chart says
// the same.
const nobody = "65532"

// zones is where the programs find time zones.
const zones = "usr/share/zoneinfo.zip"

// assemble puts two layers on an empty base: what changes with Go and with the
// authorities, and the programs.
func (f facts) assemble(platform string, binaries []string) (v1.Image, error) {
	base, err := baseFiles(f.goToolchain())
	if err != nil {
		return nil, err
	}
	programs, err := programFiles(binaries)
	if err != nil {
		return nil, err
	}
	var add []mutate.Addendum
	for _, part := range []struct {
		says  string
		files []file
	}{{"certificate authorities, time zones, users", base}, {"programs", programs}} {
		layer, err := layerOf(part.files, f.date)
		if err != nil {
			return nil, fmt.Errorf("layer of %s: %w", part.says, err)
		}
		add = append(add, mutate.Addendum{Layer: layer, History: v1.History{CreatedBy: part.says, Created: v1.Time{Time: f.date}}})
	}
	image := mutate.ConfigMediaType(mutate.MediaType(empty.Image, types.OCIManifestSchema1), types.OCIConfigJSON)
	if image, err = mutate.Append(image, add...); err != nil {
		return nil, err
	}
	config, err := image.ConfigFile()
	if err != nil {
		return nil, err
	}
	system, machine, _ := strings.Cut(platform, "/")
	config = config.DeepCopy()
	config.OS, config.Architecture, config.Created = system, machine, v1.Time{Time: f.date}
	config.Config = v1.Config{
		User: nobody + ":" + nobody, WorkingDir: "/", Labels: f.labels(),
		Env: []string{"PATH=/usr/local/bin", "SSL_CERT_FILE=/" + authoritiesFile, "ZONEINFO=/" + zones},
	}
	return mutate.ConfigFile(image, config)
}

// labels are those of the OCI's image specification (annotations.md).
func (f facts) labels() map[string]string {
	const of = "org.opencontainers.image."
	return map[string]string{
		of + "title": "auditflow", of + "description": "Durable audit delivery for Kubernetes executions and Jobs",
		of + "version": f.version, of + "revision": f.commit, of + "created": f.date.Format(time.RFC3339), of + "licenses": "Apache-2.0",
	}
}

func sorted(flags []string) string {
	slices.Sort(flags)
	return strings.Join(flags, " ")
}
