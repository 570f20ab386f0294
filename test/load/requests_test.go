package main

import (
	"strings"
	"testing"
)

// As the API server tells it.
const requestMetrics = `# TYPE apiserver_request_total counter
apiserver_request_total{code="200",component="apiserver",dry_run="",group="kubernaut.io",resource="kubernetesexecutions",scope="resource",subresource="",verb="PATCH",version="v1"} 5
apiserver_request_total{code="409",component="apiserver",dry_run="",group="kubernaut.io",resource="kubernetesexecutions",scope="resource",subresource="status",verb="PATCH",version="v1"} 2
apiserver_request_total{code="200",component="apiserver",dry_run="",group="kubernaut.io",resource="kubernetesexecutions",scope="namespace",subresource="",verb="LIST",version="v1"} 9
apiserver_request_total{code="201",component="apiserver",dry_run="",group="events.k8s.io",resource="events",scope="resource",subresource="",verb="POST",version="v1"} 3
apiserver_request_total{code="200",component="apiserver",dry_run="",group="coordination.k8s.io",resource="leases",scope="resource",subresource="",verb="PUT",version="v1"} 40
apiserver_request_duration_seconds_sum{resource="pods",verb="GET"} 1
`

func TestRequestsAreCountedByVerbAndResource(t *testing.T) {
	t.Parallel()
	after, err := readRequests(strings.NewReader(requestMetrics))
	must(t, err)
	equal(t, "requests", after.String(), "PATCH kubernetesexecutions 7.00, POST events 3.00")
	equal(t, "of each", requestsOfEach(2, after, requests{"PATCH kubernetesexecutions": 3, "POST events": 3}).String(), "PATCH kubernetesexecutions 2.00")
}
