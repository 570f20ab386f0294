package daemon

import (
	"encoding/json"
	"io"
	"regexp"
	"strings"

	"github.com/auditflow/auditflow/internal/config"
)

// Described is a key of the configuration: what the code that reads it takes, and
// what --help says of it.
type Described struct {
	config.Key
	Says string `json:"says"`
}

// describe writes every key of the configuration as JSON, one a line, in the
// order of --help.
func (p Program[C]) describe(w io.Writer) error {
	given := map[string]string{"listen": "", "log_level": "", "log_format": "", "pprof": ""}
	asked := map[string]config.Key{}
	r := &config.Reader{
		Env: func(string) (string, bool) { return "", false }, Flags: given,
		Asked: func(k config.Key) {
			if _, known := asked[k.Field]; !known { // the first is what it is; a second look is for some values only
				asked[k.Field] = k
			}
		},
	}
	_, _ = p.Load("", r) // without a file there are faults, which do not matter here
	out := json.NewEncoder(w)
	out.SetEscapeHTML(false)
	for _, s := range sentences(p.Long) {
		key, known := asked[s.Field]
		switch {
		case s.section:
			key = config.Key{Type: "section"}
		case !known:
			key = config.Key{Type: "list"} // which is read value by value, and there is none
		}
		key.Field = s.Field
		if err := out.Encode(Described{key, s.Says}); err != nil {
			return err
		}
	}
	return nil
}

// sentence is what --help says of a key, or of a section.
type sentence struct {
	Field, Says string
	section     bool
}

var (
	example = regexp.MustCompile(`(?s)\nConfiguration \(YAML[^\n]*\n\n(.*?)\n\n`)
	keyLine = regexp.MustCompile(`^( +)([a-z_]+):(.*)$`)
	remark  = regexp.MustCompile(`(?:^|\s)# ?(.*)$`)
)

// sentences reads the example in a help: keys, and the comments beside and below.
func sentences(help string) (all []sentence) {
	block := example.FindStringSubmatch(help)
	if block == nil {
		return nil
	}
	var path []string
	for line := range strings.Lines(block[1]) {
		line = strings.TrimRight(line, "\n")
		says := ""
		if found := remark.FindStringSubmatchIndex(line); found != nil {
			says, line = strings.TrimSpace(line[found[2]:found[3]]), strings.TrimRight(line[:found[0]], " ")
		}
		key := keyLine.FindStringSubmatch(line)
		if key == nil { // a comment that goes on
			if n := len(all) - 1; n >= 0 {
				all[n].Says += " " + says
			}
			continue
		}
		depth := len(key[1])/2 - 1
		path = append(path[:depth:depth], key[2])
		all = append(all, sentence{Field: strings.Join(path, "."), Says: says, section: strings.TrimSpace(key[3]) == ""})
	}
	return all
}
