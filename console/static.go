package console

import (
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"fmt"
	"io/fs"
	"net/http"
)

//go:embed static
var staticFiles embed.FS

// static are the files that pages refer to, by name, and the version of them all.
type static struct {
	Version string // a digest: browsers keep files until it changes
	files   map[string]staticFile
}

type staticFile struct {
	contentType string
	content     []byte
}

// staticTypes are all the files there are; others are not served.
var staticTypes = map[string]string{
	"style.css": "text/css; charset=utf-8", "console.js": "text/javascript; charset=utf-8", "icon.svg": "image/svg+xml",
}

func readStatic() (static, error) {
	s := static{files: map[string]staticFile{}}
	digest := sha256.New()
	for _, name := range []string{"style.css", "console.js", "icon.svg"} {
		content, err := fs.ReadFile(staticFiles, "static/"+name)
		if err != nil {
			return s, fmt.Errorf("console: %w", err)
		}
		digest.Write(content)
		s.files[name] = staticFile{staticTypes[name], content}
	}
	s.Version = hex.EncodeToString(digest.Sum(nil))[:12]
	return s, nil
}

// serveStatic asks nobody who he is: the login page needs its style, too.
func (c *console) serveStatic(w http.ResponseWriter, r *http.Request) {
	f, ok := c.static.files[r.PathValue("file")]
	if !ok {
		c.fail(w, r, nil, &fault{status: http.StatusNotFound, title: "There is no such file"})
		return
	}
	w.Header().Set("Content-Type", f.contentType)
	if r.URL.Query().Get("v") == c.static.Version { // another release's page asks for another
		w.Header().Set("Cache-Control", "public, max-age=31536000, immutable")
	}
	_, _ = w.Write(f.content)
}
