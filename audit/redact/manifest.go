package redact

import (
	"regexp"
	"strings"
)

const ruleSecret = "kubernetes-secret" //nolint:gosec // the name of a rule

// manifests finds the values of Secrets in text: YAML line by line, because a
// log may hold a cut or broken one, and JSON as far as it is flat.
func manifests(s string) []finding {
	if !strings.Contains(s, "kind") && !strings.Contains(s, "stringData") {
		return nil
	}
	return append(yamlSecrets(s), jsonSecrets(s)...)
}

// yamlSecrets masks what stands deeper than data: and stringData: in every
// document that says kind: Secret, wherever it says so.
func yamlSecrets(s string) []finding {
	if !strings.Contains(s, "data:") && !strings.Contains(s, "Data:") {
		return nil
	}
	var found []finding
	for _, doc := range documents(s) {
		if secretKind.MatchString(s[doc.start:doc.end]) || strings.Contains(s[doc.start:doc.end], "stringData:") {
			found = append(found, yamlData(s, doc)...)
		}
	}
	return found
}

// The standard library's regexp is as good here: small, and run on Secrets only.
var (
	secretKind = regexp.MustCompile(`(?mi)^[\s-]*kind:\s*["']?Secret(?:List)?["']?\s*$`)
	jsonKind   = regexp.MustCompile(`(?i)\\*"kind\\*"\s*:\s*\\*"Secret(?:List)?\\*"`)
	jsonData   = regexp.MustCompile(`\\*"(?:data|stringData)\\*"\s*:\s*\{([^{}]*)\}?`)
	jsonValue  = regexp.MustCompile(`:\s*\\*"((?:[^"\\]|\\[^"])+)`)
)

// documents cuts at lines that read ---.
func documents(s string) (docs []span) {
	start := 0
	for {
		i := strings.Index(s[start:], "\n---")
		if i < 0 {
			return append(docs, span{start, len(s)})
		}
		docs = append(docs, span{start, start + i + 1})
		start += i + 4
	}
}

func yamlData(s string, doc span) (found []finding) {
	inside := -1 // the column of data:, while we are in it
	for at := doc.start; at < doc.end; {
		eol := at + strings.IndexByte(s[at:doc.end]+"\n", '\n')
		line := s[at:eol]
		text := strings.TrimLeft(line, " \t")
		column := len(line) - len(text)
		switch {
		case strings.TrimSpace(text) == "":
		case inside >= 0 && column > inside:
			if v, ok := yamlValue(line, column); ok {
				found = append(found, finding{Finding: Finding{ruleSecret, at + v.start, at + v.end}})
			}
		default:
			inside = -1
			if name := strings.TrimRight(text, " \t\r"); name == "data:" || name == "stringData:" {
				inside = column
			}
		}
		at = eol + 1
	}
	return found
}

// yamlValue is what a line under data: holds: behind the name, or all of it
// when it goes on with a block.
func yamlValue(line string, column int) (span, bool) {
	end := len(strings.TrimRight(line, " \t\r"))
	start := column
	if i := strings.Index(line[column:end], ":"); i >= 0 && (column+i+1 == end || line[column+i+1] == ' ') {
		start = column + i + 1
	}
	for start < end && isSpace(line[start]) {
		start++
	}
	v := line[start:end]
	if strings.Trim(v, "|>+-\"'{}0123456789") == "" && len(v) < 4 || template(v) {
		return span{}, false
	}
	return span{start, end}, true
}

// jsonSecrets masks the texts in flat data and stringData objects when a
// Secret is about.
func jsonSecrets(s string) (found []finding) {
	isSecret := strings.Contains(s, "kind") && jsonKind.MatchString(s)
	for _, m := range jsonData.FindAllStringSubmatchIndex(s, -1) {
		if !isSecret && !strings.Contains(s[m[0]:m[2]], "stringData") {
			continue
		}
		for _, v := range jsonValue.FindAllStringSubmatchIndex(s[m[2]:m[3]], -1) {
			found = append(found, finding{Finding: Finding{ruleSecret, m[2] + v[2], m[2] + v[3]}})
		}
	}
	return found
}
