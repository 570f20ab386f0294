package redact

import (
	"regexp"
	"slices"
	"strings"
)

const ruleSecret = "kubernetes-secret" //nolint:gosec // the name of a rule

// manifests finds the values of Secrets in text: YAML line by line, because a
// log may hold a cut or broken one, and JSON as far as it is flat.
func manifests(s string) []finding {
	return append(yamlSecrets(s), jsonSecrets(s)...)
}

// yamlSecrets masks what stands deeper than data: and stringData: in every
// mapping that says kind: Secret beside it.
func yamlSecrets(s string) []finding {
	if !strings.Contains(s, "data:") && !strings.Contains(s, "Data:") {
		return nil
	}
	found := yamlSecretsBehind(s, 0)
	for _, width := range prefixes(s) {
		found = append(found, yamlSecretsBehind(s, width)...)
	}
	return found
}

// maxPrefixes is how many widths of line prefixes are looked behind.
const maxPrefixes = 3

// prefixes are the widths of what stands before kind: Secret in lines of diffs,
// mails and logs.
func prefixes(s string) (widths []int) {
	const kind = "kind: Secret"
	for at := 0; len(widths) < maxPrefixes; {
		i := strings.Index(s[at:], kind)
		if i < 0 {
			break
		}
		end := at + i + len(kind)
		begin := max(at, end-len(kind)-maxYAMLName)
		before := s[begin : end-len(kind)]
		before = before[strings.LastIndexByte(before, '\n')+1:]
		if at = end; end < len(s) && s[end] != '\n' && s[end] != '\r' || strings.ContainsAny(before, "\"'{") {
			continue
		}
		if before != "-" && strings.Trim(before, " \t-") == "" || slices.Contains(widths, len(before)) {
			continue
		}
		widths = append(widths, len(before))
	}
	return widths
}

// yamlSecretsBehind reads the lines from the column width on.
func yamlSecretsBehind(s string, width int) []finding {
	var found []finding
	lines := yamlLines(s, width)
	done := 0
	for _, i := range secretData(lines) {
		if i >= done {
			inner, end := yamlData(s, lines, i)
			found = append(found, inner...)
			done = end
		}
	}
	return found
}

// yamlData masks the values below lines[i], or behind it when they stand in
// braces, and tells which line is the first that is not one of them.
func yamlData(s string, lines []yamlLine, i int) (found []finding, end int) {
	under := lines[i]
	if strings.HasPrefix(under.value, "{") {
		at := under.end - len(under.value)
		for _, m := range flowValue.FindAllStringSubmatchIndex(under.value, -1) {
			if v := under.value[m[2]:m[3]]; !emptyValue(v) {
				found = append(found, finding{Finding: Finding{ruleSecret, at + m[2], at + m[3]}})
			}
		}
		return found, i + 1
	}
	for end = i + 1; end < len(lines); end++ {
		l := lines[end]
		if l.column == -1 {
			continue
		}
		if l.column <= under.column {
			break
		}
		v, at := l.value, l.end-len(l.value)
		if l.key == "" { // a line of a block
			v, at = s[l.start+l.column:l.end], l.start+l.column
		}
		if !emptyValue(v) {
			found = append(found, finding{Finding: Finding{ruleSecret, at, l.end}})
		}
	}
	return found, end
}

// emptyValue tells what holds no secret in a Secret: nothing, the sign of a
// block, a template, what is sealed already.
func emptyValue(v string) bool {
	if i := strings.Index(v, " #"); i >= 0 {
		v = strings.TrimSpace(v[:i])
	}
	v = strings.Trim(v, `"'`)
	if strings.Trim(v, "|>+-0123456789{}[] ") == "" && len(v) < 4 {
		return true
	}
	return template(v) || v[0] == '#' || strings.HasPrefix(v, "ENC[") || v == "null" || v == "<nil>"
}

// The standard library's regexp is as good here: small, and run on Secrets only.
var (
	flowValue = regexp.MustCompile(`:\s*("(?:[^"\\]|\\.)*"|'[^']*'|[^,}\s]+)`)
	jsonKind  = regexp.MustCompile(`(?i)\\*"kind\\*"\s*:\s*\\*"Secret(?:List)?\\*"|\bkubectl\b[^\n]*?\s(?:patch|create|replace|apply)\s+secrets?[\s/]`)
	jsonData  = regexp.MustCompile(`\\*"(?:data|stringData)\\*"\s*:\s*\{([^{}]*)\}?`)
	jsonValue = regexp.MustCompile(`:\s*\\*"((?:[^"\\]|\\[^"])+)`)
)

// jsonSecrets masks the texts in flat data and stringData objects when a
// Secret is about.
func jsonSecrets(s string) (found []finding) {
	if !strings.Contains(s, `ata"`) && !strings.Contains(s, `ata\`) {
		return nil
	}
	isSecret := strings.Contains(s, "ecret") && jsonKind.MatchString(s)
	if !isSecret && !strings.Contains(s, "stringData") {
		return nil
	}
	for _, m := range jsonData.FindAllStringSubmatchIndex(s, -1) {
		if !isSecret && !strings.Contains(s[m[0]:m[2]], "stringData") {
			continue
		}
		for _, v := range jsonValue.FindAllStringSubmatchIndex(s[m[2]:m[3]], -1) {
			if text := s[m[2]+v[2] : m[2]+v[3]]; !template(text) {
				found = append(found, finding{Finding: Finding{ruleSecret, m[2] + v[2], m[2] + v[3]}})
			}
		}
	}
	return found
}
