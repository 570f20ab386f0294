//go:build chart

package chart

import (
	"os"
	"reflect"
	"slices"
	"strings"
	"testing"

	appsv1 "k8s.io/api/apps/v1"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	"sigs.k8s.io/yaml"
)

func deployment(t *testing.T, r rendered, component string) appsv1.Deployment {
	t.Helper()
	return get[appsv1.Deployment](t, r, "Deployment", "auditflow-"+component)
}

func TestAPodMayTakeAsLongToEndAsItsProgramDrains(t *testing.T) {
	t.Parallel()
	for values, want := range map[string]map[string]int64{
		"defaults":   {"controller": 30, "worker": 20 + 10, "api": 20 + 15},
		"everything": {"controller": 30, "worker": 90 + 10, "api": 45 + 15},
		"embedded":   {"controller": 30 + 40},
	} {
		r := render(t, "testdata/"+values+".yaml")
		for component, seconds := range want {
			if got := *deployment(t, r, component).Spec.Template.Spec.TerminationGracePeriodSeconds; got != seconds {
				t.Errorf("%s: %s has %d s, want %d", values, component, got, seconds)
			}
		}
	}
	r := render(t, "testdata/defaults.yaml", `worker.config={"worker": {"drain_timeout": "1500ms"}}`)
	if got := *deployment(t, r, "worker").Spec.Template.Spec.TerminationGracePeriodSeconds; got != 12 {
		t.Errorf("1500 ms are %d s with 10 to spare", got)
	}
}

func TestOnlyWhoAsksTheClusterHasATokenForIt(t *testing.T) {
	t.Parallel()
	for values, want := range map[string]map[string]bool{
		"defaults": {"controller": true, "worker": false, "api": true, "migrate-0-1-0": false},
		"tokens":   {"api": false},
	} {
		r := render(t, "testdata/"+values+".yaml")
		for name, pod := range r.pods(t) {
			token, asked := want[strings.TrimPrefix(name, "auditflow-")]
			if asked && *pod.Spec.AutomountServiceAccountToken != token {
				t.Errorf("%s: %s has a token: %t", values, name, !token)
			}
		}
		if has := r.find("ClusterRole", "auditflow-api") != nil; has != (values == "defaults") {
			t.Errorf("%s: a role for the api: %t", values, has)
		}
	}
}

func TestEveryProgramReachesTemporalAsTheValuesSay(t *testing.T) {
	t.Parallel()
	r := render(t, "testdata/everything.yaml")
	for component, pod := range map[string]string{"controller": "auditflow-controller", "worker": "auditflow-worker", "api": "auditflow-api"} {
		var file struct{ Temporal map[string]any }
		if err := yaml.Unmarshal([]byte(get[corev1.ConfigMap](t, r, "ConfigMap", pod).Data[component+".yaml"]), &file); err != nil {
			t.Fatal(err)
		}
		want := map[string]any{
			"address": "temporal.example.com:7233", "namespace": "audit", "api_key_file": mounted + "/temporal-api-key/api-key",
			"tls": map[string]any{
				"enabled": true, "server_name": "frontend", "ca_file": mounted + "/temporal-ca/ca.crt",
				"cert_file": mounted + "/temporal-tls/tls.crt", "key_file": mounted + "/temporal-tls/tls.key",
			},
		}
		if !reflect.DeepEqual(file.Temporal, want) {
			t.Errorf("%s: %v, want %v", component, file.Temporal, want)
		}
	}
	plain := get[corev1.ConfigMap](t, render(t, "testdata/defaults.yaml"), "ConfigMap", "auditflow-worker").Data["worker.yaml"]
	if strings.Contains(plain, "tls:") {
		t.Errorf("TLS that nobody asked for:\n%s", plain)
	}
}

func TestOnlyWhoWorksHasTheLoginsOfTheDatabase(t *testing.T) {
	t.Parallel()
	for values, want := range map[string]map[string]string{
		"defaults":   {"controller": "", "worker": "auditflow-database-writer/url auditflow-database-maintainer/url", "api": ""},
		"everything": {"controller": "", "worker": "writer/uri maintainer/url", "api": "reader/url", "migrate-0123456789ab": "maintainer/url maintainer/password"},
		"embedded":   {"controller": "database/uri", "migrate-0-1-0": "database/uri"},
	} {
		pods := render(t, "testdata/"+values+".yaml").pods(t)
		for name, secrets := range want {
			pod, ok := pods["auditflow-"+name]
			if !ok {
				t.Errorf("%s: no pods %s", values, name)
				continue
			}
			var has []string
			for _, e := range pod.Spec.Containers[0].Env {
				if e.ValueFrom == nil || e.ValueFrom.SecretKeyRef == nil {
					t.Errorf("%s: %s: %s is written there", values, name, e.Name)
					continue
				}
				has = append(has, e.ValueFrom.SecretKeyRef.Name+"/"+e.ValueFrom.SecretKeyRef.Key)
			}
			if got := strings.Join(has, " "); got != secrets {
				t.Errorf("%s: %s has %q, want %q", values, name, got, secrets)
			}
		}
	}
}

