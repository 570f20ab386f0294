package main

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"regexp"
	"strconv"

	"k8s.io/client-go/discovery"

	"github.com/auditflow/auditflow/test/load/price"
	"github.com/auditflow/auditflow/test/world"
)

// requests are how many the API server has answered, by verb and resource: of those
// resources that the controller has to do with, without lists and watches, which are
// there once for all objects.
type requests = price.Requests

var (
	requestCount = regexp.MustCompile(`^apiserver_request_total\{(.*)\} (\S+)$`)
	requestLabel = regexp.MustCompile(`\b(resource|verb)="([^"]*)"`)
)

// requestsOf asks the API server itself.
func requestsOf(ctx context.Context, kube *world.Kube) (requests, error) {
	server, err := discovery.NewDiscoveryClientForConfig(kube.Config)
	if err != nil {
		return nil, err
	}
	metrics, err := server.RESTClient().Get().AbsPath("/metrics").Stream(ctx)
	if err != nil {
		return nil, fmt.Errorf("read the metrics of the API server: %w", err)
	}
	defer metrics.Close()
	return readRequests(metrics)
}

// readRequests takes metrics in Prometheus' text format.
func readRequests(metrics io.Reader) (requests, error) {
	all := requests{}
	lines := bufio.NewScanner(metrics)
	for lines.Scan() {
		if found := requestCount.FindStringSubmatch(lines.Text()); found != nil {
			if err := countRequest(all, found[1], found[2]); err != nil {
				return nil, err
			}
		}
	}
	return all, lines.Err()
}

func countRequest(all requests, labels, value string) error {
	of := map[string]string{}
	for _, label := range requestLabel.FindAllStringSubmatch(labels, -1) {
		of[label[1]] = label[2]
	}
	switch of["resource"] {
	case "kubernetesexecutions", "jobs", "pods", "events":
	default:
		return nil
	}
	if of["verb"] == "LIST" || of["verb"] == "WATCH" {
		return nil
	}
	n, err := strconv.ParseFloat(value, 64)
	all[of["verb"]+" "+of["resource"]] += n
	return err
}

// requestsOfEach is how many there were since, for each of n.
func requestsOfEach(n int, after, before requests) requests {
	per := requests{}
	for name, count := range after {
		if count -= before[name]; count > 0 {
			per[name] = count / float64(max(1, n))
		}
	}
	return per
}
