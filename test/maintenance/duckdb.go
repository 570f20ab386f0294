package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os/exec"
	"path/filepath"
	"strconv"

	"github.com/auditflow/auditflow/audit"
)

// duckSaid is what tools/duckdb/digests.mjs prints of some files.
type duckSaid struct {
	duckChain
	First duckKey `json:"first"`
	Last  duckKey `json:"last"`
	Files []struct {
		duckChain
		File string `json:"file"`
	} `json:"files"`
}

type duckChain struct {
	Rows   int64  `json:"rows"`
	Digest string `json:"digest"`
}

type duckKey struct {
	Micros string `json:"us"`
	ID     string `json:"id"`
}

func (k duckKey) is(key audit.Key) bool {
	return k.Micros == strconv.FormatInt(key.CreatedAt.UnixMicro(), 10) && k.ID == key.ID
}

// duckdb has somebody else's program read the archive and compares what it finds
// with the manifest.
func (s *speedBench) duckdb(ctx context.Context, f *figures) error {
	defer s.progress.follow(since("read by DuckDB"))()
	program, err := filepath.Abs(filepath.Join("bin", "duckdb", "digests.mjs"))
	if err != nil {
		return err
	}
	args := []string{program}
	for _, segment := range s.last.Archived.Segments {
		args = append(args, filepath.Join(s.bucket, filepath.FromSlash(segment.Object)))
	}
	cmd := exec.CommandContext(ctx, "node", args...)
	var told, complaint bytes.Buffer
	cmd.Stdout, cmd.Stderr = &told, &complaint
	if err := cmd.Run(); err != nil {
		return fmt.Errorf("%w (is it there? tools/build.sh duckdb installs it): %s", err, complaint.String())
	}
	var said duckSaid
	if err := json.Unmarshal(told.Bytes(), &said); err != nil {
		return fmt.Errorf("what it said: %w", err)
	}
	differs := said.differs(s.last.Archived.Manifest)
	matches := differs == nil
	f.DuckDBRows, f.DuckDBDigest = &said.Rows, &matches
	if differs != nil {
		f.miss("duckdb: %v", differs)
	}
	say(s.screen, "  DuckDB read %d rows in %d files; as in the manifest: %v", said.Rows, len(said.Files), matches)
	return nil
}

// differs tells what is not as the manifest says.
func (said duckSaid) differs(m audit.Manifest) error {
	var faults []error
	check := func(what string, same bool) {
		if !same {
			faults = append(faults, errors.New(what+" differs from the manifest's"))
		}
	}
	check("the number of rows", said.Rows == m.Rows)
	check("the digest of all rows", said.Digest == m.Digest)
	check("the first key", said.First.is(m.First))
	check("the last key", said.Last.is(m.Last))
	check("the number of files", len(said.Files) == len(m.Segments))
	for i, file := range said.Files {
		if i < len(m.Segments) {
			check("the number of rows of "+m.Segments[i].Object, file.Rows == m.Segments[i].Rows)
			check("the digest of "+m.Segments[i].Object, file.Digest == m.Segments[i].Digest)
		}
	}
	return errors.Join(faults...)
}
