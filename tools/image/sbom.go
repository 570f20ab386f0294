package main

import (
	"crypto/sha256"
	"debug/buildinfo"
	"encoding/json"
	"fmt"
	"maps"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"time"
)

// The parts of SPDX 2.3 that we have something to say in
// (https://spdx.github.io/spdx-spec/v2.3).
type document struct {
	Version       string         `json:"spdxVersion"`
	License       string         `json:"dataLicense"`
	ID            string         `json:"SPDXID"`
	Name          string         `json:"name"`
	Namespace     string         `json:"documentNamespace"`
	Creation      creation       `json:"creationInfo"`
	Packages      []pkg          `json:"packages"`
	Relationships []relationship `json:"relationships"`
}

type creation struct {
	Created  string   `json:"created"`
	Creators []string `json:"creators"`
}

type pkg struct {
	ID        string      `json:"SPDXID"`
	Name      string      `json:"name"`
	Version   string      `json:"versionInfo"`
	Location  string      `json:"downloadLocation"`
	Analyzed  bool        `json:"filesAnalyzed"`
	Purpose   string      `json:"primaryPackagePurpose,omitempty"`
	Checksums []checksum  `json:"checksums,omitempty"`
	Refs      []reference `json:"externalRefs,omitempty"`
}

type checksum struct {
	Algorithm string `json:"algorithm"`
	Value     string `json:"checksumValue"`
}

type reference struct {
	Category string `json:"referenceCategory"`
	Type     string `json:"referenceType"`
	Locator  string `json:"referenceLocator"`
}

type relationship struct {
	Of   string `json:"spdxElementId"`
	Type string `json:"relationshipType"`
	To   string `json:"relatedSpdxElement"`
}

const documentID = "SPDXRef-DOCUMENT"

// writeSBOM tells what the programs are linked of, as the linker noted it in them.
func (f facts) writeSBOM(to, platform string, binaries []string) error {
	d := document{
		Version: "SPDX-2.3", License: "CC0-1.0", ID: documentID, Name: "auditflow " + f.version + " for " + platform,
		Namespace: "https://github.com/auditflow/auditflow/spdx/" + url.PathEscape(f.commit) + "/" + platform,
		Creation:  creation{f.date.Format(time.RFC3339), []string{"Tool: auditflow-tools-image"}},
	}
	modules := map[string]pkg{}
	for _, binary := range binaries {
		program, parts, err := f.program(binary)
		if err != nil {
			return err
		}
		d.Packages = append(d.Packages, program)
		d.Relationships = append(d.Relationships, relationship{documentID, "DESCRIBES", program.ID})
		for _, part := range parts {
			modules[part.ID] = part
			d.Relationships = append(d.Relationships, relationship{program.ID, "STATIC_LINK", part.ID})
		}
	}
	for _, id := range slices.Sorted(maps.Keys(modules)) {
		d.Packages = append(d.Packages, modules[id])
	}
	text, err := json.MarshalIndent(d, "", " ")
	if err != nil {
		return err
	}
	return os.WriteFile(to, append(text, '\n'), 0o600)
}

// program is a binary and the modules in it, Go's standard library among them.
func (f facts) program(binary string) (program pkg, parts []pkg, err error) {
	info, err := buildinfo.ReadFile(binary)
	if err != nil {
		return program, nil, err
	}
	text, err := os.ReadFile(binary)
	if err != nil {
		return program, nil, err
	}
	name := filepath.Base(binary)
	program = pkg{
		ID: identifier("program", name, ""), Name: name, Version: f.version, Location: "NOASSERTION", Purpose: "APPLICATION",
		Checksums: []checksum{{"SHA256", fmt.Sprintf("%x", sha256.Sum256(text))}},
	}
	parts = append(parts, module("stdlib", strings.TrimPrefix(info.GoVersion, "go")))
	for _, dep := range info.Deps {
		if dep.Replace != nil {
			dep = dep.Replace
		}
		parts = append(parts, module(dep.Path, dep.Version))
	}
	return program, parts, nil
}

func module(path, version string) pkg {
	return pkg{
		ID: identifier("module", path, version), Name: path, Version: version, Location: "NOASSERTION", Purpose: "LIBRARY",
		Refs: []reference{{"PACKAGE-MANAGER", "purl", "pkg:golang/" + path + "@" + version}},
	}
}

var notInIdentifiers = regexp.MustCompile(`[^a-zA-Z0-9.-]+`)

func identifier(kind, name, version string) string {
	return "SPDXRef-" + strings.TrimRight(notInIdentifiers.ReplaceAllString(kind+"-"+name+"-"+version, "-"), "-")
}
