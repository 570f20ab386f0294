//go:build chart

package chart

import (
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/yaml"
)

const mounted = "/etc/auditflow"

var filesNamed = regexp.MustCompile(mounted + `[-./a-z]+`)

func TestEachProgramTakesTheConfigurationItIsGiven(t *testing.T) {
	t.Parallel()
	for name, values := range sets(t) {
		if name == "vault" {
			continue // its keyset is opened by a Vault; see the next test
		}
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			takes(t, render(t, values))
		})
	}
}

// takes has every Deployment's program read its configuration, with the files it
// names where the pod has them mounted, and nothing else.
func takes(t *testing.T, r rendered) {
	t.Helper()
	for name, pod := range r.pods(t) {
		container := pod.Spec.Containers[0]
		if container.Name == "migrate" {
			continue
		}
		dir := t.TempDir()
		for _, volume := range pod.Spec.Volumes {
			place(t, r, dir, mountOf(container, volume.Name), volume)
		}
		cmd := exec.CommandContext(t.Context(), filepath.Join(programs, path.Base(container.Command[0])), "--validate-config") //nolint:gosec // ours
		for _, arg := range container.Args {
			cmd.Args = append(cmd.Args, strings.ReplaceAll(arg, mounted, dir))
		}
		for _, e := range container.Env {
			cmd.Env = append(cmd.Env, e.Name+"=postgres://login@db.example.com/audit")
		}
		if said, err := cmd.CombinedOutput(); err != nil {
			t.Errorf("%s: %v\n%s", name, err, said)
		}
	}
}

func mountOf(c corev1.Container, volume string) string {
	for _, m := range c.VolumeMounts {
		if m.Name == volume {
			return m.MountPath
		}
	}
	return ""
}

// place puts what a volume holds under dir, where it is mounted.
func place(t *testing.T, r rendered, dir, at string, v corev1.Volume) {
	t.Helper()
	under, ok := strings.CutPrefix(at, mounted)
	if !ok {
		return
	}
	var names []string
	if v.Projected != nil {
		for _, source := range v.Projected.Sources {
			names = append(names, source.ConfigMap.Name)
		}
	}
	if v.ConfigMap != nil {
		names = append(names, v.ConfigMap.Name)
	}
	for _, name := range names {
		for file, text := range get[corev1.ConfigMap](t, r, "ConfigMap", name).Data {
			write(t, filepath.Join(dir, under, file), strings.ReplaceAll(text, mounted, dir))
		}
	}
	if v.Secret == nil {
		return
	}
	files := []string{"tls.crt", "tls.key", "ca.crt"} // of a Secret that is mounted as it is
	if len(v.Secret.Items) > 0 {
		files = []string{v.Secret.Items[0].Path}
	}
	for _, file := range files {
		write(t, filepath.Join(dir, under, file), secret(t, file))
	}
}

func write(t *testing.T, file, text string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(file), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

func TestAPodHasEveryFileThatItsConfigurationNames(t *testing.T) {
	t.Parallel()
	for name, values := range sets(t) {
		r := render(t, values)
		for pod, template := range r.pods(t) {
			container := template.Spec.Containers[0]
			var has []string
			for _, volume := range template.Spec.Volumes {
				at := mountOf(container, volume.Name)
				if volume.Secret != nil && len(volume.Secret.Items) > 0 {
					at = path.Join(at, volume.Secret.Items[0].Path)
				}
				has = append(has, at)
			}
			for _, file := range namedBy(t, r, template) {
				if !slices.Contains(has, file) && !slices.Contains(has, path.Dir(file)) {
					t.Errorf("%s: %s: the configuration names %s, mounted are %v", name, pod, file, has)
				}
			}
		}
	}
}

// namedBy are the files that the configuration of a pod names.
func namedBy(t *testing.T, r rendered, pod corev1.PodTemplateSpec) (files []string) {
	t.Helper()
	for _, volume := range pod.Spec.Volumes {
		if volume.Projected == nil {
			continue
		}
		for _, source := range volume.Projected.Sources {
			for _, text := range get[corev1.ConfigMap](t, r, "ConfigMap", source.ConfigMap.Name).Data {
				files = append(files, filesNamed.FindAllString(text, -1)...)
			}
		}
	}
	return files
}

// example is the configuration that --help shows.
var example = regexp.MustCompile(`(?s)\nConfiguration [^\n]*\n\n(.*?)\n\n(?:\S|$)`)

// ours are the keys that the chart itself says, by program.
var ours = map[string][]string{
	"controller": {"cluster", "leader_election.namespace"},
	"worker":     {"database.url", "database.password_file", "maintenance.database_url", "maintenance.database_password_file", "maintenance.archive.bucket_url"},
	"api":        {"cluster", "tls", "auth", "database.url", "database.password_file"},
}

func TestEveryKeyThatAProgramHasMayBeSetInValues(t *testing.T) {
	t.Parallel()
	common := []string{"listen", "keyset_file", "keyset_kms_uri", "keyset_kms_token_file", "keyset_kms_ca_file", "redaction_policy_file", "token_keyset_file", "temporal"}
	for program, own := range ours {
		t.Run(program, func(t *testing.T) {
			t.Parallel()
			help, err := exec.CommandContext(t.Context(), filepath.Join(programs, program), "--help").Output() //nolint:gosec // ours
			block := example.FindSubmatch(help)
			if err != nil || block == nil {
				t.Fatalf("no example in the help: %v\n%s", err, help)
			}
			var keys map[string]any
			if err := yaml.Unmarshal(block[1], &keys); err != nil {
				t.Fatal(err)
			}
			for _, key := range slices.Concat(common, own) {
				remove(t, keys, strings.Split(key, "."))
			}
			text, err := yaml.Marshal(map[string]any{"cluster": "c", program: map[string]any{"config": keys}})
			if err != nil {
				t.Fatal(err)
			}
			values := filepath.Join(t.TempDir(), "values.yaml")
			write(t, values, string(text))
			takes(t, render(t, values))
		})
	}
}

// remove takes a key out, which has to be there: else the list above is out of date.
func remove(t *testing.T, keys map[string]any, key []string) {
	t.Helper()
	value, ok := keys[key[0]]
	if !ok {
		t.Errorf("the help tells no key %v", key)
		return
	}
	if len(key) == 1 {
		delete(keys, key[0])
		return
	}
	remove(t, value.(map[string]any), key[1:])
}