func TestWhatIsFollowedIsMountedWhole(t *testing.T) {
	t.Parallel()
	for name, pod := range render(t, "testdata/everything.yaml").pods(t) {
		for _, m := range pod.Spec.Containers[0].VolumeMounts {
			if m.SubPath != "" {
				t.Errorf("%s: %s has a subPath: it would never change", name, m.MountPath)
			}
			if !m.ReadOnly && m.Name != "tmp" && m.Name != "archive" {
				t.Errorf("%s: %s can be written to", name, m.MountPath)
			}
		}
	}
}

func TestAChangeOfTheConfigurationMakesNewPodsOfThatProgramOnly(t *testing.T) {
	t.Parallel()
	sum := func(component string, set ...string) string {
		return deployment(t, render(t, "testdata/defaults.yaml", set...), component).Spec.Template.Annotations["checksum/config"]
	}
	change := `worker.config={"log_level": "debug"}`
	if sum("worker") == sum("worker", change) || sum("api") != sum("api", change) {
		t.Error("the worker's pods stay, or the api's go")
	}
	if policy := `redactionPolicy="version: 1"`; sum("controller") == sum("controller", policy) {
		t.Error("the policy is read at start only, and the pods stay")
	}
	if sum("controller", `worker.embedded=true`) == sum("controller", `worker.embedded=true`, change) {
		t.Error("an embedded worker's configuration changes nothing")
	}
}

func TestWhoeverScalesTheWorkersIsNotOverruled(t *testing.T) {
	t.Parallel()
	for values, scales := range map[string]bool{"defaults": false, "everything": true, "workers": true} {
		if got := deployment(t, render(t, "testdata/"+values+".yaml"), "worker").Spec.Replicas; (got == nil) != scales {
			t.Errorf("%s: replicas %v", values, got)
		}
	}
}

func TestKEDALooksAtTheTaskQueueOfTheWorkersVersion(t *testing.T) {
	t.Parallel()
	r := render(t, "testdata/everything.yaml")
	scaled := r.find("ScaledObject", "auditflow-worker")
	if scaled == nil || scaled.GetAPIVersion() != "keda.sh/v1alpha1" || text(scaled, "spec", "scaleTargetRef", "name") != "auditflow-worker" {
		t.Fatalf("%v", scaled)
	}
	trigger := scaled.Object["spec"].(map[string]any)["triggers"].([]any)[0].(map[string]any)
	metadata := trigger["metadata"].(map[string]any)
	for key, want := range map[string]string{
		"endpoint": "temporal.example.com:7233", "namespace": "audit", "taskQueue": "audit-delivery", "queueTypes": "workflow,activity",
		"targetQueueSize": "50", "workerDeploymentName": "auditflow", "workerDeploymentBuildId": "v1",
	} {
		if metadata[key] != want { // all of KEDA's are strings
			t.Errorf("%s is %v, want %q", key, metadata[key], want)
		}
	}
	if metadata["tlsServerName"] != "frontend" || r.find("TriggerAuthentication", "auditflow-worker") == nil {
		t.Errorf("%v, and no way in", metadata)
	}
	if trigger["type"] != "temporal" {
		t.Errorf("a trigger of type %v", trigger["type"])
	}
}

func TestAlertsAndDashboardAreThoseOfThisRelease(t *testing.T) {
	t.Parallel()
	r := render(t, "testdata/everything.yaml")
	rule := r.find("PrometheusRule", "auditflow-alerts")
	if rule == nil || rule.GetLabels()["release"] != "prometheus" {
		t.Fatalf("%v", rule)
	}
	alerts, err := os.ReadFile(root + "/deploy/alerts.yaml")
	if err != nil {
		t.Fatal(err)
	}
	var want map[string]any
	if err := yaml.Unmarshal(alerts, &want); err != nil {
		t.Fatal(err)
	}
	if got, expected := asYAML(t, rule.Object["spec"]), asYAML(t, want); got != expected {
		t.Errorf("the rules differ from deploy/alerts.yaml:\n%s", got)
	}
	dashboard, err := os.ReadFile(root + "/deploy/dashboard.json")
	if err != nil {
		t.Fatal(err)
	}
	if got := get[corev1.ConfigMap](t, r, "ConfigMap", "auditflow-dashboard"); strings.TrimSpace(got.Data["auditflow.json"]) != strings.TrimSpace(string(dashboard)) || got.Labels["grafana_dashboard"] != "1" {
		t.Error("the dashboard differs from deploy/dashboard.json")
	}
}

