package main

import (
	"archive/tar"
	"debug/buildinfo"
	"encoding/json"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/layout"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/validate"
)

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// made is an image of testdata/hello, built in a directory of its own.
func made(t *testing.T, f facts) (dir, digest string) {
	t.Helper()
	root := t.TempDir()
	must(t, os.CopyFS(root, os.DirFS("testdata/hello")))
	dir = filepath.Join(t.TempDir(), "image")
	p := plan{root: root, out: dir, platforms: []string{"linux/amd64", "linux/arm64"}, programs: []string{"hello"}, facts: f}
	must(t, p.make(t.Context()))
	text, err := os.ReadFile(filepath.Join(dir, "digest"))
	must(t, err)
	return dir, strings.TrimSpace(string(text))
}

var release = facts{"v1.2.3", "0123abc", time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC), strings.TrimSpace(toolchain)}

func TestTheSameCommitGivesTheSameDigestWhereverItIsBuilt(t *testing.T) {
	t.Parallel()
	one, first := made(t, release)
	two, second := made(t, release)
	if first != second {
		t.Errorf("%s and %s", first, second)
	}
	for _, name := range []string{"auditflow.tar", "sbom-linux-amd64.spdx.json"} {
		a, err := os.ReadFile(filepath.Join(one, name))
		must(t, err)
		b, err := os.ReadFile(filepath.Join(two, name))
		must(t, err)
		if string(a) != string(b) {
			t.Errorf("%s differs", name)
		}
	}
	other := release
	other.date = other.date.Add(time.Second)
	if _, third := made(t, other); third == first {
		t.Error("another commit has the same digest")
	}
}

// index is what the layout's one entry is.
func index(t *testing.T, dir, digest string) v1.ImageIndex {
	t.Helper()
	path, err := layout.FromPath(filepath.Join(dir, "oci"))
	must(t, err)
	top, err := path.ImageIndex()
	must(t, err)
	must(t, validate.Index(top))
	hash, err := v1.NewHash(digest)
	must(t, err)
	all, err := top.ImageIndex(hash)
	must(t, err)
	return all
}

func TestProgramsAreBuiltWithThePinnedReleaseOfGo(t *testing.T) {
	t.Parallel()
	dir, _ := made(t, release)
	info, err := buildinfo.ReadFile(filepath.Join(dir, "programs/linux/arm64/hello"))
	must(t, err)
	if info.GoVersion != strings.TrimSpace(toolchain) {
		t.Errorf("built with %s, pinned is %s", info.GoVersion, toolchain)
	}
}

// Nothing here can run a Dockerfile: it is held to what the image is made of otherwise.
func TestTheDockerfileSaysTheSame(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("../../Dockerfile")
	must(t, err)
	for _, want := range []string{
		"ARG GO=" + strings.TrimPrefix(strings.TrimSpace(toolchain), "go") + "\n", "-mod=readonly -trimpath -buildvcs=false",
		"CGO_ENABLED=0 GOAMD64=v1 GOARM64=v8.0", "-X=" + stamp + ".version=", "-X=" + stamp + ".commit=", "-X=" + stamp + ".date=",
		"./cmd/" + strings.Join(shipped, " ./cmd/"), "USER " + nobody + ":" + nobody + "\n", "PATH=/usr/local/bin",
	} {
		if !strings.Contains(string(text), want) {
			t.Errorf("not in the Dockerfile: %q", want)
		}
	}
}

func TestTheLayoutIsValidAndHasAnImageForEachPlatform(t *testing.T) {
	t.Parallel()
	dir, digest := made(t, release)
	all := index(t, dir, digest)
	manifest, err := all.IndexManifest()
	must(t, err)
	for i, want := range []string{"linux/amd64", "linux/arm64"} {
		image, err := all.Image(manifest.Manifests[i].Digest)
		must(t, err)
		config, err := image.ConfigFile()
		must(t, err)
		if got := config.OS + "/" + config.Architecture; got != want || manifest.Manifests[i].Platform.String() != want {
			t.Errorf("image %d is for %s, want %s", i, got, want)
		}
		labels := config.Config.Labels
		if config.Config.User != "65532:65532" || labels["org.opencontainers.image.version"] != "v1.2.3" || labels["org.opencontainers.image.revision"] != "0123abc" {
			t.Errorf("%s: user %s, labels %v", want, config.Config.User, labels)
		}
	}
}

