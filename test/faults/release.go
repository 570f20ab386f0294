package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"github.com/auditflow/auditflow/test/world"
)

// earlierRelease is the release that an upgrade begins with when nobody names one:
// the last tag before this commit or, as long as there is none, the commit before.
func earlierRelease(ctx context.Context, root string) string {
	tag, err := git(ctx, root, "describe", "--tags", "--abbrev=0", "HEAD~1")
	if err != nil {
		return "HEAD~1"
	}
	return tag
}

// checkOut writes the module at root, as it was at a commit, into a directory that
// is there, and returns the commit.
func checkOut(ctx context.Context, root, ref, into string) (commit string, err error) {
	if _, err := git(ctx, root, "rev-parse", "--is-inside-work-tree"); err != nil {
		return "", fmt.Errorf("an earlier release is taken from git, and this is no checkout of it: %w", err)
	}
	if commit, err = git(ctx, root, "rev-parse", "--verify", "--quiet", ref+"^{commit}"); err != nil {
		return "", fmt.Errorf("there is no commit %q here (--from; a shallow clone has few)", ref)
	}
	tree := filepath.Join(into, "tree.tar")
	if _, err := git(ctx, root, "archive", "--format=tar", "--output="+tree, commit); err != nil {
		return "", err
	}
	if out, err := exec.CommandContext(ctx, "tar", "-xf", tree, "-C", into).CombinedOutput(); err != nil {
		return "", fmt.Errorf("unpack %s: %w\n%s", ref, err, out)
	}
	return commit, os.Remove(tree)
}

func git(ctx context.Context, dir string, args ...string) (string, error) {
	cmd := exec.CommandContext(ctx, "git", append([]string{"-C", dir}, args...)...)
	var said bytes.Buffer
	cmd.Stderr = &said
	out, err := cmd.Output()
	if err != nil {
		return "", fmt.Errorf("git %s: %w: %s", args[0], err, bytes.TrimSpace(said.Bytes()))
	}
	return strings.TrimSpace(string(out)), nil
}

// buildEarlier builds the programs of an earlier release, with their failpoints. Its
// source does not stay.
func buildEarlier(ctx context.Context, t *trial) (err error) {
	ref := t.from
	if ref == "" {
		ref = earlierRelease(ctx, ".")
	}
	// Always under one name, or Go would compile all of it anew: it is in the binaries.
	source := filepath.Join(t.Dir, "earlier")
	if err := errors.Join(os.RemoveAll(source), os.Mkdir(source, 0o700)); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(source)) }()
	commit, err := checkOut(ctx, ".", ref, source)
	if err != nil {
		return err
	}
	t.say("  building the release before: %s (%.12s) …", ref, commit)
	t.others, err = t.Build(ctx, "product-earlier", world.ProductOptions{Failpoints: true, Source: source})
	return err
}
