package e2e

import (
	"context"
	"crypto/ecdsa"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/csv"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	authenticationv1 "k8s.io/api/authentication/v1"
	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/auditflow/auditflow/httpapi"
	"github.com/auditflow/auditflow/test/world"
)

func TestStrangeNamesComeBackAsTheyWereAndAsNoFormula(t *testing.T) {
	t.Parallel()
	names := []string{
		"a/b/../../etc/passwd", "..", "%00%2e%2e", `"quoted", and 'so'`, "👩‍💻 é é", strings.Repeat("x", 254),
		"'; DROP TABLE kubernetes_execution_audit; --", "=cmd|' /C calc'!A0", "+1+1", "-2+3", "@SUM(A1)", "＝1+1", "\t=1+1",
	}
	var lines []string
	for _, name := range names {
		lines = append(lines, posted(t, fields{"execution_id": name}).json())
	}
	var done httpapi.BatchAnswer
	client8085().send(t, http.MethodPost, httpapi.PathBatch, strings.Join(lines, "\n"), "Content-Type", "application/x-ndjson").
		want(http.StatusOK).read(&done)
	if done.Accepted != len(names) {
		t.Fatalf("%+v", done)
	}
	for i, result := range done.Results {
		eventually(t, patience, "the row of "+names[i], func(ctx context.Context) error {
			a, err := client8085().ask(ctx, http.MethodGet, httpapi.PathRecords+"/"+result.ID, "")
			if err != nil || a.status != http.StatusOK {
				return fmt.Errorf("status %d (%w)", a.status, err)
			}
			var row struct {
				ExecutionID string `json:"execution_id"`
			}
			if err := json.Unmarshal([]byte(a.text), &row); err != nil || row.ExecutionID != names[i] {
				t.Errorf("%q became %q (%v)", names[i], row.ExecutionID, err)
			}
			return nil
		})
	}
	text := client8085().get(t, httpapi.PathRecords+"?workflow="+t.Name(), "Accept", "text/csv").want(http.StatusOK).text
	rows, err := csv.NewReader(strings.NewReader(text)).ReadAll()
	if err != nil || len(rows) != len(names)+1 {
		t.Fatalf("%d lines, %v", len(rows), err)
	}
	seen := map[string]bool{}
	for _, row := range rows[1:] {
		for _, cell := range row {
			if first := strings.TrimLeft(cell, " \t"); first != "" && strings.ContainsRune("=+@＝", []rune(first)[0]) {
				t.Errorf("a spreadsheet would compute %q", cell)
			}
			seen[strings.TrimPrefix(cell, "'")] = true
		}
	}
	for _, name := range names {
		if !seen[strings.TrimPrefix(name, "'")] {
			t.Errorf("%q is not in the CSV", name)
		}
	}
}

// A token of the cluster is good for as long as it says and for whom it says.
func TestATokenThatHasExpiredOrIsForOthersLetsNobodyIn(t *testing.T) {
	t.Parallel()
	const space = "strangers"
	token := serviceAccount(t, space)
	text := posted(t, fields{"target_namespace": space}).json()
	good := token(world.APIAudience)
	eventually(t, patience, "the role counts", func(ctx context.Context) error {
		a, err := client8085().ask(ctx, http.MethodPost, httpapi.PathRecords, text, "Authorization", "Bearer "+good)
		if err != nil || a.status != http.StatusCreated {
			return fmt.Errorf("status %d: %s (%w)", a.status, a.text, err)
		}
		return nil
	})
	present := func(token string) answer {
		return client8085().post(t, "", text, "Authorization", "Bearer "+token)
	}
	// What we sign ourselves is taken while it is not out of date: so that is why
	// the other is refused.
	present(signed(t, good, time.Now().Add(time.Hour))).want(http.StatusCreated)
	present(signed(t, good, time.Now().Add(-time.Minute))).want(http.StatusUnauthorized)
	present(token("somebody-else")).want(http.StatusUnauthorized)
	present(token()).want(http.StatusUnauthorized) // the API server's own audience
	present(good[:len(good)-8] + "AAAAAAAA").want(http.StatusUnauthorized)
	other := posted(t, fields{"target_namespace": "kube-system"}).json()
	client8085().post(t, "", other, "Authorization", "Bearer "+good).want(http.StatusForbidden)
}

// serviceAccount makes one that may record what is done in a namespace of its own,
// and returns a function that gives tokens of it.
func serviceAccount(t *testing.T, space string) (token func(audiences ...string) string) {
	t.Helper()
	meta := metav1.ObjectMeta{Name: "executor", Namespace: space}
	for _, object := range []client.Object{
		&corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: space}},
		&corev1.ServiceAccount{ObjectMeta: meta},
		&rbacv1.Role{ObjectMeta: meta, Rules: []rbacv1.PolicyRule{
			{APIGroups: []string{httpapi.Group}, Resources: []string{httpapi.Resource}, Verbs: []string{"create"}},
		}},
		&rbacv1.RoleBinding{
			ObjectMeta: meta, RoleRef: rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "Role", Name: meta.Name},
			Subjects: []rbacv1.Subject{{Kind: rbacv1.ServiceAccountKind, Name: meta.Name, Namespace: space}},
		},
	} {
		if err := stage.executor.Client.Create(t.Context(), object); err != nil {
			t.Fatal(err)
		}
	}
	admin, err := kubernetes.NewForConfig(stage.Kube.Config)
	if err != nil {
		t.Fatal(err)
	}
	return func(audiences ...string) string {
		t.Helper()
		answer, err := admin.CoreV1().ServiceAccounts(space).CreateToken(t.Context(), meta.Name,
			&authenticationv1.TokenRequest{Spec: authenticationv1.TokenRequestSpec{Audiences: audiences}}, metav1.CreateOptions{})
		if err != nil {
			t.Fatal(err)
		}
		return answer.Status.Token
	}
}

// signed is a token like another one that expires at another time, signed with the
// cluster's own key: the API server issues none that have expired.
func signed(t *testing.T, like string, expires time.Time) string {
	t.Helper()
	parts := strings.Split(like, ".")
	text, err := base64.RawURLEncoding.DecodeString(parts[1])
	if err != nil {
		t.Fatal(err)
	}
	var claims map[string]any
	if err := json.Unmarshal(text, &claims); err != nil {
		t.Fatal(err)
	}
	begin := expires.Add(-2 * time.Hour).Unix()
	claims["iat"], claims["nbf"], claims["exp"] = begin, begin, expires.Unix()
	if text, err = json.Marshal(claims); err != nil {
		t.Fatal(err)
	}
	file, err := os.ReadFile(filepath.Join(stage.Dir, "kube", "certs", "sa-signer.key"))
	if err != nil {
		t.Fatal(err)
	}
	block, _ := pem.Decode(file)
	key, err := x509.ParsePKCS8PrivateKey(block.Bytes)
	if err != nil {
		t.Fatal(err)
	}
	message := parts[0] + "." + base64.RawURLEncoding.EncodeToString(text)
	digest := sha256.Sum256([]byte(message))
	r, v, err := ecdsa.Sign(rand.Reader, key.(*ecdsa.PrivateKey), digest[:]) // ES256, RFC 7518 section 3.4
	if err != nil {
		t.Fatal(err)
	}
	signature := append(r.FillBytes(make([]byte, 32)), v.FillBytes(make([]byte, 32))...)
	return message + "." + base64.RawURLEncoding.EncodeToString(signature)
}