func asYAML(t *testing.T, value any) string {
	t.Helper()
	text, err := yaml.Marshal(value)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func TestEveryServiceIsScrapedWhereItSelectsPods(t *testing.T) {
	t.Parallel()
	r := render(t, "testdata/everything.yaml")
	for _, component := range []string{"controller", "worker", "api"} {
		monitor := r.find("ServiceMonitor", "auditflow-"+component)
		if monitor == nil || monitor.GetLabels()["release"] != "prometheus" {
			t.Fatalf("%s: %v", component, monitor)
		}
		selector := monitor.Object["spec"].(map[string]any)["selector"].(map[string]any)["matchLabels"].(map[string]any)
		service := get[corev1.Service](t, r, "Service", "auditflow-"+component)
		pod := deployment(t, r, component).Spec.Template
		for key, value := range selector {
			if service.Labels[key] != value {
				t.Errorf("%s: the monitor wants %s=%v, the Service has %q", component, key, value, service.Labels[key])
			}
		}
		for key, value := range service.Spec.Selector {
			if pod.Labels[key] != value {
				t.Errorf("%s: the Service wants %s=%v, pods have %q", component, key, value, pod.Labels[key])
			}
		}
		if ports := pod.Spec.Containers[0].Ports; ports[0].Name != "http" || ports[0].ContainerPort != service.Spec.Ports[0].Port {
			t.Errorf("%s: ports %v and %v", component, ports, service.Spec.Ports)
		}
	}
}

func TestPodsReachWhatTheyNeedAndNothingElse(t *testing.T) {
	t.Parallel()
	for values, want := range map[string]map[string][]int{
		"defaults": {"controller": {53, 443, 6443, 7233}, "worker": {53, 5432, 7233}, "api": {53, 443, 6443, 7233}, "migrate": {53, 5432}},
		"tokens":   {"api": {53, 7233}},
		"vault":    {"worker": {53, 5432, 7233, 8200}, "migrate": {53, 5432}},
		"everything": {
			"controller": {53, 443, 6443, 7233}, "worker": {53, 80, 443, 5432, 6432, 7233},
			"api": {53, 443, 5432, 6432, 6443, 7233}, "migrate": {53, 5432, 6432},
		},
	} {
		r := render(t, "testdata/"+values+".yaml")
		for component, ports := range want {
			policy := get[networkingv1.NetworkPolicy](t, r, "NetworkPolicy", "auditflow-"+component)
			var open []int
			for _, rule := range policy.Spec.Egress {
				for _, port := range rule.Ports {
					open = append(open, port.Port.IntValue())
				}
			}
			slices.Sort(open)
			if open = slices.Compact(open); !slices.Equal(open, ports) {
				t.Errorf("%s: %s reaches %v, want %v", values, component, open, ports)
			}
		}
	}
}

func TestWhatIsLostForEverIsKeptOrMadeFirst(t *testing.T) {
	t.Parallel()
	r := render(t, "testdata/defaults.yaml")
	crd := r.find("CustomResourceDefinition", "kubernetesexecutions.execution.kubernaut.io")
	if crd == nil || crd.GetAnnotations()["helm.sh/resource-policy"] != "keep" {
		t.Error("the CRD goes with the release, and every object of it")
	}
	job := get[batchv1.Job](t, r, "Job", "auditflow-migrate-0-1-0")
	if job.Annotations["helm.sh/hook"] != "pre-install,pre-upgrade" || job.Spec.Template.Spec.ServiceAccountName != "" {
		t.Errorf("%v, %q: a hook runs before there are ServiceAccounts", job.Annotations, job.Spec.Template.Spec.ServiceAccountName)
	}
	beside := render(t, "testdata/workers.yaml")
	for _, object := range beside {
		if kind := object.GetKind(); kind == "CustomResourceDefinition" || kind == "Job" || strings.HasPrefix(kind, "ClusterRole") {
			t.Errorf("a release of workers beside another has a %s", kind)
		}
	}
}
