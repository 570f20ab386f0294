package main

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"strings"
)

func b64(s string) string { return base64.StdEncoding.EncodeToString([]byte(s)) }

// kubernetesGrammars plant passwords in what kubectl, helm and kubeconfigs show.
func kubernetesGrammars() []grammar {
	one := func(kind string, text func(m maker, p string) (string, string)) grammar {
		return grammar{kind: "k8s-" + kind, text: func(m maker) (string, []string) {
			text, secret := text(m, m.password())
			return text, []string{secret}
		}}
	}
	return []grammar{
		one("secret-data", func(m maker, p string) (string, string) {
			v := b64(p)
			return "apiVersion: v1\ndata:\n  " + m.word() + ": " + v + "\nkind: Secret\nmetadata:\n  name: db\ntype: Opaque\n", v
		}),
		one("secret-string-data", func(m maker, p string) (string, string) {
			return "apiVersion: v1\nkind: Secret\nmetadata:\n  name: db\nstringData:\n  " + m.word() + ": " + p + "\n", p
		}),
		one("secret-list", func(m maker, p string) (string, string) {
			v := b64(p)
			return "apiVersion: v1\nitems:\n- apiVersion: v1\n  data:\n    color: blue\n  kind: ConfigMap\n  metadata:\n    name: a\n- apiVersion: v1\n  data:\n    " + m.word() + ": " + v + "\n  kind: Secret\n  metadata:\n    name: b\nkind: List\n", v
		}),
		one("secret-json", func(m maker, p string) (string, string) {
			v := b64(p)
			return fmt.Sprintf(`{"apiVersion":"v1","data":{%q:%q},"kind":"Secret","metadata":{"name":"db"}}`, m.word(), v), v
		}),
		one("last-applied", func(m maker, p string) (string, string) {
			applied, _ := json.Marshal(fmt.Sprintf(`{"apiVersion":"v1","kind":"Secret","metadata":{"annotations":{},"name":"db"},"stringData":{%q:%q}}`, m.word(), p))
			return "metadata:\n  annotations:\n    kubectl.kubernetes.io/last-applied-configuration: " + string(applied) + "\n  name: db\n", p
		}),
		one("env", func(m maker, p string) (string, string) {
			return "    env:\n    - name: LOG_LEVEL\n      value: info\n    - name: " + strings.ToUpper(m.pick("db_password", "api_token", "admin_passwd")) + "\n      value: " + p + "1x9\n", p + "1x9"
		}),
		one("describe-env", func(_ maker, p string) (string, string) {
			return "    Environment:\n      LOG_LEVEL:    info\n      DB_PASSWORD:  " + p + "\n    Mounts:       <none>\n", p
		}),
		one("helm-values", func(_ maker, p string) (string, string) {
			return "postgresql:\n  auth:\n    username: app\n    postgresPassword: " + p + "\n    database: shop\n", p
		}),
		one("config-map", func(_ maker, p string) (string, string) {
			return "apiVersion: v1\nkind: ConfigMap\ndata:\n  app.properties: |\n    db.user=app\n    db.password=" + p + "\n", p
		}),
		one("kubeconfig-password", func(_ maker, p string) (string, string) {
			return "users:\n- name: admin\n  user:\n    username: admin\n    password: " + p + "\n", p
		}),
		one("diff", func(_ maker, p string) (string, string) {
			return "@@ -8,3 +8,3 @@\n-  password: old-" + p + "\n+  password: " + p + "\n", p
		}),
		{kind: "k8s-kubeconfig-token", text: func(m maker) (string, []string) {
			t := m.jwt()
			return "users:\n- name: ci\n  user:\n    token: " + t + "\n", []string{t}
		}},
		{kind: "k8s-kubeconfig-key", text: func(m maker) (string, []string) {
			key := b64(pem(m.keyLines(), "\n"))
			return "users:\n- name: admin\n  user:\n    client-key-data: " + key + "\n", []string{key}
		}},
		{kind: "k8s-describe-token", text: func(m maker) (string, []string) {
			t := m.jwt()
			return "Data\n====\nca.crt:     570 bytes\nnamespace:  7 bytes\ntoken:      " + t + "\n", []string{t}
		}},
		{kind: "k8s-bootstrap", text: func(m maker) (string, []string) {
			t := m.chars(lowers+digits, 6) + "." + m.chars(lowers+digits, 15) + "7"
			return "kubeadm join 10.0.0.1:6443 --token " + t + " --discovery-token-ca-cert-hash sha256:" + m.hex(64), []string{t}
		}},
	}
}
