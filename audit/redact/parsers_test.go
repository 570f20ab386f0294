package redact

import (
	"slices"
	"strings"
	"testing"
)

func FuzzViewsMapBackIntoTheText(f *testing.F) {
	for _, seed := range []string{"%41%2541", `\u0041\\x41\/`, "&#65;&quot;&", "\x1b[1mx", "a\u200db", strings.Repeat("a", 64) + "\n  " + strings.Repeat("b", 20), "x \\\n y"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, s string) {
		for _, v := range views(s) {
			last := 0
			for at := range len(v.text) + 1 {
				o := v.original(at)
				if o < last || o > len(s) {
					t.Fatalf("offset %d of %q is %d of %q, behind %d", at, v.text, o, s, last)
				}
				last = o
			}
		}
	})
}

func FuzzDecodeIsTotal(f *testing.F) {
	for _, seed := range []string{"aGVsbG8gd29ybGQ", "H4sIAAAAAAAA", "68656c6c6f20776f726c64", "eJxLTEoGAAJNASc", "----", "="} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, word string) {
		text, ok := decode(word)
		if again, twice := decode(word); again != text || twice != ok {
			t.Fatalf("%q decodes differently twice", word)
		}
		if !ok && text != "" && len(text) > maxUnzipped {
			t.Fatalf("%q unfolds to %d bytes", word, len(text))
		}
		random(word, span{0, len(word)})
		isJWT(word)
	})
}

func FuzzManifestsStayInsideTheirLines(f *testing.F) {
	for _, seed := range []string{"kind: Secret\ndata:\n  a: b\n", "- data: {a: b}\n  type: Opaque\n", "---\nstringData:\n\t- x\n", `{"kind":"Secret","data":{"a":"b"}}`} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, s string) {
		for _, found := range manifests(s) {
			if found.Start < 0 || found.Start >= found.End || found.End > len(s) {
				t.Fatalf("%+v in %q", found, s)
			}
			if strings.ContainsRune(s[found.Start:found.End], '\n') && !strings.Contains(s, `"`) {
				t.Fatalf("%q runs over a line of %q", s[found.Start:found.End], s)
			}
		}
		lines := yamlLines(s, len(s)%3)
		if data := secretData(lines); !slices.IsSorted(data) {
			t.Fatalf("%v of %q", data, s)
		}
	})
}
