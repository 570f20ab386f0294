package main

import (
	"encoding/base64"
	"fmt"
	"math/rand/v2"
	"strings"
)

// logText is about n bytes of what executions print: lines of a controller, of
// kubectl and of a web server, some of which talk of keys and tokens without
// showing one.
func logText(n int) string {
	m := newMaker(1)
	var b strings.Builder
	b.Grow(n + 400)
	for i := 0; b.Len() < n; i++ {
		at := fmt.Sprintf("2026-11-23T04:%02d:%02d.%06dZ", i/60%60, i%60, m.IntN(1_000_000))
		switch i % 12 {
		case 3:
			fmt.Fprintf(&b, "W1123 04:%02d:%02d.%06d 1 reflector.go:561] token expired, getting a new one for serviceaccount default; key=%s\n", i/60%60, i%60, m.IntN(1_000_000), m.pod())
		case 5:
			fmt.Fprintf(&b, "pulled registry.example.org/team/app@sha256:%s in %d.%ds\n", m.hex(64), m.IntN(9), m.IntN(9))
		case 7:
			fmt.Fprintf(&b, `{"ts":%q,"level":"info","msg":"GET https://api.example.org/v1/items?page=%d","status":200,"auth":"ok","secretName":"db-creds","trace_id":%q}`+"\n", at, i, m.hex(32))
		case 9:
			fmt.Fprintf(&b, "%s   1/1     Running   %d          %dm\n", m.pod(), m.IntN(3), m.IntN(60))
		case 11:
			fmt.Fprintf(&b, "10.0.%d.%d - - [23/Nov/2026:04:%02d:%02d +0000] \"GET /healthz HTTP/1.1\" 200 %d \"-\" \"kube-probe/1.37\"\n", m.IntN(255), m.IntN(255), i/60%60, i%60, m.IntN(5000))
		default:
			fmt.Fprintf(&b, "%s INFO controller/scale.go:%d reconciling deployment %s namespace=payments replicas=%d\n", at, m.IntN(900), m.pod(), m.IntN(9))
		}
	}
	return b.String()
}

// yamlText is about n bytes of manifests as kubectl prints them.
func yamlText(n int) string {
	m := newMaker(2)
	var b strings.Builder
	b.Grow(n + 4000)
	for b.Len() < n {
		fmt.Fprintf(&b, deployment, m.pod(), m.uuid(), m.IntN(1_000_000), m.hex(64), m.pod(), m.uuid())
	}
	return b.String()
}

const deployment = `apiVersion: apps/v1
kind: Deployment
metadata:
  annotations:
    deployment.kubernetes.io/revision: "4"
    checksum/config: e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855
  name: %s
  namespace: payments
  uid: %s
  resourceVersion: "%d"
spec:
  replicas: 3
  selector:
    matchLabels:
      app.kubernetes.io/name: web
  template:
    spec:
      automountServiceAccountToken: false
      containers:
      - name: app
        image: registry.example.org/team/app@sha256:%s
        env:
        - name: DB_PASSWORD
          valueFrom:
            secretKeyRef:
              name: db-credentials
              key: password
        - name: LOG_LEVEL
          value: info
        volumeMounts:
        - mountPath: /var/run/secrets/tokens
          name: token
        resources:
          limits:
            memory: 256Mi
      imagePullSecrets:
      - name: registry-credentials
status:
  conditions:
  - lastTransitionTime: "2026-11-23T04:00:00Z"
    message: ReplicaSet "%s" has successfully progressed.
    reason: NewReplicaSetAvailable
    type: Progressing
  observedGeneration: 4
---
apiVersion: v1
kind: ConfigMap
metadata:
  name: settings
  uid: %s
data:
  LOG_FORMAT: json
  session.timeout: "3600"
  config.yaml: |
    server:
      port: 8443
      tlsSecretName: web-tls
    auth:
      enabled: true
---
`

// nested is base64 of base64 of … until it has n bytes.
func nested(n int) string {
	text := strings.Repeat("nothing to see here. ", 1000)
	for len(text) < n {
		text = base64.StdEncoding.EncodeToString([]byte(text))
	}
	return text[:n]
}

// maker makes things up, the same in every run.
type maker struct{ *rand.Rand }

func newMaker(seed uint64) maker {
	return maker{rand.New(rand.NewPCG(seed, 20261123))}
}

const (
	lowerHex  = "0123456789abcdef"
	lowers    = "abcdefghijklmnopqrstuvwxyz"
	digits    = "0123456789"
	base62    = lowers + "ABCDEFGHIJKLMNOPQRSTUVWXYZ" + digits
	podSuffix = "bcdfghjklmnpqrstvwxz2456789"
)

func (m maker) chars(alphabet string, n int) string {
	b := make([]byte, n)
	for i := range b {
		b[i] = alphabet[m.IntN(len(alphabet))]
	}
	return string(b)
}

func (m maker) pick(list ...string) string { return list[m.IntN(len(list))] }

func (m maker) hex(n int) string { return m.chars(lowerHex, n) }

func (m maker) uuid() string {
	return m.hex(8) + "-" + m.hex(4) + "-4" + m.hex(3) + "-a" + m.hex(3) + "-" + m.hex(12)
}

func (m maker) pod() string {
	return m.pick("web", "api", "worker", "payments-gateway", "db") + "-" + m.chars(podSuffix, 10) + "-" + m.chars(podSuffix, 5)
}
