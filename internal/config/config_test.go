package config_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/auditflow/auditflow/internal/config"
)

type file struct {
	Size  config.Scalar `json:"size"`
	On    config.Scalar `json:"enabled"`
	Every config.Scalar `json:"every"`
	Level config.Scalar `json:"level"`
	URL   config.Scalar `json:"url"`
}

func load(t *testing.T, text string) (file, error) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "config.yaml")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	var f file
	return f, config.Load(path, &f)
}

func TestLoadRefusesWhatItDoesNotKnow(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct{ text, want string }{
		"unknown keys, all of them":    {"siez: 1\nonn: true\n", "siez"},
		"duplicate keys":               {"size: 1\nsize: 2\n", "size"},
		"a list where a value belongs": {"size: [1]\n", "single value"},
		"what is not YAML":             {"size: [", "configuration"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := load(t, tc.text)
			if err == nil || !strings.Contains(err.Error(), tc.want) {
				t.Errorf("got %v, want an error with %q", err, tc.want)
			}
		})
	}
	if _, err := load(t, "siez: 1\nonn: true\n"); !strings.Contains(err.Error(), "onn") {
		t.Errorf("only the first unknown key is reported: %v", err)
	}
}

func TestReaderReportsAllFaultsAtOnceWithFieldAndUnit(t *testing.T) {
	t.Parallel()
	f, err := load(t, "size: 0\nenabled: yes please\nevery: 30\nlevel: loud\n")
	if err != nil {
		t.Fatal(err)
	}
	r := config.Reader{Env: func(string) (string, bool) { return "", true }}
	r.Int("size", f.Size, 1, 1, 100)
	r.Bool("enabled", f.On, true)
	r.Duration("every", f.Every, time.Second, 0, time.Hour)
	r.OneOf("level", f.Level, "info", "debug")
	r.Secret("url", f.URL, "URL")
	err = r.Err()
	for _, want := range []string{"size: want a whole number from 1 to 100", "enabled: want true or false", `every: want a duration with its unit`, "level: want one of info, debug", "url: environment variable URL is set but empty"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v lacks %q", err, want)
		}
	}
}

func TestValuesMayBeQuotedAsInAConfigMap(t *testing.T) {
	t.Parallel()
	f, err := load(t, "size: \"100\"\nenabled: \"true\"\nevery: \"30s\"\n")
	if err != nil {
		t.Fatal(err)
	}
	r := config.Reader{Env: os.LookupEnv}
	if n := r.Int("size", f.Size, 1, 1, 1000); n != 100 {
		t.Errorf("size = %d", n)
	}
	if !r.Bool("enabled", f.On, false) {
		t.Error("enabled = false")
	}
	if d := r.Duration("every", f.Every, 0, 0, time.Hour); d != 30*time.Second {
		t.Errorf("every = %s", d)
	}
	if err := r.Err(); err != nil {
		t.Error(err)
	}
}

func TestANameThatYAMLTakesForANumberMustBeQuoted(t *testing.T) {
	t.Parallel()
	for text, ok := range map[string]bool{"url: 1.10\n": false, "url: yes\n": false, "url: 0123\n": false, "url: \"1.10\"\n": true, "url: prod-1\n": true} {
		f, err := load(t, text)
		if err != nil {
			t.Fatal(err)
		}
		r := config.Reader{Env: os.LookupEnv}
		r.Required("url", f.URL)
		if err := r.Err(); (err == nil) != ok {
			t.Errorf("%q: %v", text, err)
		}
	}
}

func TestFlagsOutrankTheFileAndAreCheckedLikeIt(t *testing.T) {
	t.Parallel()
	f, err := load(t, "level: info\nurl: \":8080\"\n")
	if err != nil {
		t.Fatal(err)
	}
	r := config.Reader{Env: os.LookupEnv, Flags: map[string]string{"level": "loud", "url": "nonsense", "size": ""}}
	r.OneOf("level", f.Level, "info", "debug")
	r.Address("url", f.URL, ":1")
	for _, want := range []string{`level: want one of info, debug, not "loud"`, `url: want host:port`} {
		if err := r.Err(); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v lacks %q", err, want)
		}
	}
	r = config.Reader{Env: os.LookupEnv, Flags: map[string]string{"level": "debug"}}
	if got := r.OneOf("level", f.Level, "info", "debug"); got != "debug" {
		t.Errorf("level %s", got)
	}
}