func TestProgramsRunFromTheImageAsNobodyWithAuthoritiesAndTimeZones(t *testing.T) {
	t.Parallel()
	dir, digest := made(t, release)
	all := index(t, dir, digest)
	manifest, err := all.IndexManifest()
	must(t, err)
	for _, m := range manifest.Manifests {
		if m.Platform.Architecture != runtime.GOARCH {
			continue
		}
		image, err := all.Image(m.Digest)
		must(t, err)
		root := unpacked(t, image)
		config, err := image.ConfigFile()
		must(t, err)
		cmd := exec.CommandContext(t.Context(), "/usr/local/bin/hello")
		cmd.Dir, cmd.Env = "/", config.Config.Env
		want := "uid 65532 zones true authorities true"
		if os.Getuid() == 0 {
			cmd.SysProcAttr = &syscall.SysProcAttr{Chroot: root, Credential: &syscall.Credential{Uid: 65532, Gid: 65532}}
		} else { // nobody else may change the root: without it, zones and authorities may be this machine's
			cmd.Path, want = filepath.Join(root, cmd.Path), "authorities true"
		}
		out, err := cmd.CombinedOutput()
		if err != nil || !strings.Contains(string(out), want) {
			t.Errorf("%v\n%s, want %s", err, out, want)
		}
		return
	}
	t.Fatalf("no image for %s", runtime.GOARCH)
}

// unpacked is a directory with the files of an image, which anybody may read.
func unpacked(t *testing.T, image v1.Image) string {
	t.Helper()
	root, err := os.MkdirTemp("", "image") //nolint:usetesting // the parents of a test's are its user's alone
	must(t, err)
	t.Cleanup(func() { _ = os.RemoveAll(root) })
	must(t, os.Chmod(root, 0o755))
	stream := mutate.Extract(image)
	defer stream.Close()
	for from := tar.NewReader(stream); ; {
		h, err := from.Next()
		if errors.Is(err, io.EOF) {
			return root
		}
		must(t, err)
		to := filepath.Join(root, filepath.Clean("/"+h.Name))
		if h.Typeflag == tar.TypeDir {
			must(t, os.MkdirAll(to, 0o755))
			continue
		}
		text, err := io.ReadAll(from)
		must(t, err)
		must(t, os.WriteFile(to, text, h.FileInfo().Mode()))
	}
}

func TestTheSBOMTellsWhatIsLinkedIntoEachProgram(t *testing.T) {
	t.Parallel()
	own, err := os.Executable() // this test, which is linked of modules
	must(t, err)
	to := filepath.Join(t.TempDir(), "sbom.json")
	must(t, release.writeSBOM(to, "linux/amd64", []string{own}))
	text, err := os.ReadFile(to)
	must(t, err)
	var d document
	must(t, json.Unmarshal(text, &d))
	ids := map[string]bool{documentID: true}
	found := map[string]string{}
	for _, p := range d.Packages {
		if ids[p.ID] {
			t.Errorf("%s is there twice", p.ID)
		}
		ids[p.ID], found[p.Name] = true, p.Version
	}
	for _, r := range d.Relationships {
		if !ids[r.Of] || !ids[r.To] {
			t.Errorf("%s %s %s: of what is not there", r.Of, r.Type, r.To)
		}
	}
	want := strings.TrimPrefix(runtime.Version(), "go")
	if found["stdlib"] != want || found["github.com/google/go-containerregistry"] == "" || found[filepath.Base(own)] != "v1.2.3" {
		t.Errorf("%v", found)
	}
}
