// Command image makes the container image of auditflow, without a container
// engine: the four programs for every platform, certificate authorities and time
// zones on an empty base, as an OCI layout and a tar of it, with an SBOM for each
// platform. The same commit gives the same bytes, wherever it is built, for the release
// of Go is pinned, too.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"time"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/types"
)

// shipped are the programs in the image, directories below cmd.
var shipped = []string{"controller", "worker", "api", "auditctl"}

func main() {
	var p plan
	var platforms string
	flag.StringVar(&p.root, "root", "../..", "directory of the module with the programs")
	flag.StringVar(&p.out, "out", "../../out/image", "directory to write to; what is in it goes")
	flag.StringVar(&platforms, "platforms", "linux/amd64,linux/arm64", "what to build for")
	flag.StringVar(&p.facts.version, "version", "", "default: what git describes")
	flag.StringVar(&p.facts.commit, "commit", "", "default: git's")
	flag.StringVar(&p.facts.toolchain, "toolchain", strings.TrimSpace(toolchain), "release of Go, which go gets if it is not here; local: the installed one")
	date := flag.String("date", "", "of the commit, RFC 3339; default: git's")
	flag.Parse()
	p.platforms = strings.Split(platforms, ",")
	p.programs = shipped

	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	err := p.facts.complete(ctx, p.root, *date)
	if err == nil {
		err = p.make(ctx)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "image:", err)
		os.Exit(1)
	}
}

// plan is what to make of what.
type plan struct {
	root, out string
	platforms []string // as linux/amd64
	programs  []string // directories below cmd
	facts     facts
}

// facts are of the commit, and the release of Go. They alone, and the sources, decide on the bytes.
type facts struct {
	version, commit string
	date            time.Time
	toolchain       string // release of Go, as go1.26.10
}

// make writes everything beside the directory, and then in its place.
func (p plan) make(ctx context.Context) error {
	unfinished := strings.TrimRight(p.out, "/") + ".unfinished"
	if err := errors.Join(os.RemoveAll(unfinished), os.MkdirAll(unfinished, 0o750)); err != nil {
		return err
	}
	var index v1.ImageIndex = mutate.IndexMediaType(empty.Index, types.OCIImageIndex)
	for _, name := range p.platforms {
		image, err := p.makeFor(ctx, name, unfinished)
		if err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		platform, err := v1.ParsePlatform(name)
		if err != nil {
			return err
		}
		index = mutate.AppendManifests(index, mutate.IndexAddendum{Add: image, Descriptor: v1.Descriptor{Platform: platform}})
	}
	index = mutate.Annotations(index, p.facts.labels()).(v1.ImageIndex)
	digest, err := write(unfinished, index, p.facts)
	if err != nil {
		return err
	}
	if err := errors.Join(os.RemoveAll(p.out), os.Rename(unfinished, p.out)); err != nil {
		return err
	}
	fmt.Printf("%s  version %s, commit %s, %s\n", digest, p.facts.version, p.facts.commit, strings.Join(p.platforms, " "))
	return nil
}

// makeFor builds the programs for a platform and tells what they are made of.
func (p plan) makeFor(ctx context.Context, platform, dir string) (v1.Image, error) {
	binaries, err := p.build(ctx, platform, filepath.Join(dir, "programs", platform))
	if err != nil {
		return nil, err
	}
	sbom := filepath.Join(dir, "sbom-"+strings.ReplaceAll(platform, "/", "-")+".spdx.json")
	if err := p.facts.writeSBOM(sbom, platform, binaries); err != nil {
		return nil, fmt.Errorf("SBOM: %w", err)
	}
	return p.facts.assemble(platform, binaries)
}
