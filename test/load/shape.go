package main

import (
	"fmt"
	"math"
	"math/rand/v2"
	"sort"
	"time"
)

// zipf picks positions of a list so that the first is the most frequent, the
// second half as frequent, the third a third, and so on.
type zipf []float64

func newZipf(n int, exponent float64) zipf {
	z := make(zipf, n)
	total := 0.0
	for i := range z {
		total += math.Pow(float64(i+1), -exponent)
		z[i] = total
	}
	for i := range z {
		z[i] /= total
	}
	return z
}

func (z zipf) pick(rng *rand.Rand) int {
	return min(sort.SearchFloat64s(z, rng.Float64()), len(z)-1)
}

// logNormal has this median; two thirds of its values lie within a factor of
// e^spread of it.
func logNormal(rng *rand.Rand, median, spread float64) float64 {
	return median * math.Exp(spread*rng.NormFloat64())
}

// action is a kind of execution: what it acts upon, how long it takes as a
// rule, and how often it goes well. In parameters # stands for a digit; they are
// written as normalising leaves them, keys sorted, see [dataset.chunk].
type action struct {
	name, kind string
	median     time.Duration
	success    float64
	parameters string
}

// actions come in the order of their frequency.
//
//nolint:gochecknoglobals // a table of constants
var actions = []action{
	{"restart-pod", "Pod", 6 * time.Second, .97, `{"gracePeriodSeconds":3#,"reason":"CrashLoopBackOff"}`},
	{"scale-deployment", "Deployment", 18 * time.Second, .96, `{"previousReplicas":#,"replicas":#,"waitForRollout":true}`},
	{"rollout-restart", "Deployment", 45 * time.Second, .95, `{"maxUnavailable":"##%","strategy":"RollingUpdate"}`},
	{"update-image", "Deployment", 70 * time.Second, .90, `{"container":"app","image":"registry.example/shop/app:1.##.#","previous":"registry.example/shop/app:1.##.#"}`},
	{"collect-logs", "Pod", 9 * time.Second, .98, `{"containers":["app","sidecar"],"destination":"s3://diagnostics/####","since":"##m"}`},
	{"delete-pod", "Pod", 4 * time.Second, .98, `{"force":false,"gracePeriodSeconds":#}`},
	{"patch-configmap", "ConfigMap", 2 * time.Second, .97, `{"patch":{"data":{"LOG_LEVEL":"debug","POOL_SIZE":"##"}},"type":"merge"}`},
	{"increase-memory", "Deployment", 55 * time.Second, .91, `{"cap":"4Gi","container":"app","limit":"###Mi","request":"###Mi"}`},
	{"rollback-deployment", "Deployment", 60 * time.Second, .92, `{"toRevision":##,"waitForRollout":true}`},
	{"increase-cpu", "Deployment", 50 * time.Second, .92, `{"container":"app","limit":"##00m","request":"#00m"}`},
	{"cordon-node", "Node", 2 * time.Second, .99, `{"reason":"DiskPressure"}`},
	{"drain-node", "Node", 240 * time.Second, .80, `{"deleteEmptyDirData":true,"ignoreDaemonSets":true,"timeout":"##m"}`},
	{"uncordon-node", "Node", 2 * time.Second, .99, ``},
	{"run-job", "Job", 130 * time.Second, .89, `{"args":["--dry-run=false","--shard=#"],"backoffLimit":3,"template":"maintenance-##"}`},
	{"scale-statefulset", "StatefulSet", 95 * time.Second, .90, `{"ordered":true,"previousReplicas":#,"replicas":#}`},
	{"expand-pvc", "PersistentVolumeClaim", 85 * time.Second, .86, `{"previous":"##Gi","size":"###Gi","storageClass":"fast"}`},
	{"rotate-certificate", "Secret", 25 * time.Second, .94, `{"issuer":"internal-ca","renewBefore":"###h"}`},
	{"clear-cache", "Pod", 12 * time.Second, .96, `{"command":["redis-cli","-n","#","FLUSHDB"]}`},
	{"vacuum-database", "StatefulSet", 600 * time.Second, .88, `{"database":"orders","table":"events_####","vacuumFull":false}`},
	{"failover-primary", "StatefulSet", 40 * time.Second, .84, `{"from":"db-#","to":"db-#","waitForLag":"##ms"}`},
	{"update-hpa", "HorizontalPodAutoscaler", 2 * time.Second, .97, `{"maxReplicas":##,"metric":"cpu","minReplicas":#,"target":##}`},
	{"apply-network-policy", "NetworkPolicy", 3 * time.Second, .95, `{"labels":{"tier":"backend","zone":"z#"},"policy":"deny-egress"}`},
	{"backup-volume", "PersistentVolumeClaim", 420 * time.Second, .91, `{"retain":##,"snapshotClass":"daily"}`},
	{"patch-ingress", "Ingress", 3 * time.Second, .94, `{"patch":[{"op":"replace","path":"/spec/rules/0/host","value":"shop-##.example"}]}`},
	{"custom-script", "Job", 33 * time.Second, .78, `{"env":{"BATCH":"###","MODE":"safe"},"script":"remediate-##.sh","timeout":"#0m"}`},
}

// applications name namespaces and what runs in them.
//
//nolint:gochecknoglobals // a table of constants
var applications = []string{
	"checkout", "payments", "catalog", "search", "cart", "orders", "billing", "identity", "gateway", "inventory",
	"shipping", "pricing", "reviews", "profiles", "sessions", "media", "notify", "ledger", "fraud", "reports",
	"export", "ingest", "features", "ranking", "support", "chat", "geo", "tax", "loyalty", "returns",
	"vendors", "quotes", "kafka", "redis", "postgres", "mailer", "cron", "metrics", "tracing", "vault",
}

const namespaceCount = 400

// namespaces come in the order of their frequency; 15 of 100 are production.
//
//nolint:gochecknoglobals // a table of constants
var namespaces = func() []string {
	others := []string{"staging", "dev", "team", "ci", "platform", "data", "qa", "sandbox", "edge"}
	zones := []string{"", "-eu", "-us", "-ap"}
	var names []string
	production, other := 0, 0
	for i := range namespaceCount {
		prefix, n := "prod", production
		if place := i % 20; place == 1 || place == 8 || place == 14 {
			production++
		} else {
			prefix, n = others[other%len(others)], other/len(others)
			other++
		}
		application := applications[7*n%len(applications)]
		names = append(names, prefix+"-"+application+zones[n/len(applications)%len(zones)])
	}
	return names
}()

// clusters are those of the namespaces, which never span two.
func clusterOf(namespace int) string { return fmt.Sprintf("cluster-%c", 'a'+namespace%3) }

//nolint:gochecknoglobals // tables of constants
var (
	actionShare      = newZipf(len(actions), 0.9)
	namespaceShare   = newZipf(namespaceCount, 0.9)
	applicationShare = newZipf(len(applications), 0.7)
)
